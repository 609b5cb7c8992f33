"""What a piece of code needs of a value: which attributes, keys and answers; and that value as Python."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

NUMBER, TEXT = "1.0", '"x"'
CANCELLED = "asyncio.CancelledError"
_TEXTS = frozenset({"key", "kind", "line", "name", "path", "symbol", "text", "title", "url", "word"})
"""A parameter of such a name is a text, where nothing says more of it."""
_OF_TABLES = frozenset({"get", "pop", "setdefault", "update", "clear", "copy"})


class Unclear(Exception):
    """No honest value can be made up: the code uses it in a way that is not followed."""


@dataclass(eq=False, slots=True)
class Need:
    """One value that the code under test reads; what it reads of it are needs as well.

    `code` is the value where it has to be a certain one, `absent` leaves a key out, `wanted` keeps one that
    is only asked for. `answer` is what it gives when called: then it is a mock, an awaited one or not.
    `source` is what a value was computed from that is not given by itself, such as a list of a list. What
    `ends` answers once, and cancels whoever asks again.
    """

    name: str = ""
    owner: Need | None = None
    source: Need | None = None
    attributes: dict[str, Need] = field(default_factory=dict)
    keys: dict[str, Need] = field(default_factory=dict)
    parts: list[Need] = field(default_factory=list)
    item: Need | None = None
    answer: Need | None = None
    document: Need | None = None
    table: str = ""
    asked: bool = False
    awaited: bool = False
    used: bool = False
    text: bool = False
    count: int = 1
    code: str | None = None
    absent: bool = False
    wanted: bool = False
    raises: str = ""
    turns: tuple[str, ...] = ()
    ends: bool = False

    def attribute(self, name: str) -> Need:
        """What is read behind a dot."""
        self.used = True
        return self.attributes.setdefault(name, Need(name, self))

    def key(self, name: str, *, asked: bool = False) -> Need:
        """What is read by a key; `asked` is a read by get(), which takes it that the key is not there."""
        self.used = True
        self.table = self.table or "keys"
        found = self.keys.setdefault(name, Need(name, self, asked=asked))
        found.asked = found.asked and asked
        return found

    def each(self, table: str = "list") -> Need:
        """What a loop over it gets."""
        self.used = True
        if self.parts:
            return self.parts[0]
        if self.item is None:
            self.item = Need("each", self)
            self.table = table if self.table in ("", "list", "keys") else self.table
        return self.item

    def called(self, *, awaited: bool = False) -> Need:
        """What it answers when it is called."""
        self.used, self.awaited = True, self.awaited or awaited
        if self.answer is None:
            self.answer = Need("answer", self)
        return self.answer

    def read(self) -> Need:
        """The document that it holds as JSON."""
        self.used = True
        if self.document is None:
            self.document = Need("document", self)
        return self.document

    def want(self, code: str | None = None) -> None:
        """Make it a certain value, and keep all that leads to it."""
        node: Need | None = self
        while node is not None:
            node.wanted = True
            node = node.owner or node.source
        if code is not None:
            self.code = code

    def leave_out(self) -> None:
        """Take its key, or its attribute's value, away."""
        self.want()
        self.absent = True
        if self.owner is None or self.name not in self.owner.keys:
            self.code = "None"

    def empty(self) -> None:
        """Make it, or what it is computed from, hold nothing."""
        if self.source is not None:
            self.source.empty()
            return
        self.want("{}" if self.table in ("items", "values", "keys") else "[]")

    def every(self) -> Iterator[Need]:
        """It, and all that is read of it."""
        yield self
        inner = [*self.attributes.values(), *self.keys.values(), *self.parts]
        for one in (*inner, *(each for each in (self.item, self.answer, self.document) if each)):
            yield from one.every()

    def value(self) -> str:
        """The value as Python.

        Raises:
            Unclear: it is used as two things that no plain value is at once.
        """
        if self.code is not None:
            return self.code
        if self.document is not None:
            return f"json.dumps({self.document.value()})"
        if self.answer is not None:
            return self._mock(self.answer)
        if self.parts:
            inner = ", ".join(one.value() for one in self.parts)
            return f"({inner}{',' * (len(self.parts) == 1)})"
        plain = set(self.attributes) <= _OF_TABLES and (self.table or self.item is not None)
        if self.attributes and not plain and (self.keys or self.item is not None or self.text):
            raise Unclear(f"{self.name} is read both ways")
        if self.attributes and not plain:
            return f"SimpleNamespace({self._named(self.attributes)})"
        if self.table or self.item is not None:
            return self._container()
        told = self.text or (self.owner is None and self.name in _TEXTS)
        return TEXT if told else NUMBER

    def _mock(self, answer: Need) -> str:
        kind = "AsyncMock" if self.awaited else "Mock"
        if self.raises:
            return f"{kind}(side_effect={self.raises})"
        if self.turns:
            return f"{kind}(side_effect=[{', '.join(self.turns)}])"
        if self.ends:
            return f"{kind}(side_effect=[{answer.value()}, {CANCELLED}])"
        known = answer.used or answer.wanted or answer.text or answer.code is not None
        return f"{kind}(return_value={answer.value()})" if known else f"{kind}()"

    def _named(self, needs: dict[str, Need]) -> str:
        return ", ".join(f"{name}={one.value()}" for name, one in needs.items())

    def _container(self) -> str:
        kept = {k: n for k, n in self.keys.items() if not n.absent and (not n.asked or n.wanted)}
        if kept or self.item is None:
            inner = ", ".join(f'"{key}": {need.value()}' for key, need in kept.items())
            return f"{{{inner}}}" if self.table != "list" else "[]"
        value = self.item.value()
        several = range(self.count)
        if self.table == "items" and len(self.item.parts) == 2:
            name, inner = (one.value() for one in self.item.parts)
            return f"{{{', '.join(f'{_nth(name, each)}: {inner}' for each in several)}}}"
        if self.table in ("items", "values"):
            named = (f"{_nth(TEXT, each)}: {value}" for each in several)
            return f"{{{', '.join(named)}}}"
        if self.table == "keys":
            return f"{{{', '.join(f'{_nth(value, each)}: {NUMBER}' for each in several)}}}"
        if self.table == "stream":
            items = ", ".join(value for _ in several)
            return f'MagicMock(**{{"__aiter__.return_value": [{items}]}})'
        if self.table == "set":
            return f"{{{', '.join(_nth(value, each) for each in several)}}}"
        return f"[{', '.join(value for _ in several)}]"


def _nth(code: str, number: int) -> str:
    """A plain value made unlike its siblings."""
    if number == 0:
        return code
    return f'"{chr(ord("x") + number)}"' if code.startswith('"') else f"{float(number + 1)}"
