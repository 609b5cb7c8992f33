"""Every kind of repair that the rules know, in the order of their worth."""

from agent.model.builtin.repairs.missing import missing
from agent.model.builtin.scene import Repair

REPAIRS: tuple[Repair, ...] = (missing,)

__all__ = ["REPAIRS"]
