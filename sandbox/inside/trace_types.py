"""What is known of types without asking them: nothing of a class's own code is run for it."""

# It shares the process with the service, so it imports next to nothing.

from __future__ import annotations

import sys
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAMELESS = "?"
"""Stands for the type of an exception that has no name, or one that no note could hold."""
NAME_OF = type.__dict__["__name__"].__get__
QUALNAME_OF = type.__dict__["__qualname__"].__get__
DICT_OF = type.__dict__["__dict__"].__get__
MRO_OF = type.__dict__["__mro__"].__get__
MODULE_OF, FLAGS_OF = type.__dict__["__module__"].__get__, type.__dict__["__flags__"].__get__
_HEAP_TYPE = 1 << 9
FUNCTION, MODULE, BUILTIN = type(lambda: None), type(sys), type(len)
MEMBER, GETSET = type(FUNCTION.__dict__["__globals__"]), type(FUNCTION.__dict__["__code__"])
TEXTS = (str, bytes, bytearray)
ITEMS_OF: dict[type, Any] = {
    dict: dict.items, list: list.__iter__, tuple: tuple.__iter__, deque: deque.__iter__,
    set: set.__iter__, frozenset: frozenset.__iter__,
}  # fmt: skip
BASES = (int, float, complex, *TEXTS, *ITEMS_OF, BaseException)


def type_name(kind: type) -> str:
    """The name of an exception's type, without asking its own code for it."""
    name = str.__str__(NAME_OF(kind))
    return name if name.isidentifier() and len(name) <= 200 else NAMELESS


def is_data(value) -> bool:  # type: ignore[no-untyped-def]
    """Whether it is no function, no module, nor anything else that only describes a class."""
    return type(value) not in (FUNCTION, BUILTIN, MODULE, MEMBER, GETSET, classmethod, staticmethod)


def module_of(kind: type) -> str:
    """The name of the module that a class says to be of."""
    try:
        module = MODULE_OF(kind)
    except AttributeError:
        return ""
    return module if type(module) is str else ""


def known_as(kind: type) -> str:
    """The module and name of a type, where it is what that module has by that name, and no namesake."""
    module, name = module_of(kind), str.__str__(NAME_OF(kind))
    held = sys.modules.get(module)
    if not FLAGS_OF(kind) & _HEAP_TYPE and module == "builtins":
        return f"builtins.{name}"
    return f"{module}.{name}" if type(held) is MODULE and held.__dict__.get(name) is kind else ""


class Shape:
    """What is known of a type: how its objects are told."""

    def __init__(self, kind: type, is_own) -> None:  # type: ignore[no-untyped-def]
        mro = MRO_OF(kind)
        self.kind, self.name = kind, str.__str__(QUALNAME_OF(kind))
        self.base = next((base for each in mro for base in BASES if each is base), None)
        self.own = any(map(is_own, mro)) or "enum.Enum" in map(known_as, mro)
        fields = [DICT_OF(each) for each in mro] if self.own else []
        self.slots = [
            (name, field)
            for each in fields
            for name, field in each.items()
            if type(field) is MEMBER and type(name) is str
        ]
        named = (each.get("__dict__") for each in fields)
        self.held = next((each for each in named if type(each) is GETSET), None)
        self.known = known_as(kind)
