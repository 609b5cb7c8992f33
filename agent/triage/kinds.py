"""Which kind of fault of code or data an error is, by its type and its words."""

from __future__ import annotations

import re

from agent.diagnosis import Category
from agent.triage.scene import Scene
from tools.logs import CrashError

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


def speaks_of_nothing(error: CrashError) -> bool:
    """Whether an error says that something was None, null or undefined."""
    return _NOTHING.search(error.text) is not None


def may_lack_data(error: CrashError) -> bool:
    """Whether an error is what code raises on data that is missing or has another shape."""
    return error.name in _READS_DATA and _DATA.search(error.text) is not None
