"""The reports of an ended run, written again once more is known: they tell the truth later, too."""

from __future__ import annotations

from pydantic import ValidationError

from agent.cleaning import outward_of
from agent.publish.markdown import visible
from agent.report.later import later_of, repository_of
from agent.report.markdown import render_report
from agent.report.page import fill_page
from agent.report.scene import kept_scene
from agent.result import HealResult
from agent.settings import Settings
from agent.store import Run

CHANGING = ("branch", "branch_commit", "pushed", "pull_request", "by_hand")
"""What a later approval or publication changes in a result."""
TOLD = "told.txt"
"""What of later things the reports tell, in a line: while that stays so, nothing is written."""


def tell_again(run: Run, settings: Settings) -> bool:
    """Write `report.md` and `report.html` again where something became of the branch; True if so.

    A run from before scenes were kept has its reports as they were. Each file is replaced whole.
    Raises OSError.
    """
    scene, result = kept_scene(run), _result(run)
    if scene is None or result is None:
        return False
    later = later_of(run, result)
    state = f"{later.fate or 'open'}, {len(later.moments)} steps later\n"
    if state == _told(run):
        return False
    repo = repository_of(run) or settings.repo
    clean = outward_of(settings.model_copy(update={"repo": repo}))
    now = scene.result.model_copy(update={name: getattr(result, name) for name in CHANGING})
    later = later_of(run, result, clean)
    text = render_report(now, crash=scene.crash, triage=scene.triage, diff=scene.diff, later=later)
    run.write("report.md", visible(text))
    run.write("report.html", fill_page(scene, now, run, clean, later))
    run.write(TOLD, state)
    return True


def _result(run: Run) -> HealResult | None:
    try:
        return HealResult.model_validate(run.result())
    except ValidationError:
        return None


def _told(run: Run) -> str:
    try:
        return (run.path / TOLD).read_text(encoding="utf-8")
    except FileNotFoundError:
        return "open, 0 steps later\n"
