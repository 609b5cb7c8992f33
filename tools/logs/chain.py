"""The exceptions of one traceback while it is read: chained, and grouped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tools.logs.frames import CrashError, Frame, Relation

_GROUP_MESSAGE = re.compile(r"\(\d+ sub-exceptions?\)$")


@dataclass(slots=True)
class Block:
    """One traceback of a chain while it is read."""

    relation: Relation
    group: bool = False
    frames: list[Frame] = field(default_factory=list)
    type: str = ""
    message: str = ""

    def error(self) -> CrashError:
        return CrashError(self.type, self.message, tuple(self.frames), self.relation)


def demote(blocks: list[Block], relation: Relation) -> None:
    for block in blocks:
        if block.relation in ("raised", "member"):
            block.relation = relation


def _is_group(block: Block) -> bool:
    return block.group or bool(_GROUP_MESSAGE.search(block.message))


def ordered(blocks: list[Block]) -> tuple[CrashError, ...]:
    """As printed, but the first leaf of a group that was raised goes last: it is what happened."""
    leaf = next((b for b in blocks if b.relation == "member" and not _is_group(b)), None)
    if leaf is not None:
        blocks = [block for block in blocks if block is not leaf] + [leaf]
    return tuple(block.error() for block in blocks)
