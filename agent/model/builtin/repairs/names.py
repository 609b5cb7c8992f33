"""Attributes, methods and keywords that do not exist: the closest that does."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping

import libcst as cst

from agent.model.builtin.definitions import Definition, class_named, defined, successors
from agent.model.builtin.incident import Spot
from agent.model.builtin.places import nodes_at
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, arguments, expression, name_of
from agent.model.builtin.talk import Asking

_ATTRIBUTE = re.compile(r"^AttributeError: '(\w+)' object has no attribute '(\w+)'")
_OF_TYPE = re.compile(r"^AttributeError: type object '(\w+)' has no attribute '(\w+)'")
_OF_MODULE = re.compile(
    r"^AttributeError: (?:partially initialized )?module '([\w.]+)' has no attribute '(\w+)'"
)
_KEYWORD = re.compile(r"^TypeError: (?:([\w.]+)\.)?(\w+)\(\) got an unexpected keyword argument '(\w+)'")
BUILT_IN: Mapping[str, type] = {
    one.__name__: one for one in (str, bytes, dict, list, set, tuple, int, float, bool)
}


def attribute(scene: Scene) -> Asking[list[Candidate]]:
    """`has no attribute`: what the class or module has instead."""
    at = yield from scene.here()
    match = _ATTRIBUTE.search(scene.trouble.text) or _OF_TYPE.search(scene.trouble.text)
    of_module = _OF_MODULE.search(scene.trouble.text)
    if at is None or (match is None and of_module is None):
        return []
    spot, source = at
    if of_module is not None:
        owner, wrong = of_module.groups()
        names = yield from _of_module(scene, owner, wrong)
        known: Mapping[str, Definition] = {}
    else:
        assert match is not None
        owner, wrong = match.groups()
        names, known = yield from _of_class(scene, owner, wrong)
    uses = [
        node
        for node in nodes_at(source, spot)
        if isinstance(node, cst.Attribute) and node.attr.value == wrong
    ]
    found = list(_logged(source, spot, uses, known)) if wrong == "exception" else []
    beside = _used_beside(source, uses)
    for rank, name in enumerate([one for one in names if one not in beside][:3]):
        why = f"{owner} has no {wrong}; what it has instead is {name}"
        found.append(
            Candidate(why, {spot.path: _attributes_named(source, wrong, name, uses)}, rank=rank, spot=spot)
        )
    return found if uses else []


def _of_module(scene: Scene, owner: str, wrong: str) -> Asking[list[str]]:
    path = owner.replace(".", "/") + ".py"
    target = yield from scene.source(path)
    if target is None:
        return []
    earlier = yield from scene.earlier(path)
    return successors(wrong, defined(target), [defined(one) for one in earlier])


def _of_class(scene: Scene, owner: str, wrong: str) -> Asking[tuple[list[str], Mapping[str, Definition]]]:
    if owner in BUILT_IN:
        return difflib.get_close_matches(wrong, dir(BUILT_IN[owner]), n=1, cutoff=0.75), {}
    matches = yield from scene.desk.grep(rf"^\s*class {owner}\b")
    for match in matches:
        source = yield from scene.source(match.path)
        node = class_named(source, owner) if source else None
        if source is None or node is None:
            continue
        known = defined(source, node)
        earlier = yield from scene.earlier(match.path)
        before = [defined(one, old) for one in earlier if (old := class_named(one, owner)) is not None]
        return successors(wrong, known, before), known
    return [], {}


def _used_beside(source: Source, uses: list[cst.Attribute]) -> set[str]:
    """Attributes of the same thing that the same function uses as well: those are other things."""
    found = set()
    for use in uses:
        function = source.function_of(use)
        for node in source.nodes(cst.Attribute, function) if function else ():
            if source.code(node.value) == source.code(use.value):
                found.add(node.attr.value)
    return found


def _attributes_named(source: Source, wrong: str, right: str, uses: list[cst.Attribute]) -> str:
    """Every use of the attribute on the same thing in the file, under the other name."""
    owners = {source.code(one.value) for one in uses}
    changes: dict[cst.CSTNode, Change] = {
        node.attr: expression(right)
        for node in source.nodes(cst.Attribute)
        if node.attr.value == wrong and source.code(node.value) in owners
    }
    return source.changed(changes)


def _logged(
    source: Source, spot: Spot, uses: list[cst.Attribute], known: Mapping[str, Definition]
) -> Iterator[Candidate]:
    """`logger.exception("text")` where the logger has none: `logger.error(f"text: {exc}")`."""
    if "error" not in known:
        return
    changes: dict[cst.CSTNode, Change] = {}
    owners = {source.code(one.value) for one in uses}
    for call in source.nodes(cst.Call):
        if isinstance(call.func, cst.Attribute) and name_of(call.func) == "exception":
            handler = source.first(call, cst.ExceptHandler)
            given = arguments(call)
            if (
                source.code(call.func.value) not in owners
                or not isinstance(handler, cst.ExceptHandler)
                or not given
            ):
                continue
            name = handler.name.name if handler.name else cst.Name("exc")
            text = _with_error(source.code(given[0]), source.code(name))
            rest = "".join(
                f", {source.code(one).rstrip(', ')}"
                for one in call.args[1:]
                if name_of(one.keyword) != "exc_info"
            )
            changes[call] = expression(f"{source.code(call.func.value)}.error({text}{rest})")
            if handler.name is None and handler.type is not None:
                changes[handler] = lambda node: node.with_changes(
                    name=cst.AsName(cst.Name("exc")), whitespace_after_except=cst.SimpleWhitespace(" ")
                )
    if changes:
        why = "the logger has no exception(); error() with the reason is what there is"
        yield Candidate(why, {spot.path: source.changed(changes)}, rank=0, spot=spot)


def _with_error(text: str, name: str) -> str:
    """A text literal that ends with the error's own words."""
    plain = text[0] in "\"'" and "{" not in text
    if plain or text[:2] in ('f"', "f'"):
        quote = text[-1]
        return f"{'f' if plain else ''}{text[:-1]}: {{{name}}}{quote}"
    return f'f"{{{text}}}: {{{name}}}"'


