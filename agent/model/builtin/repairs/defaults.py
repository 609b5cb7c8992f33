"""A key that may be missing, and an earlier version of the code knew what it is then."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from agent.model.builtin.gaps import gaps
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source, arguments, expression, index_of, name_of, text_of
from agent.model.builtin.talk import Asking


def earlier_default(scene: Scene) -> Asking[list[Candidate]]:
    """`x["key"]` that was `x.get("key") or 1.0` once: `x.get("key", 1.0)`.

    What the change was made for stays, such as that a zero that is there counts: only for a key that is not
    there the old value is back.
    """
    at = yield from scene.here()
    if at is None or scene.trouble.name != "KeyError":
        return []
    spot, source = at
    keyed = [
        gap.subject for gap in gaps(source, spot, scene.trouble) if isinstance(gap.subject, cst.Subscript)
    ]
    subjects = [one for one in keyed if text_of(index_of(one)) is not None]
    earlier = (yield from scene.earlier(spot.path)) if subjects else []
    found: list[Candidate] = []
    for subject in subjects:
        base, index = source.code(subject.value), index_of(subject)
        assert index is not None
        for before in reversed(earlier):
            for default in _defaults(before, base, text_of(index)):
                read = f"{base}.get({source.code(index)}, {default})"
                text = source.changed({subject: expression(read)})
                why = f"{source.code(subject)} may be missing: it is {default} then, as it was before"
                found.append(Candidate(why, {spot.path: text}, rank=1, hides=True, spot=spot))
    return found[:1]


def _defaults(source: Source, base: str, key: str | None) -> Iterator[str]:
    """What an earlier version took for a key that is not there; plain values only."""
    for call in source.nodes(cst.Call):
        given = arguments(call)
        if name_of(call.func) != "get" or not isinstance(call.func, cst.Attribute) or not given:
            continue
        if source.code(call.func.value) != base or text_of(given[0]) != key:
            continue
        parent = source.parents.get(call)
        chosen = given[1] if len(given) == 2 else None
        if (
            chosen is None
            and isinstance(parent, cst.BooleanOperation)
            and isinstance(parent.operator, cst.Or)
        ):
            chosen = parent.right if parent.left is call else None
        if isinstance(chosen, cst.Integer | cst.Float | cst.SimpleString | cst.UnaryOperation):
            yield source.code(chosen)
