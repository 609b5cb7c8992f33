"""Values told as texts, the same for the same data at each start: none of the service's code is run for it.

Data are told whole, in objects of the service's own classes too; what is neither is told by its type. A
number that is the time of this start is told as such, since it is another one each time; others as they are.
"""

# It shares the process with the service, so it imports next to nothing.

from __future__ import annotations

import gc
from time import monotonic, time

from sandbox.inside.trace_types import (
    BUILTIN,
    DICT_OF,
    FUNCTION,
    ITEMS_OF,
    MRO_OF,
    QUALNAME_OF,
    TEXTS,
    Shape,
    is_data,
    type_name,
)

MOST_DEPTH = 30
COUNTS_AS_ONE = 200
"""Of a text, in characters or bytes: as much as one number."""
NOW = "now"
_EMPTY: dict[str, int] = {}
_VIEWS = tuple(map(type, (_EMPTY.keys(), _EMPTY.values(), _EMPTY.items())))
_ITERATED = (
    [], (), _EMPTY, _EMPTY.values(), _EMPTY.items(), set(), "", "\x80", b"", bytearray(),
    range(0), range(1 << 99),
)  # type: ignore[var-annotated]  # fmt: skip
_ITERATORS = (
    *(type(iter(each)) for each in _ITERATED), type(reversed([0])), type(reversed(_EMPTY)),
    enumerate, zip, map, filter, reversed,
)  # fmt: skip
_PROXY = type(type.__dict__)
_AS_TEXT = (
    "datetime.date", "datetime.time", "datetime.timedelta", "datetime.timezone", "decimal.Decimal",
    "ipaddress.IPv4Address", "ipaddress.IPv6Address", "uuid.UUID", "fractions.Fraction", "zoneinfo.ZoneInfo",
    "pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib._local.PosixPath", "pathlib._local.PurePosixPath",
)  # fmt: skip
_BY_ATTRIBUTES = {
    "functools.partial": ("func", "args", "keywords"),
    "builtins.slice": ("start", "stop", "step"),
    "builtins.range": ("start", "stop", "step"),
    "builtins.method": ("__func__", "__self__"),
    "builtins.memoryview": ("shape", "format"),
    "re.Pattern": ("pattern", "flags"),
    "array.array": ("typecode",),
    "builtins.generator": ("gi_code", "gi_frame"),
    "builtins.coroutine": ("cr_code", "cr_frame"),
    "builtins.async_generator": ("ag_code", "ag_frame"),
    "_contextvars.ContextVar": ("name",),
    "types.SimpleNamespace": ("__dict__",),
}


_NOT_TO_BE_READ = (AttributeError, LookupError, TypeError, ValueError, RuntimeError, OverflowError)
"""What comes up where another thread changes what is told."""


class TooMuch(Exception):
    """There is more to tell than there is room for."""


