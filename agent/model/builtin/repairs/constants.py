"""A constant that is used and was never written down: a key that its siblings tell the name of."""

from __future__ import annotations

import re

import libcst as cst

from agent.model.builtin.repairs.undefined import UNDEFINED
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, after, arguments, name_of, text_of
from agent.model.builtin.talk import Asking

_CONSTANT = re.compile(r"^(?P<stem>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)_(?P<kind>KEY|CHANNEL|STREAM)$")
WRITES = {
    "KEY": ("lpush", "rpush", "set", "setex", "hset", "sadd", "zadd", "write_model"),
    "CHANNEL": ("publish",),
    "STREAM": ("xadd",),
}
"""The calls that make a thing of each kind: who writes it may name it."""


def constant(scene: Scene) -> Asking[list[Candidate]]:
    """A key that this file alone writes and names, by the pattern of the other keys in it.

    Its name is made, not found: only where all siblings that are like it agree on the pattern, and where
    no text of the repository has another name with that word in it.
    """
    match, at = UNDEFINED.search(scene.trouble.text), (yield from scene.here())
    named = _CONSTANT.match(match.group(1)) if match else None
    if named is None or at is None:
        return []
    (spot, source), name = at, named.group()
    word = named["stem"].lower()
    value = _by_siblings(source, word, named["kind"])
    if value is None or not _is_written(source, name, named["kind"]):
        return []
    others = yield from scene.desk.grep(rf"\b{name}\b|:{word}\b")
    if any(one.path != spot.path or f":{word}" in one.text for one in others):
        return []
    last = _last_constant(source)
    if last is None:
        return []
    text = source.changed({last: after(f'{name} = "{value}"\n')})
    why = f'{name} was never defined; by the other keys of the file it is "{value}"'
    risk = f'the name "{value}" is made after the other keys of the file: nothing else names it'
    return [Candidate(why, {spot.path: text}, rank=4, risk=risk, spot=spot)]


def _by_siblings(source: Source, word: str, kind: str) -> str | None:
    """What the siblings are made of, with this word in it; None where they do not agree."""
    prefixes = set()
    for node in source.nodes(cst.Assign):
        named = _CONSTANT.match(name_of(node.targets[0].target))
        text = text_of(node.value)
        if named is None or named["kind"] != kind or text is None or "{" in text:
            continue
        if not text.endswith(f":{named['stem'].lower()}"):
            return None
        prefixes.add(text.removesuffix(named["stem"].lower()))
    return f"{prefixes.pop()}{word}" if len(prefixes) == 1 else None


def _is_written(source: Source, name: str, kind: str) -> bool:
    """Whether a call of the file writes to what has this name."""
    calls = (one for one in source.nodes(cst.Call) if name_of(one.func) in WRITES[kind])
    return any(name_of(given) == name for one in calls for given in arguments(one)[:2])


def _last_constant(source: Source) -> cst.SimpleStatementLine | None:
    """The last plain assignment at the top of a file, before its functions."""
    found = None
    for statement in source.module.body:
        if isinstance(statement, cst.FunctionDef | cst.ClassDef):
            break
        if isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Assign):
            found = statement
    return found
