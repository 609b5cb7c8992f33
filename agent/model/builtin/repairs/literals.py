"""Keys and names in quotes that went by another word: the word that is meant."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.definitions import defined
from agent.model.builtin.gaps import gaps
from agent.model.builtin.incident import Spot
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, arguments, expression, index_of, name_of, text_of
from agent.model.builtin.talk import Asking

_KEY = re.compile(r"^KeyError: '(.*)'$")
_MEANT = re.compile(r"meant is '([^']{1,80})'")
_QUOTED = re.compile(r"'([^']{1,80})'")
ALIKE = 0.6


def like_key(scene: Scene) -> Asking[list[Candidate]]:
    """A key that is not there, where the same thing is read by a key much like it."""
    match, at = _KEY.search(scene.trouble.text), (yield from scene.here())
    if match is None or at is None:
        return []
    (spot, source), key = at, match.group(1)
    if (yield from scene.is_known(key)):
        return []
    found = []
    for gap in gaps(source, spot, scene.trouble):
        if not isinstance(gap.subject, cst.Subscript) or text_of(index_of(gap.subject)) != key:
            continue
        keys = [one for one in _read_on(source, source.code(gap.subject.value)) if one != key]
        for other in difflib.get_close_matches(key, keys, n=1, cutoff=ALIKE):
            index = index_of(gap.subject)
            assert index is not None
            why = f"there is no key {key!r}; what is read elsewhere is {other!r}"
            text = source.changed({index: expression(_like(source.code(index), other))})
            found.append(Candidate(why, {spot.path: text}, rank=1, spot=spot))
    return found


def _like(old: str, text: str) -> str:
    return f"'{text}'" if old.startswith("'") else f'"{text}"'


def _read_on(source: Source, base: str) -> list[str]:
    """Every key that is read from an expression of this name, with any number in its brackets."""
    plain = re.sub(r"\[\d+\]", "", base)
    names = {base, plain, plain.removesuffix("s")}
    keys = []
    for node in source.nodes(cst.Subscript):
        if source.code(node.value) in names and (key := text_of(index_of(node))) is not None:
            keys.append(key)
    for call in source.nodes(cst.Call):
        if (
            isinstance(call.func, cst.Attribute)
            and name_of(call.func) == "get"
            and source.code(call.func.value) in names
        ):
            keys += [key for one in arguments(call)[:1] if (key := text_of(one)) is not None]
    return list(dict.fromkeys(keys))


def renamed_literal(scene: Scene) -> Asking[list[Candidate]]:
    """A key of a table in the code that a change renamed: every use of the old word in the service."""
    match, at = _KEY.search(scene.trouble.text), (yield from scene.here())
    if match is None or at is None:
        return []
    (spot, source), key = at, match.group(1)
    tables = _tables(scene, spot, source)
    if not tables:
        return []
    matches = yield from scene.desk.grep(f'"{key}"', regex=False, path=scene.incident.root.rstrip("/"))
    paths = list(
        dict.fromkeys(one.path for one in matches if "/tests/" not in one.path and one.path.endswith(".py"))
    )
    if not paths:
        return []
    for path in tables:
        word = yield from _successor(scene, path, key)
        if word is None:
            continue
        files = {}
        for one in paths:
            using = yield from scene.source(one)
            if using is not None:
                files[one] = _replaced(using, key, word)
        why = f"{key!r} is called {word!r} since a change of {path}, and was still asked for here"
        return [Candidate(why, files, rank=0, spot=spot)]
    return []


def _tables(scene: Scene, spot: Spot, source: Source) -> list[str]:
    """The files of the service that define, at their top, what the crashed line looks things up in."""
    subjects = (one.subject for one in gaps(source, spot, scene.trouble))
    names = {name_of(one.value) for one in subjects if isinstance(one, cst.Subscript)}
    found = [spot.path] if names & set(defined(source)) else []
    for node in source.nodes(cst.ImportFrom):
        if node.module is not None and not isinstance(node.names, cst.ImportStar):
            path = source.code(node.module).replace(".", "/") + ".py"
            if names & {name_of(one.name) for one in node.names} and path in scene.incident.files:
                found.append(path)
    return found


def _successor(scene: Scene, path: str, key: str) -> Asking[str | None]:
    """The literal that stands now where an earlier version of a file had the key."""
    now = yield from scene.source(path)
    earlier = yield from scene.earlier(path)
    for before in earlier if now else ():
        assert now is not None
        old, new = list(_literals(before)), list(_literals(now))
        found: Counter[str] = Counter()
        for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if tag == "replace" and b - a == d - c:
                found.update(word for was, word in zip(old[a:b], new[c:d], strict=True) if was == key)
        if len(found) == 1:
            return next(iter(found))
    return None


def _literals(source: Source) -> Iterator[str]:
    return (text for node in source.nodes(cst.SimpleString) if (text := text_of(node)) is not None)


def _replaced(source: Source, old: str, new: str) -> str:
    changes: dict[cst.CSTNode, Change] = {
        node: expression(_like(source.code(node), new))
        for node in source.nodes(cst.SimpleString)
        if text_of(node) == old
    }
    return source.changed(changes)


def meant(scene: Scene) -> Asking[list[Candidate]]:
    """A name in quotes that the message refuses, and triage knows the one that is meant."""
    culprit, right = scene.incident.culprit, _MEANT.search(scene.incident.findings)
    words = _QUOTED.findall(scene.trouble.message)
    if culprit is None or right is None or scene.draft or not words:
        return []
    source = yield from scene.source(culprit.path)
    if source is None or not any(text_of(node) == words[0] for node in source.nodes(cst.SimpleString)):
        return []
    why = f"{words[0]!r} is not what it is called; {right.group(1)!r} is meant"
    return [Candidate(why, {culprit.path: _replaced(source, words[0], right.group(1))}, rank=0, spot=culprit)]
