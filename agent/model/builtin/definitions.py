"""What a module or a class defines, and what of it goes by another name than before."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst

from agent.model.builtin.source import Source

ALIKE = 0.75
"""How alike two names are where nothing but the name speaks for it: a wrong name is worse than none."""
SAME = 0.75
"""How alike two bodies are that are the same thing under two names."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A name, how it is written, and the node: a function, a class or an assignment."""

    name: str
    code: str
    node: cst.CSTNode

    @property
    def body(self) -> str:
        """Its code without its own name."""
        return self.code.replace(self.name, "_")


def defined(source: Source, within: cst.CSTNode | None = None) -> Mapping[str, Definition]:
    """What a module defines at its top, or a class in its body; of a class its attributes as well."""
    body = within.body if isinstance(within, cst.ClassDef) else source.module
    found = {one.name: one for one in _at_top(source, body)}
    if isinstance(within, cst.ClassDef):
        for target in source.nodes(cst.AssignTarget, within):
            node = target.target
            if (
                isinstance(node, cst.Attribute)
                and isinstance(node.value, cst.Name)
                and node.value.value == "self"
            ):
                found.setdefault(node.attr.value, Definition(node.attr.value, "", node))
    return found


def _at_top(source: Source, body: cst.CSTNode) -> Iterator[Definition]:
    for statement in body.children:
        if isinstance(statement, cst.FunctionDef | cst.ClassDef):
            yield Definition(statement.name.value, source.code(statement), statement)
        elif isinstance(statement, cst.SimpleStatementLine):
            for part in statement.body:
                yield from _assigned(source, part)


def _assigned(source: Source, part: cst.BaseSmallStatement) -> Iterator[Definition]:
    targets: list[cst.BaseExpression] = []
    if isinstance(part, cst.Assign):
        targets = [one.target for one in part.targets]
    elif isinstance(part, cst.AnnAssign):
        targets = [part.target]
    for target in targets:
        if isinstance(target, cst.Name):
            yield Definition(target.value, source.code(part), part)


def successors(name: str, now: Mapping[str, Definition], before: list[Mapping[str, Definition]]) -> list[str]:
    """What a name that is gone is called now, most likely: the same body first, then a name like it."""
    found: list[str] = []
    for earlier in before:
        old = earlier.get(name)
        if old is None or not old.code:
            continue
        new = [one for one in now.values() if one.name not in earlier and type(one.node) is type(old.node)]
        alike = sorted(((_likeness(old.body, one.body), one.name) for one in new), reverse=True)
        found += [other for ratio, other in alike if ratio >= SAME]
    found += difflib.get_close_matches(name, [one for one in now if one != name], n=2, cutoff=ALIKE)
    return list(dict.fromkeys(found))


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def class_named(source: Source, name: str) -> cst.ClassDef | None:
    """A class of a module by its name."""
    return next((one for one in source.nodes(cst.ClassDef) if one.name.value == name), None)
