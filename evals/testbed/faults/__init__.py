"""Ways to break the testbed, by name."""

from __future__ import annotations

from evals.testbed.faults.fault import Fault, FaultError
from evals.testbed.faults.fixable import FIXABLE
from evals.testbed.faults.not_fixable import NOT_FIXABLE
from evals.testbed.faults.traps import TRAPS
from evals.testbed.faults.unseen import UNSEEN

FAULTS: dict[str, Fault] = {fault.id: fault for fault in (*FIXABLE, *NOT_FIXABLE, *TRAPS, *UNSEEN)}
"""Every fault by its id."""

DEMO = "vigil-relative-move"
"""The fault that the demo heals."""

__all__ = ["DEMO", "FAULTS", "UNSEEN", "Fault", "FaultError"]
