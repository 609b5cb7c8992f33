"""How a test goes into the code under test: what it calls there, with what, and how that ends.

A test that knows on which code it runs can do one thing on the base and another on the patch. What
it does is seen here, so that the two runs can be compared. Objects of the code under test count by
their type alone: what they hold is the code's doing, and may differ with a fix.
"""

from __future__ import annotations

import contextlib
import hashlib
import opcode
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from types import CodeType, FrameType, FunctionType, SimpleNamespace
from typing import Any

from .frames import inside

_MOST, _DEEPEST, _WIDEST = 400, 5, 40
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LISTS = (list, tuple, set, frozenset)
_DATA = (*_PLAIN, *_LISTS, dict)
_LARGE = 10**8
"""From here on a number is taken for a time or an id, which no two runs share."""
_VARYING = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d[.\d]*|\d{9,}[.\d]*|[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}|0x[0-9a-f]+"
)
_SHOWN_BY_OTHERS = frozenset({"__repr__", "__str__", "__format__", "__del__"})
_ANSWERS = ("_mock_return_value", "_mock_side_effect", "_mock_children")
_COMPUTING = ("BINARY_", "INPLACE_", "UNARY_", "COMPARE_OP")
_CONVERTS = frozenset({"__float__", "__int__", "__index__", "__round__", "__abs__", "__divmod__"})
_ARITHMETIC = frozenset(
    f"__{side}{name}__"
    for side in ("", "r")
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "divmod", "neg", "float", "int")
)
_ON_THE_HEAP = 1 << 9
COMPUTES = "@computes"
"""Among the calls: the code under test computed with an object that the test made."""
_LEAVES_WELL = ("RETURN", "YIELD", "RESUME", "SUSPEND")
"""Where a frame is left without an error: one that stops at its `SEND` got an error out of what it awaits."""


