"""Data that is missing because an upstream is down, told from data that the code reads wrongly."""

from __future__ import annotations

from agent.diagnosis import Category
from agent.triage.kinds import may_lack_data, speaks_of_nothing
from agent.triage.reads import is_gone, uses_in_frames
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError


def missing_data(scene: Scene) -> Finding | None:
    """Data that is missing because the service that writes it is dead."""
    error = scene.final
    if error is None or not may_lack_data(error):
        return None
    for name in scene.truth.dependencies(scene.service):
        if scene.is_down(name):
            finding = _missing_from(scene, error, name)
            if finding is not None:
                return finding
    return None


def _missing_from(scene: Scene, error: CrashError, name: str) -> Finding | None:
    """The failing code reads what a dead service writes; None where that is there, or was not read."""
    uses = uses_in_frames(scene, name)
    gone = [use.name for use in uses if is_gone(scene, use)]
    unknown = [use.name for use in uses if is_gone(scene, use) is None]
    if not gone and not unknown:
        return None
    nothing = speaks_of_nothing(error)
    what = (gone or unknown)[0]
    return Finding(
        Category.UPSTREAM,
        "not_fixable" if gone or nothing else "unclear",
        0.95 if gone and nothing else 0.9 if gone else 0.85 if nothing else 0.55,
        f"{name} is dead, and {scene.service} fails where it reads {what}, which {name} writes"
        f"{' and which is gone' if gone else ''}.",
        reason="upstream",
        action=f"start {name}, then {scene.service}",
        culprit=scene.culprit(),
        evidence=(
            f"log: {error.text}",
            scene.health(name),
            *(f"redis: {key} was not there" for key in gone[:3]),
        ),
        notes=("the code could be more careful, but what it lacks is the data",),
        explains=(name,),
    )
