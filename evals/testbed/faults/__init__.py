"""Ways to break the testbed, by name."""

from __future__ import annotations

from evals.testbed.faults import copilot, massive, mesh, vigil
from evals.testbed.faults.fault import Edit, Fault, FaultError, Step

FAULTS: dict[str, Fault] = {
    fault.id: fault for module in (vigil, copilot, mesh, massive) for fault in module.FAULTS
}
"""Every fault by its id."""

DEMO = "vigil-relative-move"
"""The fault that the demo heals."""

__all__ = ["DEMO", "FAULTS", "Edit", "Fault", "FaultError", "Step"]
