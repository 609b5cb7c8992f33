"""What a value must be like for the code that uses it, and an example of it as code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["unknown", "number", "text", "json", "list", "table", "thing", "known"]
Gone = Literal["", "none", "key", "empty", "zero"]


class Unclear(Exception):
    """The code uses a value in ways that no plain example has."""


@dataclass(eq=False, slots=True)
class Shape:
    """One value. `parts` are keys of a table or attributes of a thing, `item` what it holds otherwise.

    `calls` are a thing's methods with what they give, `awaited` those whose result is waited for. A `known`
    value is the code's own, and is never made.
    """

    kind: Kind = "unknown"
    parts: dict[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    calls: dict[str, Shape] = field(default_factory=dict)
    awaited: set[str] = field(default_factory=set)
    gone: Gone = ""
    literal: str = ""

    def be(self, kind: Kind) -> Shape:
        """This value, which is used as one of a kind.

        Raises:
            Unclear: it is used as one of another kind as well.
        """
        if self.kind in ("unknown", kind):
            self.kind = kind
        elif self.kind != "known":
            raise Unclear(f"{self.kind} and {kind}")
        return self

    def part(self, kind: Kind, name: str) -> Shape:
        """A key or an attribute of it."""
        if self.be(kind).kind == "known":
            return self
        return self.parts.setdefault(name, Shape())

    def held(self, kind: Kind) -> Shape:
        """What a list, a table of any keys or a JSON text holds."""
        if self.be(kind).kind == "known":
            return self
        self.item = self.item or Shape()
        return self.item

    def called(self, method: str, *, awaited: bool) -> Shape:
        """What a method of it gives."""
        if self.be("thing").kind == "known":
            return self
        if awaited:
            self.awaited.add(method)
        return self.calls.setdefault(method, Shape())


KNOWN = Shape("known")


def example(shape: Shape) -> str:
    """A value of that shape, as Python; SimpleNamespace and AsyncMock stand for collaborators."""
    if shape.gone == "none":
        return "None"
    made: Callable[[Shape], str] = _MADE[shape.kind]
    return shape.literal or made(shape)


def _table(shape: Shape) -> str:
    kept = {name: part for name, part in shape.parts.items() if part.gone != "key"}
    entries = [f'"{name}": {example(part)}' for name, part in kept.items()]
    if shape.item is not None and not kept:
        entries.append(f'"a": {example(shape.item)}')
    return f"{{{', '.join(entries)}}}"


def _thing(shape: Shape) -> str:
    return f"SimpleNamespace({', '.join(fields(shape))})"


def fields(shape: Shape) -> Iterator[str]:
    """The attributes and methods of a thing, as keywords."""
    for name, part in shape.parts.items():
        if part.gone != "key":
            yield f"{name}={example(part)}"
    for name, given in shape.calls.items():
        value = "None" if given.kind == "unknown" and not given.literal else example(given)
        yield (
            f"{name}=AsyncMock(return_value={value})"
            if name in shape.awaited
            else (f"{name}=Mock(return_value={value})")
        )


def _list(shape: Shape) -> str:
    if shape.gone == "empty":
        return "[]"
    return f"[{example(shape.item or Shape())}]"


_MADE: dict[Kind, Callable[[Shape], str]] = {
    "unknown": lambda shape: '"a"',
    "known": lambda shape: '"a"',
    "number": lambda shape: "0.0" if shape.gone == "zero" else "1.0",
    "text": lambda shape: '"a"',
    "json": lambda shape: f"json.dumps({example(shape.item or Shape())})",
    "list": _list,
    "table": _table,
    "thing": _thing,
}
