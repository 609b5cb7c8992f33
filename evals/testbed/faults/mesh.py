"""Faults of mesh."""

from __future__ import annotations

from evals.testbed.faults.fault import Edit, Fault, Step

ORCHESTRATOR = "services/mesh/intel/orchestrator.py"

MODULE_MISSING = Fault(
    id="mesh-module-missing",
    service="mesh",
    title="a module is imported that its author forgot to commit",
    symptom="ModuleNotFoundError: No module named 'services.mesh.intel.topology'",
    group="not_fixable",
    needs=(),
    steps=(
        Step(
            "li",
            "mesh: who depends on whom\n\nThe roster says which dependencies of a service are down.",
            (
                Edit(
                    ORCHESTRATOR,
                    "from services.mesh.intel.scanner import scan_heartbeats\n",
                    "from services.mesh.intel.scanner import scan_heartbeats\n"
                    "from services.mesh.intel.topology import blocked_services, build_topology\n",
                ),
                Edit(
                    ORCHESTRATOR,
                    '        self.expected = sorted(truth.get("components") or {})\n',
                    '        self.expected = sorted(truth.get("components") or {})\n'
                    '        self.topology = build_topology(truth.get("components") or {})\n',
                ),
                Edit(
                    ORCHESTRATOR,
                    "        await write_model(self.system, ROSTER_KEY, "
                    "self.roster.snapshot(self.expected))\n",
                    "        roster = self.roster.snapshot(self.expected)\n"
                    '        roster["blocked"] = blocked_services(self.topology, roster["members"])\n'
                    "        await write_model(self.system, ROSTER_KEY, roster)\n",
                ),
            ),
        ),
    ),
)

FAULTS = (MODULE_MISSING,)
