"""`report.html`: one file that tells a run, readable without a network, a script or this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.case import Case
from agent.publish.branch import outward
from agent.report.conversation import conversation
from agent.report.diff import side_by_side
from agent.report.html import fill_html
from agent.report.logs import log_lines
from agent.report.timeline import timeline
from agent.report.words import answered, headline, next_step, told_cost
from agent.result import HealResult
from agent.store import Run
from agent.triage import Triage
from tools.get_health_snapshot import truth_of
from tools.incident import IncidentError
from tools.redact import Redactor
from tools.repository import RepositoryError
from tools.standing import Standing, standing_of

TONES = {"branch": "ok", "proven": "ok", "failed": "bad", "refused": "bad", "no_key": "bad"}
SOURCE_LINES = 6

FILES = (
    ("report.md", "this report as Markdown"),
    ("result.json", "the outcome, as every command reads it"),
    ("journal.jsonl", "every step, as it happened"),
    ("trajectory.json", "the whole conversation with the model"),
    ("diagnosis.json", "the diagnosis"),
    ("patch.diff", "the patch"),
    ("pull_request.md", "the text of the pull request"),
    ("../../incident.json", "the incident"),
    ("../../log.txt", "the end of the service's log"),
    ("../../snapshot.json", "the health of the platform"),
    ("../../truth.json", "its component of Truth"),
    ("../../redis.json", "what was in Redis for it"),
    ("../../messages.jsonl", "the last messages of its channels"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """Lines of the culprit's file as they were when the service died."""

    path: str
    function: str
    lines: tuple[tuple[int, str], ...]
    culprit: int


def render_page(result: HealResult, run: Run, case: Case | None, found: Triage | None) -> str:
    """The page; every text in it is redacted and free of this machine's paths."""
    clean: Callable[[str], str] = outward(case) if case else Redactor()
    patch = case.bench.patch if case else None
    diff = clean(patch.diff) if patch else ""
    shown = [rung for rung in result.proof if rung.state == "shown"]
    crash = case.crash if case else None
    return fill_html(
        "report.html",
        clean,
        result=result,
        headline=headline(result),
        tone=TONES.get(result.outcome, "open"),
        cost=told_cost(result),
        answered=answered(result),
        next_step=next_step(result),
        shown=len(shown),
        detected=case.incident.detected_at if case else None,
        incident=case.incident if case else None,
        error=crash.final.text if crash and crash.final else "",
        triage=found.text if found else "",
        health=_health(case) if case else None,
        source=_source(case) if case else None,
        log=log_lines(case.folder.log, crash, result.service, clean) if case and crash else (),
        diff=diff,
        files=side_by_side(diff),
        moments=timeline(run.journal()),
        messages=conversation(_trajectory(run.path)),
        kept=_kept(run.path),
    )


def _health(case: Case) -> Standing | None:
    try:
        return standing_of(case.incident.service, case.folder.snapshot(), truth_of(case.bench))
    except IncidentError:
        return None


def _source(case: Case) -> Source | None:
    """The culprit's lines, from the commit."""
    culprit = case.crash.culprit(case.incident.service) if case.crash else None
    if culprit is None or culprit.repo_path is None:
        return None
    try:
        text = case.bench.repository.read(culprit.repo_path).decode("utf-8", "replace")
    except RepositoryError:
        return None
    numbered = list(enumerate(case.bench.redact(text).split("\n"), start=1))
    low = max(0, culprit.line - 1 - SOURCE_LINES)
    lines = tuple(numbered[low : culprit.line + SOURCE_LINES])
    return Source(culprit.repo_path, culprit.function, lines, culprit.line)


def _trajectory(folder: Path) -> list[dict[str, Any]]:
    try:
        items = json.loads((folder / "trajectory.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    return items if isinstance(items, list) else []


def _kept(folder: Path) -> list[tuple[str, str, int]]:
    """Name, meaning and size in bytes of every file that the run rests on and that is there."""
    there = [(name, what, folder / name) for name, what in FILES]
    return [(name, what, path.stat().st_size) for name, what, path in there if path.is_file()]
