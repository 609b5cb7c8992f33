"""The journal as a table of moments: when, what kind of step, what it said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

SHORT = 240

TOPICS = {
    "Started": "incident",
    "Captured": "crash",
    "Triaged": "rules",
    "SandboxChosen": "sandbox",
    "Asked": "model",
    "ToolUsed": "tool",
    "Noted": "note",
    "ModelLeft": "model",
    "Proposed": "patch",
    "Climbed": "proof",
    "Diagnosed": "cause",
    "LookedBack": "history",
    "BranchIntended": "branch",
    "BranchMade": "branch",
    "PushIntended": "push",
    "Pushed": "push",
    "PullRequestIntended": "request",
    "PullRequestOpened": "request",
    "PublishFailed": "failed",
    "Ended": "end",
}

MARKS = {"shown": "ok", "failed": "bad", "not shown": "open"}


@dataclass(frozen=True, slots=True)
class Moment:
    """One step. `after_s` counts from the first step, `mark` is "ok", "bad", "open" or empty."""

    at: str
    after_s: float
    topic: str
    text: str
    mark: str = ""


def timeline(journal: Iterable[Mapping[str, Any]], clean: Callable[[str], str] = str) -> tuple[Moment, ...]:
    """The steps in their order; a line that is no event is left out.

    Texts are cleaned before they are cut: half a secret is not known for one any more.
    """
    return tuple(_moments(journal, clean))


def _moments(journal: Iterable[Mapping[str, Any]], clean: Callable[[str], str]) -> Iterator[Moment]:
    first: datetime | None = None
    for record in journal:
        at = moment_of(record)
        if at is None:
            continue
        first = first or at
        yield Moment(
            f"{at:%H:%M:%S}",
            (at - first).total_seconds(),
            TOPICS.get(str(record.get("event")), "step"),
            told(record, clean),
            _mark(record),
        )


def moment_of(record: Mapping[str, Any]) -> datetime | None:
    """When an event was written, None for what is no event of a journal."""
    try:
        return datetime.fromisoformat(str(record.get("at")))
    except ValueError:
        return None


def told(record: Mapping[str, Any], clean: Callable[[str], str] = str) -> str:
    """One event of a journal in a line, cleaned and then cut."""

    def said(name: str) -> str:
        value = record.get(name)
        return "" if value is None else str(value)

    match record.get("event"):
        case "Started":
            text = f"run {said('run')} on {said('incident')}, {said('service')} at {said('commit')[:12]}"
        case "Captured":
            text = said("crash")
        case "Triaged":
            text = f"{said('category')}, {said('verdict')} ({said('confidence')}): {said('why')}"
        case "SandboxChosen":
            text = f"{said('name') or 'none'}: {said('why')}"
        case "Asked":
            text = f"step {said('step')}: {said('served')}, {_tokens(record)}"
        case "ToolUsed":
            text = f"{said('name')} → {_first_line(said('answer'))}"
        case "Climbed":
            text = f"{said('rung')}: {said('state')}. {said('detail')}"
        case "Diagnosed":
            text = f"{said('category')}: {said('root_cause')}"
        case "Proposed":
            text = f"{_count(record.get('files'))} changed, on the way up the proof ladder"
        case "BranchMade":
            text = f"{said('ref').removeprefix('refs/heads/')} at {said('commit')[:12]}"
        case "BranchIntended" | "PushIntended":
            text = f"intended: {said('ref').removeprefix('refs/heads/')}"
        case "Pushed":
            text = f"{said('ref').removeprefix('refs/heads/')} to {said('remote')}"
        case "PullRequestIntended":
            text = f"intended on {said('forge')}"
        case "PullRequestOpened":
            text = f"{said('how')}: {said('url')}"
        case "PublishFailed":
            text = f"{said('step')}: {said('text')}"
        case "Ended":
            text = f"{said('outcome')}: {said('summary')}"
        case _:
            text = said("told") or said("text") or said("event")
    return shortened(clean(text))


def shortened(text: str, longest: int = SHORT) -> str:
    """The text on one line, cut where it is too long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def _mark(record: Mapping[str, Any]) -> str:
    match record.get("event"):
        case "Climbed":
            return MARKS.get(str(record.get("state")), "")
        case "ToolUsed":
            return "bad" if record.get("error") else ""
        case "PublishFailed" | "ModelLeft":
            return "bad"
        case "BranchMade" | "Pushed" | "PullRequestOpened":
            return "ok"
    return ""


def _tokens(record: Mapping[str, Any]) -> str:
    cost = record.get("cost_usd")
    money = f", ${cost:.4f}" if isinstance(cost, int | float) else ""
    return f"{record.get('input_tokens', 0)} tokens in, {record.get('output_tokens', 0)} out{money}"


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")


def _count(files: object) -> str:
    count = len(files) if isinstance(files, list | tuple) else 0
    return f"{count} file{'s' * (count != 1)}"
