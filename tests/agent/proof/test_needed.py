"""Which hunks a proof does not need: those that only another needless one needs are needless, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from agent.proof.needed import Left, Needless, needless

Needs = dict[int, set[int]]
"""Which hunks each one needs to run at all."""


def left_of(count: int, mending: set[int], needs: Needs, tries: list[int]) -> Callable[[Sequence[int]], Left]:
    """A patch in which `mending` hunks mend the crash together."""

    def left(gone: Sequence[int]) -> Left:
        tries.append(len(gone))
        there = set(range(count)) - set(gone)
        if any(not needs.get(one, set()) <= there for one in there):
            return "otherwise"
        return "holds" if mending <= there else "back"

    return left


@pytest.mark.parametrize(
    ("count", "mending", "needs", "found"),
    [
        pytest.param(1, {0}, {}, Needless(), id="one that mends"),
        pytest.param(2, {0}, {}, Needless(idle=(1,)), id="one that does nothing"),
        pytest.param(2, {1}, {1: {0}}, Needless(props=(0,)), id="an import of what mends"),
        pytest.param(3, {0}, {2: {1}}, Needless(idle=(1, 2)), id="a name for an idle one"),
        pytest.param(3, {0}, {1: {2}, 2: {1}}, Needless(idle=(1, 2)), id="two that need each other"),
        pytest.param(3, {2}, {2: {0, 1}}, Needless(props=(0, 1)), id="two that what mends needs"),
        pytest.param(
            4,
            {3},
            {3: {0}, 1: {2}, 2: {1}},
            Needless(idle=(1, 2)),
            id="two, beside one that what mends needs",
        ),
        pytest.param(
            5, {4}, {4: {0, 1}, 2: {3}, 3: {2}}, Needless(leaning=(0, 1, 2, 3)), id="too many to tell"
        ),
        pytest.param(
            4, {3}, {3: {0}, 1: {2}}, Needless(idle=(1,), props=(0, 2)), id="an idle one and its prop"
        ),
    ],
)
def test_what_a_proof_does_not_need(count: int, mending: set[int], needs: Needs, found: Needless) -> None:
    tries = list[int]()
    assert needless(count, left_of(count, mending, needs, tries)) == found
    assert len(tries) <= 2 * count + 1
