"""The vocabulary of an answer: categories, the culprit and the diagnosis."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema


class Category(StrEnum):
    """What kind of fault it was. The ids are fixed: recorded cases and reports use them."""

    REDIS_CONNECTION = "redis_connection"
    TRUTH_LOAD = "truth_load"
    IMPORT_MODULE = "import_module"
    ASYNCIO_TASK = "asyncio_task"
    EXTERNAL_API_TIMEOUT = "external_api_timeout"
    WEBSOCKET = "websocket"
    PORT_CONFLICT = "port_conflict"
    MYSQL_CONNECTION = "mysql_connection"
    BAD_DATA = "bad_data"
    SHARED_BUG = "shared_bug"
    MISSING_PACKAGE = "missing_package"
    RESOURCE = "resource"
    KILLED = "killed"
    OPERATOR_STOP = "operator_stop"
    UPSTREAM = "upstream"
    UNKNOWN = "unknown"


class Culprit(BaseModel):
    """Where the fault is: a path in the repository, a line of the incident's commit, a function."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    line: int | None = None
    function: str | None = None


class Diagnosis(BaseModel):
    """The structured last message of the agent loop, and what triage says without a model.

    `related` are places of other services with the same pattern: ours to fill in, no model is asked for it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    root_cause: str = Field(min_length=1, max_length=4000)
    category: Category
    culprit: Culprit | None = None
    evidence: tuple[Annotated[str, Field(max_length=1000)], ...] = ()
    fixable: bool
    why_not: str | None = None
    risk: str | None = None
    confidence: float = Field(ge=0, le=1)
    operator_action: str | None = None
    related: SkipJsonSchema[tuple[str, ...]] = ()

    def redacted(self, redact: Callable[[str], str]) -> Diagnosis:
        """The same with every text that may reach a report or a branch redacted."""
        texts = ("root_cause", "why_not", "risk", "operator_action")
        said = {name: redact(text) for name in texts if (text := getattr(self, name)) is not None}
        lists = {"evidence": tuple(map(redact, self.evidence)), "related": tuple(map(redact, self.related))}
        return self.model_copy(update={**said, **lists})
