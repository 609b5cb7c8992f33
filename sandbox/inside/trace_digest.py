"""What the culprit was called with, as digests, so that it can be told whether a patch was tried on it.

Each argument, each attribute of a method's object, and each thing that its code names beside has a digest
of its own: what a patch adds or makes otherwise for all calls can be left out, and so can what is another
one at each start.
"""

# It shares the process with the service, so it imports next to nothing, pathlib included.
# ruff: noqa: PTH118

from __future__ import annotations

import os
import sys

from sandbox.inside.trace_plain import Teller
from sandbox.inside.trace_types import MODULE, MRO_OF, is_data, module_of, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

NO_DATA, UNTOLD = "*", "?" * 8
"""In place of digests: there was a coroutine, and it is no matter of data; there was too much to tell."""
ARGUMENT, FIELD, BESIDE = "a", "s", "c"
"""What a digest is of: an argument, an attribute of the method's object, or what its code names beside."""
MOST_NODES, MOST_BESIDE = {ARGUMENT: 20_000, FIELD: 20_000, BESIDE: 300}, 30
MOST_IN_ALL = {ARGUMENT: 150_000, FIELD: 100_000, BESIDE: 50_000}
"""How much is told of a part, and of all parts of its kind together: what is large costs time."""
MOST_PARTS = 80
CO_VARARGS, CO_VARKEYWORDS = 4, 8
FOLDERS = ("services", "shared")
"""Whose classes are looked into; beside them an environment may lie within the repository."""
FRAMES_AROUND = 8


def blake2():  # type: ignore[no-untyped-def]
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b


class Digests:
    """The digests of calls. `root` is the folder of the repository, whose classes are looked into."""

    def __init__(self, root: str) -> None:
        self._root, self._blake2b = root, blake2()  # type: ignore[no-untyped-call]
        self._folders = tuple(f"{root}/{name}/" for name in FOLDERS)
        self._own: dict[str, bool] = {}
        self._named: dict[object, list[str]] = {}
        self._room = dict(MOST_IN_ALL)
        self.teller = Teller(self.is_own)

    def is_own(self, kind: type) -> bool:
        """Whether a class is the repository's, by the file of its module."""
        module = module_of(kind)
        if module not in self._own:
            held = sys.modules.get(module)
            file = held.__dict__.get("__file__") if type(held) is MODULE else None
            named = module == "__main__" or module.partition(".")[0] in FOLDERS
            self._own[module] = self._is_in_the_tree(file) if type(file) is str else named
        return self._own[module]

    def _is_in_the_tree(self, file: str) -> bool:
        real = os.path.normpath(os.path.join(self._root, file))
        return real.startswith(self._folders)

    def of(self, frame) -> str:  # type: ignore[no-untyped-def]
        """The digests of what a function was called with: of each part its kind, its name's and its own.

        `*` where a coroutine is given: that nobody waited for it is no matter of data.
        """
        frame = _asked(frame)
        if frame is None:
            return ""
        code, given = frame.f_code, frame.f_locals
        count = code.co_argcount + code.co_kwonlyargcount
        count += bool(code.co_flags & CO_VARARGS) + bool(code.co_flags & CO_VARKEYWORDS)
        values = {name: given.get(name) for name in code.co_varnames[:count]}
        if "coroutine" in [type_name(type(value)) for value in values.values()]:
            return NO_DATA
        told = [(*named, self._digest(named[0], value)) for named, value in self._parts(code, values, frame)]
        data, beside = ([each for each in told if (each[0] == BESIDE) is is_so] for is_so in (False, True))
        if rest := data[MOST_PARTS:]:
            untold = any(digest == UNTOLD for _, _, digest in rest)
            digest = UNTOLD if untold else self._short("".join(digest for _, _, digest in rest), 4)
            data[MOST_PARTS:] = [(FIELD, "and more", digest)]
        return "".join(f"{kind}{self._short(name, 2)}{digest}" for kind, name, digest in data + beside)

    def _parts(self, code, values, frame) -> Iterable[tuple[tuple[str, str], object]]:  # type: ignore[no-untyped-def]
        """What is told of a call, each by kind and name."""
        parts: dict[tuple[str, str], object] = {}
        beside = {}
        for name, value in values.items():
            if name == code.co_varnames[0] and self.teller.shape(type(value)).own:
                shape = self.teller.shape(type(value))
                parts[ARGUMENT, name] = shape.name
                parts.update(((FIELD, each), held) for each, held in self.teller.fields(value).items())
                if shape.base is not None:
                    parts[FIELD, ""] = value
                beside.update(self.teller.class_fields(type(value)))
            else:
                parts[ARGUMENT, name] = value
                beside.update(self.teller.class_fields(value) if name == "cls" and is_class(value) else {})
        for name, value in self._beside(code, frame):
            if is_class(value):
                held = self.teller.class_fields(value).items()
                beside.update((f"{name}.{each}", inner) for each, inner in held)
            elif is_data(value):
                beside[name] = value
        parts.update(((BESIDE, name), beside[name]) for name in sorted(beside)[:MOST_BESIDE])
        return parts.items()

    def _beside(self, code, frame) -> Iterable[tuple[str, Any]]:  # type: ignore[no-untyped-def]
        """What the code names of its module and of the functions around it; a module itself names all."""
        if code not in self._named:
            inner = [each for each in code.co_consts if type(each) is type(code)]
            named = {name for each in (code, *inner) for name in each.co_names}
            self._named[code] = [] if code.co_name == "<module>" else sorted(named)
        held, around = frame.f_globals, frame.f_locals
        for name in self._named[code]:
            if name in held:
                yield name, held[name]
        for name in code.co_freevars:
            yield name, around.get(name)

    def _digest(self, kind: str, value) -> str:  # type: ignore[no-untyped-def]
        room = min(MOST_NODES[kind], self._room[kind])
        told, left = self.teller.told(value, room)
        self._room[kind] -= room - left
        return UNTOLD if told is None else self._short(told, 4)

    def _short(self, text: str, size: int) -> str:
        digest: str = self._blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
        return digest


def _asked(frame) -> Any:  # type: ignore[no-untyped-def]
    """Who was given the data: of a nameless expression the function around it, which makes what it gets."""
    around, _, name = frame.f_code.co_qualname.rpartition(".")
    if not name.startswith("<") or name == "<module>":
        return frame
    around = around.removesuffix(".<locals>")
    for _ in range(FRAMES_AROUND):
        frame = frame.f_back
        if frame is None or frame.f_code.co_qualname == around:
            return frame
    return None


def is_class(value) -> bool:  # type: ignore[no-untyped-def]
    """Whether it is a class, without asking it."""
    return any(each is type for each in MRO_OF(type(value)))
