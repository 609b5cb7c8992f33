"""What a patch brings beyond a plain repair, in words."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.plain.changes import changes
from agent.proof.labels.plain.conditions import Find, asked
from agent.proof.labels.plain.constructs import constructs
from agent.proof.labels.plain.gone import gone
from agent.proof.labels.plain.kept import kept
from agent.proof.labels.plain.moved import moved
from agent.proof.labels.plain.near import near
from agent.proof.labels.plain.scripts import beyond_in_scripts
from agent.proof.labels.plain.words import Words, bound, imported, keys, said
from agent.proof.labels.sources import Function, Module, Trees, trees

_READERS: tuple[Callable[[Module], Iterator[Find]], ...] = (constructs, changes, asked)


def beyond(before: Mapping[str, str], after: Mapping[str, str], words: Words, crashed: Crashed) -> list[str]:
    """What the changed files have with the patch and had not on the base, in the order of the files.

    `before` and `after` map paths to sources; `words` is what the whole service uses on the base.
    """
    old, new = trees(before, folded=False), trees(after, folded=False)
    found = Counter(find for module in new.values() for read in _READERS for find in read(module))
    found.subtract(Counter(find for module in old.values() for read in _READERS for find in read(module)))
    python = (told for (told, _), times in found.items() if times > 0)
    scripts = beyond_in_scripts(before, after, words, crashed)
    lost = (
        *gone(old, new, words),
        *kept(old, new, words, crashed.said),
        *moved(old, new),
        *near(old, new, crashed, words),
    )
    return list(dict.fromkeys((*python, *_words(old, new, words), *lost, *scripts)))


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
    for text in dict.fromkeys(text for node in nodes for text in keys(node)):
        if text not in words.texts:
            yield f"the key {text!r}"
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
