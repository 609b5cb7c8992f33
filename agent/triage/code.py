"""The service's own code, where nothing outside explains the crash."""

from __future__ import annotations

import re

from agent.diagnosis import Category, Culprit
from agent.triage.kinds import category_of
from agent.triage.reads import matches, place_of_words
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs.frames import is_test, likely_path


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
    place = place_of_words(scene, error.message) or _module_named(scene, error.message)
    known = category is not Category.UNKNOWN
    read = f"{place.file}:{place.line} reads what the message names" if place and place.line else None
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


def _module_named(scene: Scene, message: str) -> Culprit | None:
    """The module of the service that a swallowed error begins with the name of."""
    word = re.match(r"\W{0,3}(\w{3,40})\b", message)
    if word is None:
        return None
    stem = word.group(1).lower()
    files = scene.repository.files(scene.root)
    found = [
        path for path in files if re.search(rf"/{stem}(?:_\w+)?\.(?:py|js|mjs)$", path) and not is_test(path)
    ]
    return Culprit(file=found[0]) if len(found) == 1 else None


def _logged_at(scene: Scene, message: str) -> str | None:
    """Where the service's code writes a log line, by the words before its first colon or number."""
    found = re.match(r"[A-Za-z][A-Za-z _-]{7,80}", message)
    if found is None:
        return None
    own = matches(scene, found.group().strip())
    return f"{own[0].path}:{own[0].line}" if own else None
