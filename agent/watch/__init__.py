"""The watch: from a service that is down to one incident and one heal, for the right reason."""

from agent.watch.config import WatchConfig
from agent.watch.signals import Signal
from agent.watch.watch import Watch

__all__ = ["Signal", "Watch", "WatchConfig"]
