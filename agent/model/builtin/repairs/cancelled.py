"""Cancellation: one that a loop swallows, and one that ends a shutdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.coroutines import place_of, scope_of
from agent.model.builtin.importing import importing
from agent.model.builtin.incident import Spot
from agent.model.builtin.regression import cancel_test
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import LOOPS, NewNode, Source, name_of
from agent.model.builtin.talk import Asking

HANGS = re.compile(
    r"TimeoutError|(?:shut ?down|stop|close|end|finish|cancel)\w*\b.{0,60}\b(?:timed? ?out|hangs?|hung)\b"
    r"|(?:did not|does not|will not|never) (?:shut|stop|close|end|finish|exit)",
    re.IGNORECASE,
)
"""What is said where something that was told to end did not."""
_CATCHES = r"^\s*except\s*:|^\s*except\b.*\b(?:BaseException|CancelledError)\b"
CANCELLED = "CancelledError"
_LEAVES = (cst.Raise, cst.Return, cst.Break)
MOST = 3


def swallowed_cancel(scene: Scene) -> Asking[list[Candidate]]:
    """A loop whose handler takes the cancellation, too, so that its task never ends: it is raised again."""
    if HANGS.search(scene.trouble.text) is None or scene.incident.down:
        return []
    matches = yield from scene.desk.grep(_CATCHES, path=scene.incident.root.rstrip("/"))
    paths = [one.path for one in matches if one.path.endswith(".py") and "/tests/" not in one.path]
    found: list[Candidate] = []
    for path in dict.fromkeys(paths):
        source = yield from scene.source(path)
        for handler in _swallowing(source) if source else ():
            assert source is not None
            text = _raised_again(source, handler)
            spot = place_of(path, source, handler)
            why = f"the loop of {spot.function}() goes on where it is cancelled, so its task never ends"
            test = cancel_test(scene.incident, spot, source, text)
            found.append(Candidate(why, {path: text}, rank=1, spot=spot, tests=(test,) if test else ()))
    return found[:MOST]


def _swallowing(source: Source) -> Iterator[cst.ExceptHandler]:
    """Handlers in a loop of a coroutine that take a cancellation of what it awaits, and go on."""
    for handler in source.nodes(cst.ExceptHandler):
        block, function = source.parents[handler], scope_of(source, handler)
        if not isinstance(block, cst.Try) or function is None or not _takes(source, handler):
            continue
        looped = isinstance(source.first(block, *LOOPS, cst.FunctionDef), LOOPS)
        awaits = any(isinstance(one, cst.Await | cst.Asynchronous) for one in source.every(block.body))
        leaves = any(isinstance(one, _LEAVES) for one in source.every(handler.body))
        before = block.handlers[: list(block.handlers).index(handler)]
        # Whoever cancels a task and waits for it takes the cancellation that it asked for.
        asked = any(name_of(one.func) == "cancel" for one in source.nodes(cst.Call, function))
        taken = any(_takes(source, one) for one in before)
        if looped and awaits and not (leaves or asked or taken):
            yield handler


def _takes(source: Source, handler: cst.ExceptHandler) -> bool:
    """Whether a handler takes a CancelledError."""
    if handler.type is None:
        return True
    return bool({"BaseException", CANCELLED} & _names(source, handler.type))


def _names(source: Source, kind: cst.BaseExpression) -> set[str]:
    parts = [one.value for one in kind.elements] if isinstance(kind, cst.Tuple) else [kind]
    return {name_of(one) for one in parts}


def _raised_again(source: Source, handler: cst.ExceptHandler) -> str:
    if handler.type is not None and _names(source, handler.type) == {CANCELLED}:
        return source.changed({handler: _ending})
    block = source.parents[handler]
    name = _spelt(source)
    whole = cst.ensure_type(cst.parse_statement(f"try:\n    pass\nexcept {name}:\n    raise\n"), cst.Try)
    place = list(cst.ensure_type(block, cst.Try).handlers).index(handler)

    def change(node: cst.CSTNode) -> NewNode:
        found = cst.ensure_type(node, cst.Try)
        kept = list(found.handlers)
        return found.with_changes(handlers=[*kept[:place], whole.handlers[0], *kept[place:]])

    return _complete(source.changed({block: change}), name)


def _ending(node: cst.CSTNode) -> NewNode:
    """A handler that ends with `raise`; what it did before stays."""
    handler = cst.ensure_type(node, cst.ExceptHandler)
    kept = [one for one in handler.body.body if isinstance(one, cst.BaseStatement) and not _is_idle(one)]
    return handler.with_changes(body=cst.IndentedBlock([*kept, cst.parse_statement("raise")]))


def _is_idle(statement: cst.BaseStatement) -> bool:
    parts = statement.body if isinstance(statement, cst.SimpleStatementLine) else [statement]
    return all(isinstance(part, cst.Pass | cst.Continue) for part in parts)


def _spelt(source: Source) -> str:
    """How the file names a CancelledError."""
    names = {source.code(one) for node in source.nodes(cst.ImportFrom) for one in node.children}
    return CANCELLED if CANCELLED in names else f"asyncio.{CANCELLED}"


def _complete(text: str, name: str) -> str:
    return text if name == CANCELLED else importing(text, "asyncio")


def own_cancel(scene: Scene) -> Asking[list[Candidate]]:
    """A task that was cancelled and waited for: that it is cancelled then is what was asked for."""
    if scene.trouble.name.rpartition(".")[2] != CANCELLED:
        return []
    root = scene.incident.root
    for spot in (one for one in reversed(scene.trouble.spots) if one.path.startswith(root)):
        source = yield from scene.source(spot.path)
        statement = _cancelled(source, spot) if source else None
        if source is not None and statement is not None:
            return [_expected(source, spot, statement)]
    return []


def _cancelled(source: Source, spot: Spot) -> cst.SimpleStatementLine | None:
    """The statement of a line that awaits what its own function has cancelled."""
    for node in source.nodes(cst.Await):
        statement, function = source.statement_of(node), scope_of(source, node)
        if not source.spanned(node, spot.line) or not isinstance(statement, cst.SimpleStatementLine):
            continue
        if function is not None and _cancels(source, function, node):
            return statement
    return None


def _cancels(source: Source, function: cst.FunctionDef, awaited: cst.Await) -> bool:
    """Whether a function cancels what it awaits later: that very thing, or what it gathers of a list."""
    told = {
        source.code(one.func.value)
        for one in source.nodes(cst.Call, function)
        if isinstance(one.func, cst.Attribute) and one.func.attr.value == "cancel"
        and source.line(one) <= source.line(awaited)
    }  # fmt: skip
    loops = {
        source.code(one.iter) for one in source.nodes(cst.For, function) if source.code(one.target) in told
    }
    parts = source.every(awaited.expression)
    inside = {source.code(one) for one in parts if isinstance(one, cst.BaseExpression)}
    return bool((told | loops) & inside)


def _expected(source: Source, spot: Spot, statement: cst.SimpleStatementLine) -> Candidate:
    name = _spelt(source)
    whole = cst.ensure_type(cst.parse_statement(f"try:\n    pass\nexcept {name}:\n    pass\n"), cst.Try)

    def change(node: cst.CSTNode) -> NewNode:
        kept = cst.ensure_type(node, cst.SimpleStatementLine)
        block = cst.IndentedBlock([kept.with_changes(leading_lines=())])
        return whole.with_changes(body=block, leading_lines=kept.leading_lines)

    text = _complete(source.changed({statement: change}), name)
    why = f"{spot.function}() cancels a task and waits for it: that it ends as cancelled is no error"
    return Candidate(why, {spot.path: text}, rank=1, spot=spot)
