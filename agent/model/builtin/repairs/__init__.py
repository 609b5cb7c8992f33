"""Every kind of repair that the rules know, in the order of their worth."""

from agent.model.builtin.repairs.circle import circle
from agent.model.builtin.repairs.conversions import bad_text, encoded, text_number, unserialisable, zones
from agent.model.builtin.repairs.imports import lost_module, renamed_name
from agent.model.builtin.repairs.literals import like_key, meant, renamed_literal
from agent.model.builtin.repairs.missing import missing
from agent.model.builtin.repairs.names import attribute, keyword
from agent.model.builtin.repairs.running import changed_while_read, forgotten_await
from agent.model.builtin.repairs.signature import signature
from agent.model.builtin.repairs.undefined import undefined
from agent.model.builtin.scene import Repair

REPAIRS: tuple[Repair, ...] = (
    lost_module,
    renamed_name,
    circle,
    undefined,
    attribute,
    keyword,
    signature,
    meant,
    renamed_literal,
    like_key,
    text_number,
    zones,
    encoded,
    forgotten_await,
    changed_while_read,
    bad_text,
    unserialisable,
    missing,
)

__all__ = ["REPAIRS"]
