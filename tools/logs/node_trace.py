"""Node.js errors as Node 16 to 24 print them: uncaught, rejected, logged, CommonJS and ES modules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tools.logs.frames import CrashError, Frame, posix_path
from tools.logs.lines import is_log_line, message_of

_FRAME = re.compile(
    r"\s*at (?:async )?(?:(.{1,300}?) \()?"
    r"((?:file://)?[^()\s][^()]{0,1000}?):(\d{1,9}):\d{1,9}\)?(?: \{)?\s*$"
)
_ANY_FRAME = re.compile(r"\s+at \S")
_TYPE = re.compile(
    r"(?:Uncaught |Unhandled \w+ )?"
    r"([A-Z]\w{0,80}(?:Error|Exception|Rejection|Warning)|Error)(?: \[([A-Z][A-Z0-9_]{1,60})\])?(?:: (.*))?$",
    re.DOTALL,
)
_CAUSE = re.compile(r"\s*\[(?:cause|errors?)\]: ")
_PROPERTY = re.compile(r"\s+\[?(code|errno|syscall|address|port|path)\]?: ['\"]?([^'\",]{1,300})['\"]?,?")
_EXCERPT = re.compile(r"((?:file://)?(?:/|[A-Za-z]:[\\/])[^:\n]{1,1000}):(\d{1,9})$")
_IMPORTED_FROM = re.compile(r"imported from (\S{1,1000})")
_REQUIRED_BY = re.compile(r"- (/\S{1,1000}|[A-Za-z]:[\\/]\S{1,1000})$")
_VERSION = re.compile(r"Node\.js v\d+\.\d+")
_HEAD_LINES = 30
_BODY_LINES = 400


@dataclass(frozen=True, slots=True)
class NodeTrace:
    """One printed error with its causes; `uncaught` when Node ended because of it."""

    errors: tuple[CrashError, ...]
    start: int
    end: int
    uncaught: bool


def is_frame(line: str) -> bool:
    """Whether a line is a frame of a Node stack."""
    return line.lstrip().startswith("at ") and _ANY_FRAME.match(line) is not None


def is_version(line: str) -> bool:
    """Whether a line is the last one of Node after an uncaught error."""
    return line.startswith("Node.js v") and _VERSION.match(line) is not None


def parse(lines: Sequence[str], at: int, floor: int = 0) -> NodeTrace | None:
    """Parse the error around `lines[at]`, a frame or Node's version line, looking no higher than `floor`."""
    head = _head(lines, at, floor)
    if head is None:
        return None
    start = _excerpt_start(lines, head, floor)
    end = _end(lines, head)
    errors = _errors(lines, head, end)
    errors = (*errors[:-1], _with_place(errors[-1], lines, start, head, end))
    uncaught = start < head or any(is_version(line) for line in lines[end - 1 : end + 3])
    return NodeTrace(errors, start, end, uncaught)


def _head(lines: Sequence[str], at: int, floor: int) -> int | None:
    """The line with the error's type: the nearest above that names one."""
    for index in range(at, max(floor - 1, at - _HEAD_LINES - 1, -1), -1):
        if not is_frame(lines[index]) and not _CAUSE.match(lines[index]) and _type(lines[index]):
            return index
    return None


def _type(line: str) -> re.Match[str] | None:
    text = line
    if is_log_line(line) and not line.startswith("[Unhandled"):
        text = message_of(line)
        found = _TYPE.match(text)
        return found or _inner_type(text)
    return _TYPE.match(text.removeprefix("["))


def _inner_type(text: str) -> re.Match[str] | None:
    """The type inside a logged sentence such as `request failed: TypeError: x is not a function`."""
    at = text.find("Error")
    if at < 0:
        return None
    begin = max(text.rfind(" ", 0, at), text.rfind("(", 0, at)) + 1
    return _TYPE.match(text, begin)


