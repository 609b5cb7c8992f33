"""What a patch brings beyond a plain repair, in words."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from agent.proof.labels.plain.changes import changes
from agent.proof.labels.plain.conditions import Find, asked
from agent.proof.labels.plain.constructs import constructs
from agent.proof.labels.plain.scripts import beyond_in_scripts
from agent.proof.labels.plain.words import Words, bound, imported, said
from agent.proof.labels.sources import Function, Module, Trees, own, shown, trees

_READERS: tuple[Callable[[Module], Iterator[Find]], ...] = (constructs, changes, asked)


def beyond(before: Mapping[str, str], after: Mapping[str, str], words: Words) -> list[str]:
    """What the changed files have with the patch and had not on the base, in the order of the files.

    `before` and `after` map paths to sources; `words` is what the whole service uses on the base.
    """
    old, new = trees(before), trees(after)
    found = Counter(find for module in new.values() for read in _READERS for find in read(module))
    found.subtract(Counter(find for module in old.values() for read in _READERS for find in read(module)))
    found.update(find for find in (*_left_out(old, new), *_given_up(old, new)))
    python = (told for (told, _), times in found.items() if times > 0)
    return list(dict.fromkeys((*python, *_words(old, new, words), *beyond_in_scripts(before, after, words))))


def _left_out(old: Trees, new: Trees) -> Iterator[Find]:
    """Elements of a list, a table or a tuple that are gone, with nothing in their place."""
    before, after = _displays(old), _displays(new)
    for place, elements in (before - after).elements():
        kept = (other for where, other in after - before if where == place and len(other) < len(elements))
        for other in kept:
            if not Counter(other) - Counter(elements):
                yield f"leaves out {', '.join((Counter(elements) - Counter(other)).elements())}"[:100], place


def _displays(trees_: Trees) -> Counter[tuple[str, tuple[str, ...]]]:
    placed = (each for module in trees_.values() for each in module.placed)
    return Counter(
        (place, tuple(shown(each) for each in _elements(node)))
        for place, node in placed
        if isinstance(node, ast.Dict | ast.List | ast.Tuple | ast.Set)
    )


def _elements(node: ast.Dict | ast.List | ast.Tuple | ast.Set) -> list[ast.expr]:
    if isinstance(node, ast.Dict):
        return [key or value for key, value in zip(node.keys, node.values, strict=True)]
    return node.elts


def _given_up(old: Trees, new: Trees) -> Iterator[Find]:
    """Functions that gave something back, and give nothing any more."""
    before, after = _gives(old), _gives(new)
    for place in before.keys() & after.keys():
        if before[place] and not after[place]:
            yield f"{place.rpartition('.')[2]}() gives nothing back", place


def _gives(trees_: Trees) -> dict[str, bool]:
    """By place of a function: whether it gives anything back but None."""
    return {
        f"{place}.{node.name}": any(
            isinstance(each, ast.Yield | ast.YieldFrom)
            or (isinstance(each, ast.Return) and not (each.value is None or _is_none(each.value)))
            for each in own(node.body)
        )
        for module in trees_.values()
        for place, node in module.placed
        if isinstance(node, Function)
    }


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _words(old: Trees, new: Trees, words: Words) -> Iterator[str]:
    """Modules and names that the service does not use, and names in use that are defined once more."""
    nodes = [node for module in new.values() for _place, node in module.placed]
    for module in dict.fromkeys(name for node in nodes for name in imported(node)):
        if not words.has_module(module):
            yield f"the module {module}"
    own = {name for node in nodes if not isinstance(node, ast.alias) for name in bound(node)}
    for name in dict.fromkeys(name for node in nodes for name in _said(node)):
        if not words.knows(name) and name not in own:
            yield f"the name {name}"
    defined = {
        (place, node.name) for m in old.values() for place, node in m.placed if isinstance(node, Function)
    }
    for module_ in new.values():
        for place, node in module_.placed:
            if isinstance(node, Function) and (place, node.name) not in defined and words.knows(node.name):
                yield f"another {node.name}()"


def _said(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name | ast.Attribute | ast.keyword):
        yield said(node)
    elif isinstance(node, ast.ImportFrom):
        yield from (alias.name for alias in node.names)
