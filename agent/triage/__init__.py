"""The diagnosis checklist as code: what kind of fault it is and whose, without a model."""

from agent.triage.related import related
from agent.triage.result import Dependency, Triage
from agent.triage.triage import triage

__all__ = ["Dependency", "Triage", "related", "triage"]
