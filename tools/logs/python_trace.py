"""Python tracebacks as 3.11 to 3.14 print them: chained, grouped, prefixed by a logger, interleaved."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tools.logs.chain import Block, demote, ordered
from tools.logs.frames import CrashError, Frame, Relation
from tools.logs.lines import is_log_line
from tools.logs.prefix import FRAME_START, HEADER, prefix_of_every_line
from tools.logs.runs import BANNER

_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"
_FRAME = re.compile(r'\s*File "([^"]{1,1000})", line (\d{1,9})(?:, in (.{1,300}))?\s*$')
_EXCEPTION = re.compile(r"([A-Za-z_]\w{0,200}(?:\.(?:<locals>|\w{1,200})){0,30})(?:: ?(.*))?$", re.DOTALL)
_TYPE_NAME = re.compile(r"(?:Error|Exception|Exit|Interrupt|Warning|Group|Timeout|Iteration)$|^[A-Z]")
_MARKS = re.compile(r"[\s^~]+$")
_SEPARATOR = re.compile(r"[ |]*\+[-+]+ (?:\d{1,6}|\.\.\.) -+$")
_CLOSING = re.compile(r"[ |]*\+-{4,}$")
_MARGIN = re.compile(r"[ |]*\| ?")
_REPEATED = re.compile(r"\s*\[Previous line repeated \d+ more times?\]")
_ELIDED = re.compile(r"\s*\.\.\.<\d+ lines?>\.\.\.")
_FOREIGN_RUN = 60
_ESCAPED_LINES = 5_000
_MESSAGE_LINES = 80
_LOOK_AHEAD = 12
_STARTS = (
    "Task exception was never retrieved",
    "Future exception was never retrieved",
    "Exception ignored in",
    "Exception in thread",
    "--- Logging error ---",
)


@dataclass(frozen=True, slots=True)
class PythonTrace:
    """One printed traceback with everything chained to it; `end` is the index after its last line."""

    errors: tuple[CrashError, ...]
    start: int
    end: int


def is_header(line: str) -> bool:
    """Whether a line opens a traceback."""
    return HEADER in line


def continues(line: str, above: Sequence[str]) -> bool:
    """Whether the traceback that starts at `line` is only the rest of one that started above."""
    chained = any(_CAUSE in earlier or _CONTEXT in earlier for earlier in above)
    return chained or (is_header(line) and line.partition(HEADER)[0].rstrip().endswith("|"))


def is_bare_frame(line: str) -> bool:
    """Whether a line opens a syntax error that Python prints without a header."""
    return line.startswith('  File "') and _FRAME.match(line) is not None and ", in " not in line


def parse(lines: Sequence[str], start: int) -> PythonTrace:
    """Parse the traceback whose header is `lines[start]`."""
    _, header, escaped = lines[start].partition(HEADER)
    if escaped.startswith("\\n"):
        inner = [header, *escaped.replace('\\"', '"').split("\\n")[1:_ESCAPED_LINES]]
        return replace(_Parser(inner, 0).parse(), start=start, end=start + 1)
    return _Parser(lines, start).parse()


class _Parser:
    def __init__(self, lines: Sequence[str], start: int) -> None:
        self._lines = lines
        self._start = start
        self._at = start
        self._end = start
        self._prefix = prefix_of_every_line(lines, start)
        self._blocks: list[Block] = []

    def parse(self) -> PythonTrace:
        self._at = self._start
        if is_header(self._lines[self._start]):
            self._at += 1
        self._open("raised", "Group Traceback" in self._lines[self._start])
        self._end = self._at
        while self._read_block() and self._chain():
            pass
        errors = ordered(self._blocks)
        return PythonTrace(errors, self._start, max(self._end, self._start + 1))

    def _open(self, relation: Relation, group: bool = False) -> None:
        self._blocks.append(Block(relation, group))

    def _text(self, at: int) -> str | None:
        """The line without its log prefix and group margin; None for a line of somebody else."""
        line = self._lines[at]
        if self._prefix is not None:
            return self._prefix.strip(line)
        return line

    def _read_block(self) -> bool:
        """Read frames up to and with the exception line; False when the log ends before it."""
        since = self._at
        while self._at < len(self._lines) and self._at - max(since, self._end) <= _FOREIGN_RUN:
            text = self._text(self._at)
            if text is None or is_log_line(text):
                if BANNER.search(self._lines[self._at]):
                    return False
                self._at += 1
            elif is_header(text):
                return False
            elif self._line(text):
                self._end = self._at
                return True
        return False

    def _line(self, text: str) -> bool:
        """Take one line of the block; True when it was the exception line with its message."""
        block = self._blocks[-1]
        content = _content(text)
        frame = _FRAME.match(content)
        if frame is not None:
            function = frame.group(3) or "<module>"
            block.frames.append(Frame(frame.group(1), int(frame.group(2)), function.strip()))
            self._end = self._at + 1
        elif content[:1].isspace() or not content:
            if content and block.frames:
                _add_code(block, content)
                self._end = self._at + 1
        else:
            return self._exception(content)
        self._at += 1
        return False

    def _exception(self, content: str) -> bool:
        block = self._blocks[-1]
        found = _EXCEPTION.match(content)
        self._at += 1
        if found is None or not _is_type(found.group(1), found.group(2)) or self._frame_follows():
            return False
        block.type = found.group(1)
        first = found.group(2) or ""
        block.message = "\n".join([first, *self._message()]).strip()
        return True

    def _frame_follows(self) -> bool:
        """Whether frames go on right here, so that the line before was somebody else's."""
        text = self._text(self._at) if self._at < len(self._lines) else None
        return text is not None and FRAME_START.match(text) is not None

    def _message(self) -> list[str]:
        """The further lines of a message: up to a blank one, or over it where a chain goes on behind it."""
        found: list[str] = []
        at = self._at
        while at < len(self._lines) and len(found) < _MESSAGE_LINES:
            text = self._text(at)
            if text is None or self._ends_message(text):
                break
            content = _content(text)
            if not content.strip() and not self._goes_on(at):
                break
            found.append(content.rstrip())
            at += 1
        while found and not found[-1]:
            found.pop()
            at -= 1
        self._at = at
        return found

    def _ends_message(self, text: str) -> bool:
        if is_log_line(text) or _SEPARATOR.match(text) or _CLOSING.match(text):
            return True
        content = _content(text)
        return (
            is_header(text) or content.startswith((_CAUSE, _CONTEXT, *_STARTS)) or bool(BANNER.search(text))
        )

    def _goes_on(self, at: int) -> bool:
        """Whether a chain marker follows a blank line only after more of the message."""
        for ahead in range(at + 1, min(at + _LOOK_AHEAD, len(self._lines))):
            text = self._text(ahead)
            if text is None:
                return False
            content = _content(text)
            if content.startswith((_CAUSE, _CONTEXT)):
                return any(self._lines[between].strip(" |") for between in range(at + 1, ahead))
            if self._ends_message(text):
                return False
        return False

    def _chain(self) -> bool:
        """Go to the next traceback that belongs to this one; False when there is none."""
        at = self._at
        limit = at + _LOOK_AHEAD
        while at < min(len(self._lines), limit):
            text = self._text(at)
            if text is None or is_log_line(text):
                at += 1
                continue
            if _SEPARATOR.match(text):
                return self._member(at)
            if _CLOSING.match(text):
                at += 1
                self._at = self._end = at
                limit = at + _LOOK_AHEAD
                continue
            content = _content(text)
            if content.startswith((_CAUSE, _CONTEXT)):
                return self._chained(at, "cause" if content.startswith(_CAUSE) else "context")
            if content.strip():
                return False
            at += 1
        return False

    def _member(self, at: int) -> bool:
        at += 1
        header = self._text(at) if at < len(self._lines) else None
        has_header = header is not None and is_header(header)
        self._open("member", has_header and "Group Traceback" in (header or ""))
        self._at = at + 1 if has_header else at
        return True

    def _chained(self, at: int, relation: Relation) -> bool:
        inner = _MARGIN.match(self._text(at) or "") is not None
        at += 1
        while at < len(self._lines) and at < self._at + 2 * _LOOK_AHEAD:
            text = self._text(at)
            if text is not None and is_header(text):
                self._blocks[-1].relation = relation
                if not inner:
                    demote(self._blocks, relation)
                self._open("member" if inner else "raised", "Group Traceback" in text)
                self._at = at + 1
                return True
            at += 1
        return False


def _add_code(block: Block, content: str) -> None:
    code = content.strip()
    if not code or not block.frames or block.frames[-1].code is not None:
        return
    if _MARKS.match(content) or _REPEATED.match(content) or _ELIDED.match(content):
        return
    block.frames[-1] = replace(block.frames[-1], code=code)


def _content(text: str) -> str:
    """A line without the margin of an exception group."""
    margin = _MARGIN.match(text)
    return text[margin.end() :] if margin else text


def _is_type(name: str, message: str | None) -> bool:
    """Whether a name can be an exception's: a lone word of a print is not."""
    return message is not None or "." in name or _TYPE_NAME.search(name) is not None
