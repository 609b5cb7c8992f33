"""A function whose parameters changed: the calls that were not moved over."""

from __future__ import annotations

import difflib
import re

import libcst as cst

from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, arguments, name_of
from agent.model.builtin.talk import Asking

_CALLED = re.compile(r"^TypeError: (?:[\w.]+\.)?(\w+)\(\) (?:missing|takes|got multiple)")


def signature(scene: Scene) -> Asking[list[Candidate]]:
    """Calls in the old order of arguments, rewritten to the new one, by what the function was and is."""
    if scene.trouble.name != "TypeError":
        return []
    at = yield from scene.here()
    name, path = yield from _callee(scene)
    if at is None or not name or not path or path == at[0].path:
        return []
    spot, source = at
    now = yield from scene.source(path)
    new = _function(now, name) if now else None
    if new is None:
        return []
    earlier = yield from scene.earlier(path)
    for before in earlier:
        old = _function(before, name)
        if old is None or _names(old) == _names(new):
            continue
        text = _rewritten(source, name, old, new)
        if text is not None and text != source.text:
            told = f"{name}({', '.join(_names(new))})"
            why = f"{path} takes {told} now, and the calls here were not moved over"
            return [Candidate(why, {spot.path: text}, rank=0, spot=spot)]
    return []


def _callee(scene: Scene) -> Asking[tuple[str, str]]:
    """The function that was called wrongly and its file: it raised itself, or Python refused the call."""
    last = scene.trouble.spots[-1] if scene.trouble.spots else None
    if last is not None and last.path.startswith("shared/"):
        return last.function, last.path
    match = _CALLED.search(scene.trouble.text)
    if match is None:
        return "", ""
    matches = yield from scene.desk.grep(rf"^\s*(?:async )?def {match.group(1)}\(")
    paths = {one.path for one in matches if one.path.startswith(("shared/", scene.incident.root))}
    return (match.group(1), paths.pop()) if len(paths) == 1 else ("", "")


def _function(source: Source, name: str) -> cst.FunctionDef | None:
    found = [one for one in source.nodes(cst.FunctionDef) if one.name.value == name]
    return found[0] if len(found) == 1 else None


def _names(function: cst.FunctionDef) -> list[str]:
    names = [one.name.value for one in function.params.params if one.name.value not in ("self", "cls")]
    star = function.params.star_arg
    return [*names, f"*{star.name.value}"] if isinstance(star, cst.Param) else names


def _rewritten(source: Source, name: str, old: cst.FunctionDef, new: cst.FunctionDef) -> str | None:
    """The file with every call in the old order in the new one; None where an argument has no place."""
    before, now = _names(old), _names(new)
    places = {one: _place(one, before, now) for one in before}
    if any(place is None for place in places.values()):
        return None
    changes: dict[cst.CSTNode, Change] = {}
    for call in source.nodes(cst.Call):
        given = arguments(call)
        if name_of(call.func) != name or len(given) != len(call.args) or len(given) != len(before):
            continue
        by_place = sorted(zip(before, given, strict=True), key=lambda pair: now.index(str(places[pair[0]])))
        order = [source.code(value) for _, value in by_place]
        changes[call] = _call(f"{source.code(call.func)}({', '.join(order)})")
    return source.changed(changes) if changes else None


def _call(code: str) -> Change:
    return lambda _: cst.parse_expression(code)


def _place(name: str, before: list[str], now: list[str]) -> str | None:
    """Where an old parameter went: the same name, else the one that is new and much like it."""
    if name in now:
        return name
    fresh = [one for one in now if one not in before]
    plain = {one.lstrip("*"): one for one in fresh}
    close = difflib.get_close_matches(name, list(plain), n=1, cutoff=0.6)
    return plain[close[0]] if close else None
