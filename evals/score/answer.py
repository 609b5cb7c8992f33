"""What one run on one case came to, beside what is true: a line of `results.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

Verdict = Literal["fixable", "not_fixable", "unclear"]


class ResultsError(Exception):
    """A file of results that cannot be read; the message names the line."""


class Answer(BaseModel):
    """One run on one case, judged. Times are seconds, cost US dollars (None: no price is known).

    `plausible` is a proof that was reached, `correct` what the hidden check and the service's tests say
    of the patch (None: there is none, or it could not be judged), `tested` a regression test that was
    shown to fail on the base as the incident did and to pass with the patch. `operator_right` says
    whether the next step that was told is one that mends it (None: none is due). `tool_repeats` are
    calls that were made before, with the same arguments and nothing changed since; `patch_step` is the
    model request whose patch was the first that the gate let through. `code` names the state of our own
    code, so that a line of another state is not taken for one of this one; `made_by`, `made_on`,
    `commit` and `machine` tell a reader what made it. `unanswered` is why a model that was asked came
    to no answer within its limits: what triage said in its place is not scored. `error` is a run that
    broke, or one whose model failed before it answered.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    case: str
    service: str
    group: Literal["fixable", "not_fixable", "trap"]
    unseen: bool = False
    model: str
    repeat: int = 1
    code: str = ""
    made_by: str = ""
    made_on: str = ""
    commit: str = ""
    machine: str = ""

    fixable: bool
    true_category: str
    outcome: str = "failed"
    summary: str = ""
    verdict: Verdict = "unclear"
    category: str = ""
    category_right: bool = False
    culprit: str | None = None
    file_right: bool | None = None
    function_right: bool | None = None
    confidence: float | None = None
    operator_action: str | None = None
    operator_right: bool | None = None

    branch: bool = False
    plausible: bool = False
    patched: bool = False
    correct: bool | None = None
    wrong: str = ""
    labels: tuple[str, ...] = ()
    tested: bool = False

    evidence: int = 0
    grounded: int = 0
    ungrounded: tuple[str, ...] = ()
    violations: tuple[str, ...] = ()

    models: tuple[str, ...] = ()
    steps: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    tool_repeats: int = 0
    patch_step: int | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    seconds: float = 0.0
    unanswered: str = ""
    error: str | None = None
    folder: str = ""

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from the others of a file."""
        return self.model, self.case, self.repeat

    @property
    def answered(self) -> bool:
        """Whether this is an answer at all: of the model, or of triage where it was sure and asked none."""
        return self.error is None and not self.unanswered

    @property
    def verdict_right(self) -> bool:
        """Whether it said rightly if the service's code is at fault; 'unclear' is never right."""
        return self.answered and self.verdict == ("fixable" if self.fixable else "not_fixable")

    @property
    def right(self) -> bool:
        """The best there can be: a correct branch where one is due, else the right verdict and no branch."""
        if self.fixable:
            return self.branch and self.correct is True
        return self.verdict_right and not self.branch

    @property
    def mark(self) -> str:
        """right, open (a diagnosis where a fix was due, and nothing false), wrong, silent, or broke."""
        if self.error is not None:
            return "broke"
        if self.unanswered:
            return "silent"
        if self.right:
            return "right"
        return "open" if self.verdict_right and not self.branch else "wrong"


def read_answers(file: Path) -> list[Answer]:
    """The answers of a file, the last one of each key; a line that a kill cut short is left out.

    Raises:
        ResultsError: a line before the last one is no answer, or there is no such file.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ResultsError(f"{file} cannot be read: {error.strerror}") from error
    return list({answer.key: answer for answer in _parsed(file, lines)}.values())


def _parsed(file: Path, lines: list[str]) -> Iterator[Answer]:
    for number, line in enumerate(lines, 1):
        try:
            yield Answer.model_validate_json(line)
        except ValidationError as error:
            if number < len(lines):
                raise ResultsError(f"{file}:{number} is no result: {error.errors()[0]['msg']}") from error


def by(
    answers: Iterable[Answer], name: Literal["service", "true_category", "group"]
) -> dict[str, list[Answer]]:
    """The answers by one of their fields, in the order of its values."""
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        found.setdefault(str(getattr(answer, name)), []).append(answer)
    return dict(sorted(found.items()))
