"""Node.js errors as Node 16 to 24 print them: uncaught, rejected, logged, CommonJS and ES modules."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tools.logs.frames import CrashError, Frame, Relation, posix_path
from tools.logs.lines import is_log_line, message_of

_FRAME = re.compile(
    r"\s*at (?:async )?(?:(.{1,300}?) \()?"
    r"((?:file://)?[^()\s][^()]{0,1000}?):(\d{1,9}):\d{1,9}\)?(?: \{)?\s*$"
)
_ANY_FRAME = re.compile(r"\s+at \S")
_TYPE = re.compile(
    r"(?:Uncaught |Unhandled \w+ )?"
    r"([A-Z]\w{0,80}(?:Error|Exception|Rejection|Warning)|Error|[A-Za-z_$][\w$]{0,80}(?= \[\w{0,40}Error\]))"
    r"(?: \[([A-Z][A-Z0-9_]{1,60}|\w{0,40}Error)\])?(?:: (.*))?$",
    re.DOTALL,
)
_CAUSE = re.compile(r"\s*\[cause\]: ")
_PROPERTY = re.compile(r"\s+\[?(code|errno|syscall|address|port|path)\]?: ['\"]?([^'\",]{1,300})['\"]?,?")
_EXCERPT = re.compile(r"((?:file://)?(?:/|[A-Za-z]:[\\/])[^:\n]{1,1000}):(\d{1,9})$")
_IMPORTED_FROM = re.compile(r"imported from (\S{1,1000})")
_REQUIRED_BY = re.compile(r"- (/\S{1,1000}|[A-Za-z]:[\\/]\S{1,1000})$")
_VERSION = re.compile(r"Node\.js v\d+\.\d+")
_HEAD_LINES = 30
_MESSAGE_LINES = 15
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
        return _thrown_value(lines, at, floor) if is_version(lines[at]) else None
    start = _excerpt_start(lines, head, floor)
    end = _end(lines, head)
    errors = _errors(lines, head, end)
    errors = (*errors[:-1], _with_place(errors[-1], lines, start, head, end))
    uncaught = start < head or any(is_version(line) for line in lines[end - 1 : end + 3])
    return NodeTrace(errors, start, end, uncaught)


def _thrown_value(lines: Sequence[str], at: int, floor: int) -> NodeTrace | None:
    """What `throw` of something that is no Error prints: an excerpt and the value."""
    start = _excerpt_start(lines, at, floor)
    place = _excerpt(lines, start, at)
    if place is None:
        return None
    value = "\n".join(lines[start + 3 : at]).strip()
    return NodeTrace((CrashError("", value, (place,)),), start, at + 1, True)


def _head(lines: Sequence[str], at: int, floor: int) -> int | None:
    """The line with the error's type: the nearest above that names one."""
    for index in range(at, max(floor - 1, at - _HEAD_LINES - 1, -1), -1):
        line = lines[index]
        if not line[:1].isspace() and not is_version(line) and _type(line):
            return index
    return None


def _type(line: str) -> re.Match[str] | None:
    found = _TYPE.match(line.removeprefix("["))
    if found is not None or not is_log_line(line):
        return found
    text = message_of(line)
    return _TYPE.match(text) or _inner_type(text)


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
    last, stack, inside = head, False, lines[head].rstrip().endswith("{")
    for index in range(head + 1, min(len(lines), head + _BODY_LINES)):
        line = lines[index]
        if is_version(line):
            return index + 1
        if is_frame(line) or _belongs(line, inside):
            last, stack = index, stack or is_frame(line)
            inside = (inside or line.rstrip().endswith("{")) and line.rstrip() != "}"
        elif is_log_line(line) or (line.strip() and (stack or index - last > _MESSAGE_LINES)):
            break
    return last + 1


def _belongs(line: str, inside: bool) -> bool:
    if line.startswith(("Emitted '", "Require stack:", "- ")) or line.lstrip().startswith("... "):
        return True
    return inside and (line[:1].isspace() or line.startswith(("}", "]")))


def _errors(lines: Sequence[str], head: int, end: int) -> tuple[CrashError, ...]:
    """The causes, deepest first, then the error; members of an aggregate after it, the first one last."""
    heads = [head] + [i for i in range(head + 1, end) if _is_inner_head(lines, i, end)]
    bounds = [*heads[1:], end]
    found = [_error(lines, first, last, first == head) for first, last in zip(heads, bounds, strict=True)]
    causes = [error for error in found if error.relation == "cause"]
    members = [error for error in found if error.relation == "member"]
    return (*reversed(causes), found[0], *reversed(members))


def _is_inner_head(lines: Sequence[str], index: int, end: int) -> bool:
    line = lines[index]
    if _CAUSE.match(line):
        return True
    stack_follows = index + 1 < end and is_frame(lines[index + 1])
    return line[:1].isspace() and stack_follows and not is_frame(line) and bool(_TYPE.match(line.strip()))


def _error(lines: Sequence[str], first: int, last: int, raised: bool) -> CrashError:
    text = lines[first] if raised else _CAUSE.sub("", lines[first], count=1).strip()
    found = _type(text)
    name, code, message = found.groups() if found else ("", None, text.strip())
    body = lines[first + 1 : last]
    matches = [match for line in body if (match := _PROPERTY.match(line))]
    properties = {match.group(1): match.group(2) for match in matches}
    relation: Relation = "cause" if _CAUSE.match(lines[first]) else "member"
    code = code if code and code.isupper() else properties.get("code")
    return CrashError(
        name,
        "\n".join([_without_brackets(message or ""), *_message_lines(body)]).strip(),
        tuple(reversed(list(_frames(body)))),
        "raised" if raised else relation,
        code,
    )


def _without_brackets(message: str) -> str:
    """The message of an error that Node prints as `[Error: message] {`, because it has no stack."""
    message = message.removesuffix(" {").rstrip()
    return message[:-1] if message.endswith("]") and "[" not in message else message


def _frames(body: Sequence[str]) -> Iterator[Frame]:
    """The frames of the error's own stack, not of where its event was emitted."""
    for line in body:
        if line.startswith("Emitted '"):
            return
        frame = _frame(line)
        if frame is not None:
            yield frame


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
    """The error with the place that Node prints apart from the frames.

    That is where a file cannot be parsed, and where all the frames are Node's own.
    """
    place = _excerpt(lines, start, head)
    if error.name != "SyntaxError" or place is None:
        if any(not frame.path.startswith("node:") for frame in error.frames):
            return error
        place = place or _importer(error.message) or _requirer(lines[head:end])
    return replace(error, frames=(*error.frames, place)) if place else error


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
