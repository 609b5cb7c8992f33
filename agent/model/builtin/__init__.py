"""The rule-based model, id `builtin`: speaks the protocol of any model, and asks none."""

from agent.model.builtin.model import Builtin

__all__ = ["Builtin"]
