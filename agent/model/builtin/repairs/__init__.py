"""Every kind of repair that the rules know, in the order of their worth."""

from agent.model.builtin.incident import Trouble
from agent.model.builtin.repairs.awaits import lost_await
from agent.model.builtin.repairs.blocking import LATE, blocking
from agent.model.builtin.repairs.cancelled import HANGS, own_cancel, swallowed_cancel
from agent.model.builtin.repairs.circle import circle
from agent.model.builtin.repairs.constants import constant
from agent.model.builtin.repairs.conversions import bad_text, encoded, text_number, unserialisable, zones
from agent.model.builtin.repairs.defaults import earlier_default
from agent.model.builtin.repairs.forgotten import forgotten_name
from agent.model.builtin.repairs.imports import lost_module, renamed_name
from agent.model.builtin.repairs.literals import like_key, meant, renamed_literal
from agent.model.builtin.repairs.missing import missing
from agent.model.builtin.repairs.names import attribute, keyword
from agent.model.builtin.repairs.reverse import reversed_hunk
from agent.model.builtin.repairs.running import changed_while_read, forgotten_await
from agent.model.builtin.repairs.signature import signature
from agent.model.builtin.repairs.tasks import lost_task
from agent.model.builtin.repairs.undefined import undefined
from agent.model.builtin.scene import Repair

REPAIRS: tuple[Repair, ...] = (
    lost_module,
    renamed_name,
    circle,
    undefined,
    forgotten_name,
    constant,
    attribute,
    keyword,
    signature,
    meant,
    renamed_literal,
    like_key,
    earlier_default,
    text_number,
    zones,
    encoded,
    forgotten_await,
    lost_await,
    changed_while_read,
    swallowed_cancel,
    own_cancel,
    blocking,
    bad_text,
    unserialisable,
    missing,
)
LAST_RESORTS: tuple[Repair, ...] = (lost_task, reversed_hunk)
"""What says nothing of why it crashed: looked for where no repair was proven."""


def speaks(trouble: Trouble) -> bool:
    """Whether what was said alone tells where to look: something was too late, or did not end."""
    return any(pattern.search(trouble.text) for pattern in (LATE, HANGS))


__all__ = ["LAST_RESORTS", "REPAIRS", "speaks"]
