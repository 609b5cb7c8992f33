"""`report.html`: one file that tells a run, readable without a network, a script or this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from agent.case import Case
from agent.publish.branch import outward
from agent.report.diff import side_by_side
from agent.report.html import fill_html
from agent.report.later import NOTHING, Later
from agent.report.scene import Scene, keep_scene, scene_of
from agent.report.words import NOTICED, answered, headline, next_step, told_cost
from agent.result import HealResult
from agent.store import Run
from agent.triage import Triage
from tools.redact import Redactor

TONES = {
    "branch": "ok", "proven": "ok", "failed": "bad", "refused": "bad", "no_key": "bad",
    "merged": "ok", "declined": "open", "taken away unmerged": "open",
}  # fmt: skip

FILES = (
    ("report.md", "this report as Markdown"),
    ("result.json", "the outcome, as every command reads it"),
    ("journal.jsonl", "every step, as it happened"),
    ("trajectory.json", "the whole conversation with the model"),
    ("diagnosis.json", "the diagnosis"),
    ("patch.diff", "the patch"),
    ("pull_request.md", "the text of the pull request"),
    ("decision.json", "what a person said to the branch"),
    ("../../incident.json", "the incident"),
    ("../../log.txt", "the end of the service's log"),
    ("../../snapshot.json", "the health of the platform"),
    ("../../truth.json", "its component of Truth"),
    ("../../redis.json", "what was in Redis for it"),
    ("../../messages.jsonl", "the last messages of its channels"),
)


def render_page(result: HealResult, run: Run, case: Case | None, found: Triage | None) -> str:
    """The page of a run that ends now; what it saw is kept beside it, to tell it again later.

    Every text in it is redacted and free of this machine's paths. Raises OSError.
    """
    scene = scene_of(result, run, case, found)
    keep_scene(run, scene)
    return fill_page(scene, scene.result, run, outward(case) if case else Redactor())


def fill_page(
    scene: Scene, result: HealResult, run: Run, clean: Callable[[str], str], later: Later = NOTHING
) -> str:
    """The page by what the run saw, what its result is now, and what came later."""
    diff = clean(scene.diff)
    return fill_html(
        "report.html",
        clean,
        scene=scene,
        noticed=NOTICED.get(scene.trigger, ""),
        result=result,
        later=later,
        headline=headline(result, later),
        tone=TONES.get(later.fate) or TONES.get(result.outcome, "open"),
        cost=told_cost(result),
        answered=answered(result),
        next_step=next_step(result, later),
        shown=len([rung for rung in result.proof if rung.state == "shown"]),
        diff=diff,
        files=side_by_side(diff),
        moments=(*scene.moments, *later.moments),
        kept=_kept(run.path),
    )


def _kept(folder: Path) -> list[tuple[str, str, int]]:
    """Name, meaning and size in bytes of every file that the run rests on and that is there."""
    there = [(name, what, folder / name) for name, what in FILES]
    return [(name, what, path.stat().st_size) for name, what, path in there if path.is_file()]