class Calls:
    """Watches the calls between `start` and `stop`; `tests` are the files that are not under test."""

    def __init__(self, root: str, tests: frozenset[str]) -> None:
        self._root = root
        self._tests = tests
        self._paths: dict[str, str | None] = {}
        self._seen: dict[str, None] = {}
        self._shared: dict[str, None] = {}
        self._sharing = False
        self._times: Counter[str] = Counter()
        self._raised: dict[int, str] = {}
        self._computing = False

    def start(self, *, shared: bool = False) -> None:
        """Forget what one test did, and watch; `shared` until the next start."""
        self._seen, self._times, self._sharing = {}, Counter(), shared
        self._computing = False
        threading.settrace(self._trace)
        sys.settrace(self._trace)

    def stop(self) -> list[str]:
        """Watch no longer. Calls as `id.count`, and `id.count!Type` for those that such an exception ended.

        Those that came before several tests, in imports and in fixtures that they share, begin with `~`.
        """
        sys.settrace(None)
        threading.settrace(None)
        return [*self._seen, *(f"~{name}" for name in self._shared)]

    def given(self, item: Any) -> str | None:
        """A digest of what a test is given: its parameters, its defaults and what it is closed over."""
        function = getattr(item, "function", None)
        held = dict(getattr(getattr(item, "callspec", None), "params", {}))
        if isinstance(function, FunctionType):
            held |= {f"{name}=": value for name, value in _closed_over(function) if isinstance(value, _DATA)}
            held |= {"=": function.__defaults__} if function.__defaults__ else {}
        return _digest([self._shape(held, 0)]) if held else None

    @contextlib.contextmanager
    def sharing(self) -> Iterator[None]:
        """What is called in this block is called for several tests."""
        before, self._sharing = self._sharing, True
        try:
            yield
        finally:
            self._sharing = before

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        seen = self._shared if self._sharing else self._seen
        if event == "call" and self._is_computed_with(frame):
            seen[COMPUTES] = None
        if event != "call" or len(seen) >= _MOST or not self._is_entry(frame, frame.f_code):
            return None
        told = [f"{frame.f_code.co_filename}:{frame.f_code.co_name}", *self._arguments(frame)]
        if self._computing:
            seen[COMPUTES] = None
        name = _digest(told)
        # The second time is another call: one in passing does not stand for one that is left out.
        self._times[name] += 1
        name = f"{name}.{self._times[name]}"
        seen[name] = None
        frame.f_trace_lines = False
        return lambda frame, event, argument: self._left(seen, name, frame, event, argument)

    def _left(self, seen: dict[str, None], name: str, frame: FrameType, event: str, argument: Any) -> None:
        """An exception that nobody handled leaves a frame at where it was raised."""
        if event == "exception":
            self._raised[id(frame)] = argument[0].__name__
        elif event == "return":
            error = self._raised.pop(id(frame), "")
            last = opcode.opname[frame.f_code.co_code[frame.f_lasti]]
            if error and not last.startswith(_LEAVES_WELL):
                seen[f"{name}!{error}"] = None

    def _is_entry(self, frame: FrameType, code: CodeType) -> bool:
        """Whether this is code of the tree, or a constructor of it, that a test calls, directly or not."""
        if code.co_name in _SHOWN_BY_OTHERS or not (
            self._is_code(code.co_filename) or self._makes(frame, code)
        ):
            return False
        caller = frame.f_back
        while caller is not None and self._path(caller.f_code.co_filename) is None:
            caller = caller.f_back
        if caller is not None:
            return caller.f_code.co_filename in self._tests
        by_loop = frame.f_back is not None and "/asyncio/" in frame.f_back.f_code.co_filename
        return by_loop or threading.current_thread() is not threading.main_thread()

    def _is_computed_with(self, frame: FrameType) -> bool:
        """Whether code under test computes with, or orders, what a test made: the result is the test's."""
        caller, file = frame.f_back, frame.f_code.co_filename
        if caller is None or not (file in self._tests or file.endswith("/unittest/mock.py")):
            return False
        code = caller.f_code
        if caller.f_lasti < 0 or not self._is_code(code.co_filename):
            return False
        operation = opcode.opname[code.co_code[caller.f_lasti]]
        by_name = frame.f_code.co_name in _CONVERTS and file in self._tests
        return by_name or (operation.startswith(_COMPUTING) and operation != "BINARY_SUBSCR")

    def _path(self, file: str) -> str | None:
        if file not in self._paths:
            self._paths[file] = inside(file, self._root)
        return self._paths[file]

    def _is_code(self, file: str) -> bool:
        return file not in self._tests and self._path(file) is not None

    def _makes(self, frame: FrameType, code: CodeType) -> bool:
        """Constructors that a decorator or a base class wrote are in no file of the tree."""
        if code.co_name not in ("__init__", "__new__") or not code.co_argcount:
            return False
        made = frame.f_locals.get(code.co_varnames[0])
        return self._is_ours(made if isinstance(made, type) else type(made))

    def _is_ours(self, kind: type) -> bool:
        file = getattr(sys.modules.get(kind.__module__), "__file__", None)
        return isinstance(file, str) and self._is_code(file)

    def _is_theirs(self, module: object) -> bool:
        return getattr(sys.modules.get(str(module)), "__file__", None) in self._tests

    def _arguments(self, frame: FrameType) -> Iterator[str]:
        code, held = frame.f_code, frame.f_locals
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & 4) + bool(code.co_flags & 8)
        return (f"{name}={self._shape(held[name], 0)}" for name in code.co_varnames[:count] if name in held)

    def _shape(self, value: object, depth: int) -> str:
        """What of a value is the test's own word. None of the value's own code is called."""
        kind = type(value)
        plain = next((each for each in _PLAIN if issubclass(kind, each)), None)
        if plain is not None:
            return _said(plain, value)
        self._computing = self._computing or any(map(self._makes_up_numbers, kind.__mro__))
        if depth >= _DEEPEST or self._is_ours(kind):
            return kind.__qualname__
        if isinstance(value, dict):
            return self._pairs(dict.items(value), depth)
        several: Any = next((each for each in _LISTS if issubclass(kind, each)), None)
        if several is not None:
            items = [self._shape(each, depth + 1) for each in list(several.__iter__(value))[:_WIDEST]]
            return f"[{','.join(items if several in (list, tuple) else sorted(items))}]"
        return f"{kind.__qualname__}{self._pairs(self._held(value, kind).items(), depth)}"

    def _makes_up_numbers(self, kind: type) -> bool:
        """Whether a class says itself how to compute, and is no module's but a test's, whatever it says."""
        if not kind.__flags__ & _ON_THE_HEAP or _ARITHMETIC.isdisjoint(vars(kind)) or self._is_ours(kind):
            return False
        module = sys.modules.get(kind.__module__)
        known = self._is_theirs(kind.__module__) or getattr(module, kind.__name__, None) is not kind
        said = [vars(kind)[name] for name in _ARITHMETIC & vars(kind).keys()]
        return known and any(type(each).__name__ != "MagicProxy" for each in said)

    def _pairs(self, pairs: Iterable[tuple[Any, Any]], depth: int) -> str:
        shown = list(pairs)[:_WIDEST]
        return f"{{{','.join(f'{self._shape(k, depth + 1)}:{self._shape(v, depth + 1)}' for k, v in shown)}}}"

    def _held(self, value: object, kind: type) -> dict[str, Any]:
        """Data of what a test makes: objects of its own classes, functions, mocks, namespaces."""
        if isinstance(value, FunctionType):
            return self._used_by(value) if self._is_theirs(value.__module__) else {}
        own = _own(value)
        if kind.__module__ == "unittest.mock":
            return {name: own[name] for name in _ANSWERS if name in own}
        if self._is_theirs(kind.__module__):
            shared = {name: each for name, each in vars(kind).items() if not name.startswith("__")}
            return {
                **{n: e for n, e in shared.items() if isinstance(e, (*_PLAIN, *_LISTS, dict, FunctionType))},
                **own,
            }
        return own if kind is SimpleNamespace else {}

    def _used_by(self, function: FunctionType) -> dict[str, Any]:
        """Data that a function of a test has from outside of it."""
        known = dict(_closed_over(function))
        known |= {n: function.__globals__[n] for n in function.__code__.co_names if n in function.__globals__}
        data = {name: each for name, each in known.items() if isinstance(each, _DATA)}
        return {**data, "defaults": function.__defaults__}


def _said(kind: type, value: Any) -> str:
    if kind in (int, float) and abs(value) >= _LARGE:
        return kind.__name__
    plainly: Any = kind
    return _VARYING.sub("#", plainly.__repr__(value))


def _digest(told: list[str]) -> str:
    return hashlib.blake2b("\0".join(told).encode("utf-8", "replace"), digest_size=9).hexdigest()


def _closed_over(function: FunctionType) -> Iterator[tuple[str, Any]]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return ((name, cell.cell_contents) for name, cell in cells if _is_filled(cell))


def _own(value: object) -> dict[str, Any]:
    try:
        return dict(object.__getattribute__(value, "__dict__"))
    except AttributeError:
        return {}


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None or True
    except ValueError:
        return False
