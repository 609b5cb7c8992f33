"""Which hunks of a patch its proof does not need, by what is left without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

Left = Literal["holds", "back", "otherwise"]
"""What is left of a patch without some hunks: it is proven all the same, the incident's crash or the failing
test is back, or it fails in another way, as where only another hunk needs what is gone."""
_FEW = 2


@dataclass(frozen=True, slots=True)
class Needless:
    """Hunks by number, from 0; those that are in none are needed by themselves.

    idle      without these the proof holds
    leaning   they lean on each other, and which of them it needs was not found out
    props     without these what is left fails in another way: others need them, and so does the proof
    """

    idle: tuple[int, ...] = ()
    leaning: tuple[int, ...] = ()
    props: tuple[int, ...] = ()


def needless(count: int, left_without: Callable[[Sequence[int]], Left]) -> Needless:
    """Look for them in `count` hunks; `left_without` tries the patch without some.

    A hunk that nothing but another one needs is as needless as that. At most two tries are made for each.
    """
    alone = {number: left_without([number]) for number in range(count)}
    idle = [number for number, left in alone.items() if left == "holds"]
    props = [number for number, left in alone.items() if left == "otherwise"]
    if not props:
        return Needless(tuple(idle))
    suspects = sorted(idle + props)
    if len(suspects) > 1 and left_without(suspects) == "holds":
        return Needless(tuple(suspects))
    for kept in props if len(props) > 1 else ():
        others = [number for number in props if number != kept]
        if left_without(others) == "holds":
            return Needless(tuple(sorted(idle + others)))
    if len(props) > _FEW:
        return Needless(tuple(idle), leaning=tuple(props))
    return Needless(tuple(idle), props=tuple(props))
