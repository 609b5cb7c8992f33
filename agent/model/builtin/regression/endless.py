"""Functions that loop until they are cancelled: what a turn awaits cancels them, past the crash."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.regression.needs import CANCELLED, Need, Unclear
from agent.model.builtin.regression.reading import Reader
from agent.model.builtin.source import Source

SLEEP = "asyncio.sleep"


def end(source: Source, reader: Reader, loop: cst.While, target: cst.CSTNode) -> None:
    """Let a loop end by its cancellation: where it awaits first in its second turn, and where it sleeps.

    Raises:
        Unclear: it awaits nothing that is given.
    """
    function = source.function_of(loop)
    waits = [one for one in source.nodes(cst.Await, loop.body) if source.function_of(one) is function]
    given = [(one, need) for one in waits if (need := _stand_in(source, reader, one)) is not None]
    free = [(one, need) for one, need in given if not need.raises and not need.turns]
    before = [need for one, need in free if not _comes_after(source, one, target)]
    behind = [need for one, need in free if _comes_after(source, one, target)]
    if not free:
        raise Unclear("a loop that nothing given ends")
    for need in before[:1]:
        need.ends = True
    for need in [one for one in behind if one.name == SLEEP] or ([] if before else behind[-1:]):
        need.raises, need.ends = CANCELLED, False
    reader.endless = True


def _comes_after(source: Source, node: cst.Await, target: cst.CSTNode) -> bool:
    """Whether the target has been done when something is awaited."""
    ends, at = source.places[node].end, source.places[target].start
    return (ends.line, ends.column) > (at.line, at.column)


def _stand_in(source: Source, reader: Reader, node: cst.Await) -> Need | None:
    need = reader.of(node)
    if need is not None and need.owner is not None and need.owner.answer is need:
        return need.owner
    if isinstance(node.expression, cst.Call) and source.code(node.expression.func) == SLEEP:
        pause = reader.patched.setdefault(SLEEP, Need(SLEEP))
        pause.called(awaited=True)
        return pause
    return None
