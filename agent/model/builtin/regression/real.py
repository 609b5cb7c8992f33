"""What a crash went through below the culprit is called for what it is, and not for a stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst

from agent.model.builtin.incident import Spot, Trouble
from agent.model.builtin.regression.needs import Need
from agent.model.builtin.regression.reading import Reader, parameters
from agent.model.builtin.source import Source, Unreadable, parse


@dataclass(frozen=True, slots=True)
class Deeper:
    """The function that the culprit called, and that raised or called on; `owner` is its class."""

    module: str
    source: Source
    function: cst.FunctionDef
    owner: cst.ClassDef | None

    @property
    def name(self) -> str:
        return self.function.name.value


def deeper(trouble: Trouble, spot: Spot, texts: Mapping[str, str]) -> Deeper | None:
    """What the culprit called on its way to the crash; None where it raised itself."""
    after = trouble.spots[trouble.spots.index(spot) + 1 :] if spot in trouble.spots else ()
    if not after or after[0].path not in texts:
        return None
    try:
        source = parse(texts[after[0].path])
    except Unreadable:
        return None
    found = [one for one in source.nodes(cst.FunctionDef) if source.spanned(one, after[0].line)]
    if not found:
        return None
    owner = source.first(found[-1], cst.ClassDef, cst.FunctionDef)
    module = after[0].path.removesuffix(".py").replace("/", ".")
    return Deeper(module, source, found[-1], owner if isinstance(owner, cst.ClassDef) else None)


def made_real(reader: Reader, below: Deeper) -> str:
    """Put an object of its class where the culprit calls its method; the import that this takes."""
    if below.owner is None:
        return ""
    name = below.owner.name.value
    for root in [need for key, need in reader.known.items() if key.startswith(" ")]:
        for need in list(root.every()):
            if need.name == below.name and need.answer is not None and need.owner is not None:
                need.owner.code = f"{name}({_arguments(below)})"
                return f"from {below.module} import {name}"
    return ""


def fed(below: Deeper, word: str) -> list[str]:
    """The lines that give the object of a class what its method awaits of it: a document with a word in it.

    For a name that was asked for and is not there: the document has what the right name stands for.
    """
    if below.owner is None:
        return []
    own = Need("self")
    reader = Reader(below.source, known={"self": own}, word=word)
    reader.statement(below.function.body)
    lines = []
    for name, need in own.attributes.items():
        if need.answer is not None and need.awaited:
            for one in need.answer.every():
                if one.name == word:
                    one.want()
                    one.table = one.table or "keys"
            where = f"{below.module}.{below.owner.name.value}.{name}"
            lines.append(f'monkeypatch.setattr("{where}", {need.value()})')
    return lines


def _arguments(below: Deeper) -> str:
    """What its constructor is given: mocks for what it only keeps."""
    assert below.owner is not None
    made = [
        one for one in below.source.nodes(cst.FunctionDef, below.owner.body) if one.name.value == "__init__"
    ]
    if not made:
        return ""
    reader, needs = Reader(below.source), dict[str, Need]()
    for place, (name, optional) in enumerate(parameters(made[0]).items()):
        if place and not optional:
            needs[name] = reader.known[name] = Need(name)
    reader.statement(made[0].body)
    return ", ".join(need.value() if need.used or need.code else "Mock()" for need in needs.values())
