"""Errors raised in code that is not the service's: shared/, another service, a package."""

from __future__ import annotations

from agent.diagnosis import Category
from agent.triage.kinds import category_of, speaks_of_nothing
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError, Frame
from tools.logs.frames import likely_path


def foreign(scene: Scene) -> Finding | None:
    """Code that is not the service's: shared/, another service, a package."""
    error = scene.final
    if error is None or not error.frames or scene.owner in ("service", "unknown"):
        return None
    if scene.owner == "shared":
        return _shared(scene, error)
    if scene.owner == "other_service":
        frame = scene.frame
        where = likely_path(frame) if frame else "another service"
        return Finding(
            category_of(scene, error), "unclear", 0.6,
            f"The error comes from {where}, not from {scene.service}.",
            reason="shared", culprit=scene.culprit(frame), evidence=(f"log: {error.text}",),
        )  # fmt: skip
    own = scene.own_frame
    return Finding(
        category_of(scene, error), "unclear", 0.4,
        "No frame of the traceback lies in the repository; the service may still be the cause.",
        culprit=scene.culprit() if own else None, evidence=(f"log: {error.text}", _innermost(error)),
        notes=("all frames lie in packages or in Python, which does not clear the service",),
    )  # fmt: skip


def _shared(scene: Scene, error: CrashError) -> Finding:
    frame = scene.frame
    place = f"{likely_path(frame)}:{frame.line}" if frame else "shared/"
    own = scene.own_frame
    if frame is not None and own is not None and _refuses(frame):
        return _refused_by_shared(scene, error, place, own)
    suspicious = speaks_of_nothing(error) and own is not None
    changed = _changed_later(scene, likely_path(frame) if frame else None, likely_path(own) if own else None)
    note = "the service passes None into shared/, so the fault may be its own" if suspicious else (
        f"{place} was changed later than the code that calls it" if changed else "the call looks as always"
    )  # fmt: skip
    return Finding(
        Category.SHARED_BUG,
        "unclear" if suspicious else "not_fixable",
        0.55 if suspicious else 0.92 if changed else 0.85,
        f"The error is raised in {place}, code that all services share.",
        reason="shared",
        action=f"mend {likely_path(frame) if frame else 'shared/'}; every service that uses it is affected",
        culprit=scene.culprit(frame),
        evidence=(f"log: {error.text}", f"innermost frame of the repository: {place}"),
        notes=(note,),
    )


def _refuses(frame: Frame) -> bool:
    """Whether code raised on purpose, to refuse what it was given."""
    return (frame.code or "").startswith(("raise ", "throw ", "assert "))


def _refused_by_shared(scene: Scene, error: CrashError, place: str, own: Frame) -> Finding:
    called_from = f"{likely_path(own)}:{own.line}"
    path = place.rpartition(":")[0]
    changed = _changed_later(scene, path, likely_path(own))
    known = category_of(scene, error)
    signature = changed and known in (Category.UNKNOWN, Category.BAD_DATA)
    return Finding(
        Category.IMPORT_MODULE if signature else known,
        "fixable",
        0.75 if changed else 0.6,
        f"{place} refuses what {scene.service} gives it at {called_from}"
        f"{'; shared/ was changed later than that call' if changed else ''}.",
        culprit=scene.culprit(),
        evidence=(f"log: {error.text}", f"called from {called_from}: {own.code or ''}".rstrip(": ")),
        notes=("raised in shared/ on purpose, to refuse an argument: the call is at fault, not shared/",),
    )


def _changed_later(scene: Scene, path: str | None, than: str | None) -> bool:
    if path is None:
        return False
    newest = scene.repository.history(path, 1)
    caller = scene.repository.history(than, 1) if than else []
    return bool(newest) and (not caller or newest[0].date > caller[0].date)


def _innermost(error: CrashError) -> str:
    frame = error.frames[-1]
    return f"innermost frame: {frame.path}:{frame.line} in {frame.function}"
