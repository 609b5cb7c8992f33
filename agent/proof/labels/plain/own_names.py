"""The names that tests give to things: of their own, of modules, and of what their stand-ins have."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.proof.labels.plain.words import bound, imported, is_of_house, taken


@dataclass(frozen=True, slots=True)
class OwnNames:
    """Names in tests.

    given      to anything
    modules    of modules that are imported, part by part
    kept       of what stand-ins have: methods, and what they keep for themselves
    stand_ins  of what is nothing but objects of the tests' own classes or of the house's, and those classes
    """

    given: frozenset[str]
    modules: frozenset[str]
    kept: frozenset[str]
    stand_ins: frozenset[str]

    @classmethod
    def of(cls, every: Sequence[ast.AST]) -> OwnNames:
        """Those of all the nodes of tests."""
        modules = frozenset(part for node in every for module in imported(node) for part in module.split("."))
        given = frozenset(name for node in every for name in bound(node))
        kept = frozenset(name for node in every for name in _kept(node))
        return cls(given, modules, kept, _stand_ins(every) - modules)

    def allow(self, node: ast.AST, name: str) -> bool:
        """Whether a name may stand there: behind a dot a stand-in's own only, behind it or what makes it.

        Of anything else they lead from what pytest, a module or a loop gives to what runs the test.
        """
        if name in self.modules:
            return True
        if not isinstance(node, ast.Attribute):
            return name in self.given
        holder = node.value.func if isinstance(node.value, ast.Call) else node.value
        return isinstance(holder, ast.Name) and holder.id in self.stand_ins and name in self.kept


def _stand_ins(every: Sequence[ast.AST]) -> frozenset[str]:
    classes = {node.name for node in every if isinstance(node, ast.ClassDef)}
    making = classes | {"SimpleNamespace", "Mock", "AsyncMock", "MagicMock", "namedtuple"}
    making |= {name for node in every if is_of_house(node) for name in taken(node)}
    times = Counter(name for node in every for name in bound(node))
    made = Counter(name for node in every for name in _made(node, frozenset(making)))
    given = {name for name, often in made.items() if often == times[name]}
    return frozenset({"self", "cls", *classes} | given | {name for name in making if times[name] == 1})


def _made(node: ast.AST, making: frozenset[str]) -> Iterator[str]:
    """Names that are given what a class, or a function of the house, makes."""
    if isinstance(node, ast.Assign):
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        maker = value.func if isinstance(value, ast.Call) else None
        whence = maker.value if isinstance(maker, ast.Attribute) else maker
        if isinstance(whence, ast.Name) and whence.id in making:
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def _kept(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
            yield name
        case ast.ClassDef(body=body):
            for each in body:
                yield from bound(each)
                yield from (
                    name
                    for part in ast.walk(each)
                    for name in bound(part)
                    if isinstance(each, ast.Assign | ast.AnnAssign)
                )
        case ast.keyword(arg=str(name)):
            yield name
