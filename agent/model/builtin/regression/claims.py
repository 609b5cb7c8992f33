"""What a test claims of a call: what it gives, and what it has told the stand-ins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from agent.model.builtin.coroutines import is_generator
from agent.model.builtin.regression.needs import Need
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.source import LOOPS, Source, name_of

CANCELLED = "is cancelled"
"""Of a call that ends no other way: all that it does is done before."""
NONE = "is None"
SOMETHING = "is not None"
SOME, NOTHING = "!= []", "== []"


def results(source: Source, statement: cst.CSTNode, function: cst.FunctionDef, *, guarded: bool) -> list[str]:
    """What may be claimed of the result, the likeliest first.

    `statement` is the one that crashed; `guarded` says that the repair leaves before it.
    """
    if is_generator(source, function):
        return [SOME, NOTHING]
    if guarded and not isinstance(source.first(statement, *LOOPS, cst.FunctionDef), LOOPS):
        return [NONE, SOMETHING]
    value = _returned(source, statement, function)
    if value is None or name_of(value) == "None":
        return [NONE, SOMETHING]
    if isinstance(value, cst.Integer | cst.Float | cst.SimpleString) or name_of(value) in ("True", "False"):
        code = source.code(value)
        return [f"is {code}" if name_of(value) else f"== {code}", SOMETHING]
    return [SOMETHING, NONE]


def _returned(source: Source, statement: cst.CSTNode, function: cst.FunctionDef) -> cst.BaseExpression | None:
    """What a function returns once it is past a statement, None for nothing."""
    node: cst.CSTNode = statement
    while node is not function:
        parent = source.parents[node]
        following = list(parent.children)
        rest = following[following.index(node) :] if isinstance(parent, cst.IndentedBlock) else []
        for one in rest:
            part = one.body[-1] if isinstance(one, cst.SimpleStatementLine) else None
            if isinstance(part, cst.Return):
                return part.value
        node = parent
    return None


def told(
    source: Source, reader: Reader, statement: cst.CSTNode, function: cst.FunctionDef
) -> Iterator[tuple[Need, str, str]]:
    """The stand-ins that are told something in or after a statement of its block: root, path and claim."""
    block = source.parents.get(statement)
    following: Sequence[cst.CSTNode] = list(block.children) if isinstance(block, cst.IndentedBlock) else []
    rest = following[following.index(statement) :] if statement in following else [statement]
    seen = set()
    for one in [each for part in rest for each in _plain(part)]:
        for call in source.nodes(cst.Call, one):
            parent = source.parents.get(call)
            awaited = isinstance(parent, cst.Await)
            holder = source.parents.get(parent) if isinstance(parent, cst.Await) else parent
            if not isinstance(holder, cst.Expr):
                continue
            need = reader.told(parent if isinstance(parent, cst.Await) else call)
            mock = need.owner if need is not None else None
            if mock is None or mock.answer is not need or mock.raises:
                continue
            root, path = _path(mock)
            if (path or root in reader.patched.values()) and (root.name, path) not in seen:
                seen.add((root.name, path))
                once = "_once" if _times(source, call, function) == 1 else ""
                yield root, path, f"assert_{'awaited' if awaited else 'called'}{once}"


def _plain(statement: cst.CSTNode) -> Iterator[cst.SimpleStatementLine]:
    """A statement, or what a `try` does."""
    if isinstance(statement, cst.SimpleStatementLine):
        yield statement
    elif isinstance(statement, cst.Try):
        for one in statement.body.body:
            yield from _plain(one)


def _times(source: Source, call: cst.Call, function: cst.FunctionDef) -> int:
    """How often a function may make a call, by its text: in a loop it is more than once."""
    same = [
        one for one in source.nodes(cst.Call, function) if source.code(one.func) == source.code(call.func)
    ]
    looped = isinstance(source.first(call, *LOOPS, cst.FunctionDef), LOOPS)
    return len(same) + looped


def _path(need: Need) -> tuple[Need, str]:
    """The root that a need is read of, and the way by attributes; an empty one where there is none."""
    names = []
    while need.owner is not None:
        if need.owner.attributes.get(need.name) is not need or need.owner.code is not None:
            return need, ""
        names.append(need.name)
        need = need.owner
    return need, ".".join(reversed(names))


def kept(source: Source, statement: cst.CSTNode, bound: str) -> str:
    """The attribute of its object that a statement writes to, empty for none."""
    part = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    target: cst.BaseExpression | None = part.targets[0].target if isinstance(part, cst.Assign) else None
    while isinstance(target, cst.Subscript):
        target = target.value
    if isinstance(target, cst.Attribute) and name_of(target.value) == bound and bound:
        return target.attr.value
    return ""
