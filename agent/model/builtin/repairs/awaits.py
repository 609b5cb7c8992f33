"""A coroutine that was not awaited where it was made, and failed elsewhere as a value."""

from __future__ import annotations

import re

import libcst as cst

from agent.model.builtin.asynchronous import made_asynchronous
from agent.model.builtin.coroutines import awaiting, is_async, is_awaited, is_kept, place_of, scope_of
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, name_of
from agent.model.builtin.talk import Asking

COROUTINE = re.compile(r"^\w+Error: .*'coroutine'|^TypeError: .*\bcoroutine\b")
_NAMED = re.compile(r"coroutine '(?:[\w<>]+\.)*(\w+)' was never awaited")
_DEFINED = re.compile(r"^(async )?def (\w+)\(")
_ORDINARY = frozenset({name for kind in (dict, list, str, set, bytes) for name in dir(kind)})
"""Methods that values of Python itself have: a call by such a name may mean those."""
MOST = 4

Found = tuple[str, Source, cst.Call]


def lost_await(scene: Scene) -> Asking[list[Candidate]]:
    """Calls of the service's coroutine functions whose value is used as a value: awaited where they are.

    The log may name the function ("was never awaited"); else every one that is not awaited is looked at,
    those in the files of the crash first.
    """
    if COROUTINE.search(scene.trouble.text) is None:
        return []
    named = frozenset(_NAMED.findall((yield from scene.desk.log())))
    calls = yield from _unawaited(scene, named)
    calls += [one for one in (yield from _given(scene)) if one[2] not in [call for _, _, call in calls]]
    found: list[Candidate] = []
    for name in dict.fromkeys(name_of(call.func) for _, _, call in calls):
        same = [one for one in calls if name_of(one[2].func) == name]
        files = yield from _awaited(scene, same)
        if files:
            path, source, call = same[0]
            spot = place_of(path, source, call)
            why = f"{name}() gives a coroutine, and was not awaited in {path}"
            found.append(Candidate(why, files, rank=0 if name in named else 1, spot=spot))
    return found[:MOST]


def _unawaited(scene: Scene, named: frozenset[str]) -> Asking[list[Found]]:
    """Calls of coroutine functions, the service's and shared/, that nobody awaits; `named` ones if any."""
    names = yield from _coroutines(scene)
    wanted = sorted(names & named or names)
    if not wanted:
        return []
    root = scene.incident.root.rstrip("/")
    matches = yield from scene.desk.grep(rf"\b(?:{'|'.join(wanted)})\(", path=root)
    crashed = [spot.path for spot in reversed(scene.trouble.spots)]
    paths = dict.fromkeys(
        one.path for one in matches if one.path.endswith(".py") and "/tests/" not in one.path
    )
    yield from scene.desk.look([(path, None) for path in paths if path not in scene.draft])
    found: list[Found] = []
    for path in sorted(paths, key=lambda one: one not in crashed):
        source = yield from scene.source(path)
        for call in source.nodes(cst.Call) if source else ():
            assert source is not None
            if name_of(call.func) in wanted and _is_lost(source, call):
                found.append((path, source, call))
    return found


def _is_lost(source: Source, call: cst.Call) -> bool:
    parent = source.parents.get(call)
    if isinstance(parent, cst.For | cst.CompFor) and parent.asynchronous is not None:
        return False
    return scope_of(source, call) is not None and not is_awaited(source, call) and not is_kept(source, call)


def _coroutines(scene: Scene) -> Asking[frozenset[str]]:
    """Names that only coroutine functions have, in the service and shared/."""
    kinds: dict[str, set[bool]] = {}
    for path in (scene.incident.root.rstrip("/"), "shared"):
        matches = yield from scene.desk.grep(r"^\s*(?:async )?def \w+\(", path=path)
        for match in matches:
            if (defined := _DEFINED.match(match.text)) and "/tests/" not in match.path:
                kinds.setdefault(defined[2], set()).add(bool(defined[1]))
    return frozenset(name for name, found in kinds.items() if found == {True} and name not in _ORDINARY)


def _given(scene: Scene) -> Asking[list[Found]]:
    """Calls whose value reached the crash as an attribute of an object: whatever they call."""
    at = yield from scene.here()
    if at is None:
        return []
    spot, source = at
    read = {
        source.code(node)
        for node in source.nodes(cst.Attribute)
        if source.spanned(node, spot.line) and isinstance(node.value, cst.Name)
    }
    return [
        (spot.path, source, one.value)
        for one in source.nodes(cst.Assign)
        if isinstance(one.value, cst.Call)
        and source.code(one.targets[0].target) in read
        and is_async(source, one.value)
        and _is_lost(source, one.value)
    ]


def _awaited(scene: Scene, calls: list[Found]) -> Asking[dict[str, str]]:
    """The files with these calls awaited; functions around them become coroutines where they can."""
    changes: dict[str, dict[cst.CSTNode, Change]] = {}
    sources: dict[str, Source] = {}
    for path, source, call in calls:
        sources[path] = source
        changes.setdefault(path, {})[call] = awaiting(source, call)
        if not is_async(source, call):
            function = scope_of(source, call)
            more = (yield from made_asynchronous(scene, path, source, function)) if function else None
            if more is None:
                return {}
            for one, (where, made) in more.items():
                sources[one] = where
                changes.setdefault(one, {}).update(made)
    return {path: sources[path].changed(made) for path, made in changes.items()}
