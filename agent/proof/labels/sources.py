"""The changed files as syntax trees, without what is never run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agent.proof.labels.constants import Constants

Function = ast.FunctionDef | ast.AsyncFunctionDef

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_DEEPEST = 120
_BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True, slots=True)
class Module:
    """One file: its tree, each node with the qualified name of what it stands in, what is constant in it."""

    tree: ast.Module
    placed: tuple[tuple[str, ast.AST], ...]
    constants: Constants

    @classmethod
    def of(cls, tree: ast.Module) -> Module:
        """A tree, read once.

        Raises:
            RecursionError: it is nested more deeply than anybody writes.
        """
        return cls(tree, tuple(_placed(tree)), Constants(tree))


Trees = Mapping[str, Module]


def trees(sources: Mapping[str, str], *, folded: bool = True) -> dict[str, Module]:
    """The Python of the files by path; what does not parse is left out.

    Without `folded` what is never run stays.
    """
    found = {}
    for path, source in sources.items():
        if not path.endswith(".py"):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
            found[path] = Module.of(_Living(Constants(tree)).visit(tree) if folded else tree)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return found


def unread(sources: Mapping[str, str], read: Trees) -> list[str]:
    """The Python that is right and was left out all the same, by path."""
    return [
        path for path, text in sources.items() if path.endswith(".py") and path not in read and _parses(text)
    ]


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    except (RecursionError, MemoryError):
        pass
    return True


def nodes(trees_: Trees) -> Iterator[ast.AST]:
    """Every node of every tree."""
    return (node for module in trees_.values() for _place, node in module.placed)


def _placed(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    waiting: list[tuple[str, int, ast.AST]] = [("", 0, tree)]
    while waiting:
        place, depth, node = waiting.pop()
        if depth > _DEEPEST:
            raise RecursionError
        yield place, node
        inner = f"{place}.{node.name}" if isinstance(node, Function | ast.ClassDef) else place
        waiting += [(inner, depth + 1, child) for child in ast.iter_child_nodes(node)]


def own(block: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of a block, but for what stands in functions and classes of its own."""
    waiting: list[ast.AST] = list(block)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.ClassDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)


def ends(block: list[ast.stmt], kinds: tuple[type[ast.stmt], ...] = _ENDS) -> bool:
    """Whether every way through a block comes to a statement of these kinds."""
    return any(_ends(statement, kinds) for statement in block)


def _ends(statement: ast.stmt, kinds: tuple[type[ast.stmt], ...]) -> bool:
    match statement:
        case ast.If(body=body, orelse=orelse):
            return ends(body, kinds) and ends(orelse, kinds)
        case ast.While(test=ast.Constant(value=value), body=body):
            left = any(isinstance(node, ast.Break) for node in own(body))
            return bool(value) and not left and (kinds == _ENDS or ends(body, kinds))
        case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=finalbody):
            through = ends([*body, *orelse], kinds) and all(ends(each.body, kinds) for each in handlers)
            return through or ends(finalbody, kinds)
    return isinstance(statement, kinds)


def shown(node: ast.AST) -> str:
    """An expression in one short line, for a reader."""
    return " ".join(ast.unparse(node).split())[:80]


class _Living(ast.NodeTransformer):
    """Takes out what is never run: what stands after a block's end, or under what never holds."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for name in _BLOCKS:
            block = getattr(node, name, None)
            if isinstance(block, list):
                stops = (at for at, each in enumerate(block, start=1) if _ends(each, _ENDS))
                setattr(node, name, block[: next(stops, None)])
        return super().generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        holds = self.constants.truth(node.test)
        return self.generic_visit(node) if holds is None else self._kept(node.body if holds else node.orelse)

    def visit_While(self, node: ast.While) -> ast.AST | list[ast.stmt]:
        if self.constants.truth(node.test) is False:
            return self._kept(node.orelse)
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST | list[ast.stmt]:
        empty = self.constants.is_fixed(node.iter) and self.constants.truth(node.iter) is False
        return self._kept(node.orelse) if empty else self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        holds = self.constants.truth(node.test)
        if holds is None:
            return self.generic_visit(node)
        chosen: ast.AST = self.visit(node.body if holds else node.orelse)
        return chosen

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        """`False and f()` never calls, as `True or f()` does not."""
        decides = isinstance(node.op, ast.Or)
        for at, value in enumerate(node.values[:-1], start=1):
            if self.constants.truth(value) is decides:
                node.values = node.values[:at]
                break
        return self.generic_visit(node)

    def _kept(self, block: list[ast.stmt]) -> ast.AST | list[ast.stmt]:
        kept = []
        for statement in block:
            seen = self.visit(statement)
            kept += seen if isinstance(seen, list) else [seen]
            if _ends(statement, _ENDS):
                break
        return kept or ast.Pass()
