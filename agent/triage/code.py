"""Faults of code and data: whose they are, and which kind, where nothing outside explains them."""

from __future__ import annotations

import re

from agent.diagnosis import Category
from agent.triage.reads import is_gone, matches, place_of_words, uses_in_frames
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError, Frame
from tools.logs.frames import likely_path

_NOTHING = re.compile(r"NoneType|\bnull\b|\bundefined\b|not NoneType|\bNone\b")
_DATA = re.compile(
    r"NoneType|\bnull\b|\bundefined\b|not subscriptable|not supported between instances|unsupported operand"
    r"|could not convert|invalid literal|not enough values|too many values|list index|index out of range"
    r"|Expecting value|not iterable|JSON|must be str|must be real number|can't compare|validation error"
    r"|'[\w.:-]{1,60}'$",
)
_SIGNATURE = re.compile(
    r"unexpected keyword argument|missing \d+ required|takes (?:from )?\d+ (?:to \d+ )?positional"
    r"|has no attribute"
    r"|is not defined|is not a function|object is not callable|has no property|not a constructor"
)
_LOOP = re.compile(
    r"event loop|was never awaited|attached to a different loop|can't be used in 'await'|coroutine"
    r"|division by zero|sub-exceptions?\)|worker .{0,40}(?:failed|died)|task .{0,40}(?:failed|died)"
    r"|CancelledError",
    re.IGNORECASE,
)
_DATA_TYPES = {
    "KeyError", "IndexError", "ValueError", "UnicodeDecodeError", "UnicodeEncodeError", "JSONDecodeError",
    "ValidationError", "DataError", "InvalidOperation", "OverflowError", "StopIteration", "RangeError",
    "LookupError", "ResponseError",
}  # fmt: skip
_LOOP_TYPES = {
    "CancelledError",
    "InvalidStateError",
    "ZeroDivisionError",
    "QueueFull",
    "QueueEmpty",
    "BrokenBarrierError",
}
_IMPORT_TYPES = {
    "NameError",
    "UnboundLocalError",
    "SyntaxError",
    "IndentationError",
    "TabError",
    "ReferenceError",
}
_READS_DATA = {
    "TypeError",
    "AttributeError",
    "KeyError",
    "IndexError",
    "ValueError",
    "JSONDecodeError",
    "StopIteration",
    "",
}


def category_of(scene: Scene, error: CrashError) -> Category:
    """What kind of fault of code or data an error is."""
    crash = scene.crash
    grouped = crash is not None and any(e.name.endswith("ExceptionGroup") for e in crash.errors)
    if grouped or (crash is not None and crash.kind == "unretrieved_task"):
        return Category.ASYNCIO_TASK
    if error.name in _LOOP_TYPES or _LOOP.search(error.message):
        return Category.ASYNCIO_TASK
    if error.name in _IMPORT_TYPES:
        return Category.IMPORT_MODULE
    if (
        error.name not in _DATA_TYPES
        and _SIGNATURE.search(error.message)
        and not _NOTHING.search(error.message)
    ):
        return Category.IMPORT_MODULE
    if error.name in _DATA_TYPES or _DATA.search(error.message):
        return Category.BAD_DATA
    return Category.UNKNOWN


def upstream(scene: Scene) -> Finding | None:
    """Data that is missing because the service that writes it is dead."""
    error = scene.final
    if error is None or error.name not in _READS_DATA or not _DATA.search(error.text):
        return None
    for name in scene.truth.dependencies(scene.service):
        if scene.is_down(name):
            finding = _missing_data(scene, error, name)
            if finding is not None:
                return finding
    return None


def _missing_data(scene: Scene, error: CrashError, name: str) -> Finding | None:
    """The failing code reads what a dead service writes; None where that is there, or was not read."""
    uses = uses_in_frames(scene, name)
    gone = [use.name for use in uses if is_gone(scene, use)]
    unknown = [use.name for use in uses if is_gone(scene, use) is None]
    if not gone and not unknown:
        return None
    nothing = bool(_NOTHING.search(error.text))
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
            category_of(scene, error), "unclear", 0.6, f"The error comes from {where}, not from {scene.service}.",
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
    suspicious = bool(_NOTHING.search(error.message)) and own is not None
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


def own(scene: Scene) -> Finding | None:
    """The service's own code, with nothing else to blame."""
    error = scene.final
    frame = scene.own_frame
    if error is None or frame is None:
        return None
    place = f"{likely_path(frame)}:{frame.line}"
    down = [name for name in scene.needed if scene.is_down(name)]
    notes = [f"{name} is down too, but the error does not come from it" for name in down]
    logged, now = frame.code, scene.line(likely_path(frame), frame.line)
    moved = bool(logged and now is not None and logged not in now and now not in logged)
    if moved:
        notes.append(
            f"line {frame.line} reads otherwise at the commit: the checkout that ran was another one"
        )
    return Finding(
        category_of(scene, error),
        "fixable",
        0.6 if down or moved else 0.85,
        f"{error.text.partition(chr(10))[0][:300]}, raised in {scene.service}'s own code at {place}"
        f" in {frame.function}; everything it needs was up."
        if not down
        else f"{error.text.partition(chr(10))[0][:300]}, raised in {scene.service}'s own code at {place}.",
        culprit=scene.culprit(),
        evidence=(
            f"log: {error.text}",
            f"{place} in {frame.function}: {frame.code or now or ''}".rstrip(": "),
        ),
        notes=tuple(notes),
    )


def error_line(scene: Scene) -> Finding | None:
    """An ERROR line whose traceback was swallowed: what it says, and where it is written."""
    error = scene.final
    if error is None or scene.crash is None or error.frames:
        return None
    category = category_of(scene, error)
    written = _logged_at(scene, error.message)
    place = place_of_words(scene, error.message)
    known = category is not Category.UNKNOWN
    read = f"{place.file}:{place.line} reads what the message names" if place else None
    line = f"the log line is written at {written}" if written else None
    return Finding(
        category,
        "fixable" if known else "unclear",
        0.6 if known else 0.35,
        f"{scene.service} logged {error.message[:300]!r}; the traceback was swallowed.",
        culprit=place,
        evidence=(f"log: {error.message}", *(told for told in (line, read) if told)),
        notes=("no traceback was printed: where the line is written is not where the fault is",),
    )


def _logged_at(scene: Scene, message: str) -> str | None:
    """Where the service's code writes a log line, by the words before its first colon or number."""
    found = re.match(r"[A-Za-z][A-Za-z _-]{7,80}", message)
    if found is None:
        return None
    own = matches(scene, found.group().strip())
    return f"{own[0].path}:{own[0].line}" if own else None


def _innermost(error: CrashError) -> str:
    frame = error.frames[-1]
    return f"innermost frame: {frame.path}:{frame.line} in {frame.function}"