class Teller:
    """Tells values. `is_own` says of a class whether it is the service's."""

    def __init__(self, is_own) -> None:  # type: ignore[no-untyped-def]
        self._is_own, self._room = is_own, 0
        self._shapes: dict[int, Shape] = {}
        self._began = time(), monotonic()

    def shape(self, kind: type) -> Shape:
        found = self._shapes.get(id(kind))
        if found is None:
            found = self._shapes[id(kind)] = Shape(kind, self._is_own)
        return found

    def told(self, value, room: int) -> tuple[str | None, int]:  # type: ignore[no-untyped-def]
        """A value as a text and the room that is left; None where it has no room or lets nobody look."""
        out: list[str] = []
        self._room = room
        try:
            self._tell(value, out, [])
        except (TooMuch, *_NOT_TO_BE_READ):
            return None, max(0, self._room)
        return "".join(out), self._room

    def fields(self, value) -> dict[str, object]:  # type: ignore[no-untyped-def]
        """The attributes that an object of the service's own class holds itself, by their names."""
        shape, found = self.shape(type(value)), dict[str, object]()
        for name, field in shape.slots:
            try:
                found[name] = field.__get__(value, shape.kind)
            except (AttributeError, TypeError):
                continue
        held = shape.held.__get__(value) if shape.held else None
        if type(held) is dict:
            found.update((name, each) for name, each in held.items() if type(name) is str)
        return found

    def class_fields(self, kind: type) -> dict[str, object]:
        """What the service's own classes hold themselves beside code, by names."""
        found: dict[str, object] = {}
        for each in MRO_OF(kind):
            for name, value in list(DICT_OF(each).items()) if self._is_own(each) else ():
                if type(name) is str and name[:2] != "__" and is_data(value):
                    found.setdefault(name, value)
        return found

    def _number(self, value) -> str:  # type: ignore[no-untyped-def]
        """A number as it is, or that it is a time of this start; of a huge one its length and its end."""
        if 1 < value < 1e20:
            since, at_first = self._began
            if any(since - 1 <= value / scale <= time() for scale in (1, 1e3, 1e6, 1e9)):
                return NOW
            if type(value) is float and at_first <= value <= monotonic():
                return NOW
        if type(value) is float:
            return repr(value)
        return f"{value.bit_length()} {value & ((1 << 4096) - 1):x} {value < 0}"

    def _tell(self, value, out: list[str], path: list[int]) -> None:  # type: ignore[no-untyped-def]
        kind = type(value)
        self._room -= 1 + (len(value) // COUNTS_AS_ONE if kind is str else 0)
        if self._room < 0 or len(path) > MOST_DEPTH:
            raise TooMuch
        if value is None or kind is bool:
            out.append(str(value))
        elif kind is str:
            out.append(f"{len(value)}'{value}")
        elif kind is int or kind is float:
            out.append(f"{kind.__name__} {self._number(value)}")
        elif id(value) in path:
            out.append(f"again {len(path) - path.index(id(value))}")
        else:
            path.append(id(value))
            self._tell_more(value, self.shape(kind), out, path)
            path.pop()

    def _tell_more(self, value, shape: Shape, out: list[str], path: list[int]) -> None:  # type: ignore[no-untyped-def]
        base, kind = shape.base, shape.kind
        out.append(f"{shape.name}(")
        if base in ITEMS_OF:
            self._items(base, value, out, path)
        elif base in TEXTS:
            plain = str.__str__(value) if base is str else bytes(memoryview(value)).decode("latin-1")
            self._tell(plain, out, path)
        elif base is int or base is float:
            self._tell(int.__int__(value) if base is int else float.__float__(value), out, path)
        elif base is complex:
            out.append(repr(complex.__add__(value, 0j)))
        elif base is BaseException:
            self._tell(BaseException.__dict__["args"].__get__(value), out, path)
        elif kind in _ITERATORS:
            self._tell(DICT_OF(kind)["__reduce__"](value)[1:], out, path)
        elif kind in _VIEWS:
            self._tell(list(value), out, path)
        elif kind is _PROXY:
            self._tell(gc.get_referents(value), out, path)
        else:
            self._known(value, shape, out, path)
        if shape.own:
            self._tell(self.fields(value), out, path)
        out.append(")")

    def _items(self, base, value, out: list[str], path: list[int]) -> None:  # type: ignore[no-untyped-def]
        if base is set or base is frozenset:
            # They have no order: each is told by itself.
            parts: list[list[str]] = []
            for each in list(ITEMS_OF[base](value)):
                parts.append([])
                self._tell(each, parts[-1], path)
            out.append(",".join(sorted(map("".join, parts))))
            return
        for each in list(ITEMS_OF[base](value)):
            if base is dict:
                self._tell(each[0], out, path)
                out.append(":")
                self._tell(each[1], out, path)
            else:
                self._tell(each, out, path)
            out.append(",")

    def _known(self, value, shape: Shape, out: list[str], path: list[int]) -> None:  # type: ignore[no-untyped-def]
        """Data of the standard library, told by what they are made of; nothing more of anything else."""
        if shape.known in _AS_TEXT:
            out.append(str(value))
        elif shape.known == "datetime.datetime":
            out.append(self._moment(value))
        elif shape.known == "builtins.type" or issubclass(shape.kind, type):
            out.append(str.__str__(QUALNAME_OF(value)))
        elif shape.kind in (FUNCTION, BUILTIN):
            out.append(value.__code__.co_qualname if shape.kind is FUNCTION else value.__name__)
        elif shape.known == "builtins.code":
            out.append(value.co_qualname)
        elif shape.known == "builtins.frame":
            self._tell({**value.f_locals}, out, path)
        else:
            for name in _BY_ATTRIBUTES.get(shape.known, ()):
                self._tell(getattr(value, name), out, path)
        if shape.known in ("builtins.memoryview", "array.array"):
            self._tell(value.tobytes(), out, path)
        elif shape.known == "_contextvars.ContextVar":
            self._tell(value.get(None), out, path)

    def _moment(self, value) -> str:  # type: ignore[no-untyped-def]
        """A date and time, or that it is one of this start; a zone of its own making is told by its type."""
        zone = value.tzinfo
        known = zone is None or self.shape(type(zone)).known in ("datetime.timezone", "zoneinfo.ZoneInfo")
        plain, began, now = value.replace(tzinfo=None), self._began[0], time()
        day = plain.toordinal() - 719_163
        as_utc = day * 86_400 + plain.hour * 3600 + plain.minute * 60 + plain.second
        as_meant = value.timestamp() if known else as_utc
        if any(began - 1 <= each <= now + 1 for each in (as_utc, as_meant)):
            return NOW
        return f"{plain.isoformat()} {value.fold} {zone if known else type_name(type(zone))}"
