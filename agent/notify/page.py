"""One page: what a person with a phone in the hand must know at one moment of an incident's life.

Imports nothing heavy: the watch, which is small, makes pages too.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

Stage = Literal["down", "diagnosing", "not_code", "branch", "no_patch", "failed", "healed"]
STAGES: tuple[Stage, ...] = get_args(Stage)
PASSING: tuple[Stage, ...] = ("down", "diagnosing")
"""Stages that something else follows soon."""

OURSELVES = "AutoHealer"
"""The service of a page about the watch itself."""


@dataclass(frozen=True, slots=True)
class Page:
    """All texts are redacted already and short. `at` is Unix seconds.

    `cause` is the same for everything that has the same root cause, empty while that is not
    known. `do` is the command or step for the operator, `proof` the proof in a line, `link` where to
    look, `note` what it cost.
    """

    stage: Stage
    at: float
    service: str
    what: str
    incident: str = ""
    cause: str = ""
    do: str = ""
    proof: str = ""
    link: str = ""
    note: str = ""

    def json(self) -> str:
        """The page on one line."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def cleaned(self, clean: Callable[[str], str]) -> Page:
        """The page with every text cleaned, names and ids too."""
        texts = (
            self.service,
            self.what,
            self.incident,
            self.cause,
            self.do,
            self.proof,
            self.link,
            self.note,
        )
        return Page(self.stage, self.at, *map(clean, texts))


def page_from(text: str) -> Page | None:
    """A page that was written as JSON; None for anything else."""
    try:
        raw = json.loads(text)
        page = Page(**{field.name: raw[field.name] for field in fields(Page) if field.name in raw})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    told = all(isinstance(getattr(page, field.name), str) for field in fields(Page) if field.name != "at")
    return page if told and page.stage in STAGES and isinstance(page.at, int | float) else None