def _excerpt_start(lines: Sequence[str], head: int, floor: int) -> int:
    """Where the source excerpt starts that Node prints above an uncaught error."""
    for index in range(head - 1, max(floor - 1, head - 9, -1), -1):
        if _EXCERPT.match(lines[index]) or re.match(r"node:\S+:\d+$", lines[index]):
            return index
        if is_log_line(lines[index]):
            break
    return head


def _end(lines: Sequence[str], head: int) -> int:
    """The index after the last line of the error, its properties and causes."""
    last, depth = head, lines[head].rstrip().endswith("{")
    for index in range(head + 1, min(len(lines), head + _BODY_LINES)):
        line = lines[index]
        if is_version(line):
            return index + 1
        if is_frame(line) or _belongs(line, depth):
            last = index
            depth = (depth or line.rstrip().endswith("{")) and line.rstrip() != "}"
        elif is_log_line(line) or (line.strip() and index - last > _HEAD_LINES // 2):
            break
    return last + 1


def _belongs(line: str, inside: bool) -> bool:
    if line.startswith(("Emitted '", "Require stack:", "- ")) or _CAUSE.match(line):
        return True
    return inside and (line[:1].isspace() or line.startswith(("}", "]")))


def _errors(lines: Sequence[str], head: int, end: int) -> tuple[CrashError, ...]:
    """The causes, deepest first, then the error itself."""
    heads = [head] + [i for i in range(head + 1, end) if _CAUSE.match(lines[i])]
    bounds = [*heads[1:], end]
    found = [_error(lines, first, last, first == head) for first, last in zip(heads, bounds, strict=True)]
    return tuple(reversed(found))


def _error(lines: Sequence[str], first: int, last: int, raised: bool) -> CrashError:
    text = lines[first] if raised else _CAUSE.sub("", lines[first], count=1)
    found = _type(text)
    name, code, message = found.groups() if found else ("Error", None, text.strip())
    body = lines[first + 1 : last]
    matches = [match for line in body if (match := _PROPERTY.match(line))]
    properties = {match.group(1): match.group(2) for match in matches}
    frames = [frame for line in body if (frame := _frame(line)) is not None]
    more = _message_lines(body)
    return CrashError(
        name,
        "\n".join([(message or "").removesuffix(" {").rstrip(), *more]).strip(),
        tuple(reversed(frames)),
        "raised" if raised else "cause",
        code or properties.get("code"),
    )


def _message_lines(body: Sequence[str]) -> list[str]:
    """What stands between the type and the first frame."""
    found: list[str] = []
    for line in body[:_HEAD_LINES]:
        if is_frame(line) or line.startswith("Require stack:") or is_version(line) or is_log_line(line):
            return found
        found.append(line.rstrip())
    return []


def _frame(line: str) -> Frame | None:
    found = _FRAME.match(line) if is_frame(line) else None
    if found is None:
        return None
    return Frame(posix_path(found.group(2)), int(found.group(3)), found.group(1) or "<anonymous>")


def _with_place(error: CrashError, lines: Sequence[str], start: int, head: int, end: int) -> CrashError:
    """The error with the place printed apart from the frames, where the frames are all Node's own."""
    if any(not frame.path.startswith("node:") for frame in error.frames):
        return error
    place = _excerpt(lines, start, head) or _importer(error.message) or _requirer(lines[head:end])
    if place is None:
        return error
    return CrashError(error.type, error.message, (*error.frames, place), error.relation, error.code)


def _excerpt(lines: Sequence[str], start: int, head: int) -> Frame | None:
    found = _EXCERPT.match(lines[start]) if start < head else None
    if found is None:
        return None
    code = lines[start + 1].strip() if start + 1 < head else None
    return Frame(posix_path(found.group(1)), int(found.group(2)), "<module>", code or None)


def _importer(message: str) -> Frame | None:
    found = _IMPORTED_FROM.search(message)
    return Frame(posix_path(found.group(1)), 0, "<module>") if found else None


def _requirer(lines: Sequence[str]) -> Frame | None:
    found = next((match for line in lines if (match := _REQUIRED_BY.match(line))), None)
    return Frame(posix_path(found.group(1)), 0, "<module>") if found else None