def keyword(scene: Scene) -> Asking[list[Candidate]]:
    """`unexpected keyword argument`: the parameter of that meaning."""
    match = _KEYWORD.search(scene.trouble.text)
    at = yield from scene.here()
    if match is None or at is None:
        return []
    (spot, source), (_, function, wrong) = at, match.groups()
    parameters = yield from _parameters(scene, function, match.group(1))
    calls = [one for one in source.nodes(cst.Call) if any(name_of(arg.keyword) == wrong for arg in one.args)]
    calls = [one for one in calls if source.spanned(one, spot.line)]
    found = []
    for rank, name in enumerate(_meant(wrong, parameters, calls)):
        changes: dict[cst.CSTNode, Change] = {
            arg.keyword: expression(name)
            for call in calls
            for arg in call.args
            if arg.keyword is not None and arg.keyword.value == wrong
        }
        why = f"{function}() takes no {wrong}; it takes {name}"
        found.append(Candidate(why, {spot.path: source.changed(changes)}, rank=rank, spot=spot))
    return found


def _parameters(scene: Scene, function: str, owner: str | None) -> Asking[list[str]]:
    """The parameters of a function of the repository, of a class for its constructor."""
    wanted = owner.rpartition(".")[2] if owner and function == "__init__" else None
    pattern = rf"^\s*class {wanted}\b" if wanted else rf"^\s*(?:async )?def {function}\("
    matches = yield from scene.desk.grep(pattern)
    for match in matches[:3]:
        source = yield from scene.source(match.path)
        for node in source.nodes(cst.FunctionDef) if source else ():
            inside = source.first(node, cst.ClassDef) if source else None
            if node.name.value == function and (
                wanted is None or (isinstance(inside, cst.ClassDef) and inside.name.value == wanted)
            ):
                params = (*node.params.params, *node.params.kwonly_params)
                return [one.name.value for one in params if one.name.value not in ("self", "cls")]
    return []


def _meant(wrong: str, parameters: list[str], calls: list[cst.Call]) -> list[str]:
    """Parameters like a keyword that is none, and that the call does not give yet."""
    given = {name_of(arg.keyword) for call in calls for arg in call.args}
    free = [name for name in parameters if name not in given]
    parts = [name for name in free if wrong in name or name in wrong]
    close = difflib.get_close_matches(wrong, free, n=2, cutoff=0.6)
    return list(dict.fromkeys([*close, *parts]))[:2]
