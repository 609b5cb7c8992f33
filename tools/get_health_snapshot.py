"""get_health_snapshot: what was not well when the service died, and what that means for it."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from tools.standing import Standing, standing_of
from tools.tool import Tool, ToolError, Workbench
from tools.truth import NO_TRUTH, Truth, TruthError, from_document, from_files


class GetHealthSnapshot(Tool):
    """Get the health of the platform as it was captured when the service died.

    Tells only what was not well, or not known: Redis buses, services by heartbeat and process,
    HTTP endpoints, MySQL; which of it the service depends on, since when, and what follows.
    """

    name: ClassVar[str] = "get_health_snapshot"

    service: str | None = Field(
        description="whose dependencies to judge by, such as massive; null for the service that died"
    )

    def run(self, bench: Workbench) -> str:
        """The exceptions, and their meaning.

        Raises:
            ToolError: there is no such service.
        """
        truth = truth_of(bench)
        service = self.service or bench.service
        snapshot = bench.folder.snapshot()
        known = {*truth.services, *snapshot.heartbeats, bench.service}
        if service not in known:
            raise ToolError(f"there is no service {service[:70]!r}; there are {', '.join(sorted(known))}")
        return tell(standing_of(service, snapshot, truth))


def truth_of(bench: Workbench) -> Truth:
    """Truth of the incident's commit, with the component as it was captured."""
    try:
        truth = from_files(bench.repository.files("truth/"), bench.repository.read)
    except TruthError:
        truth = NO_TRUTH
    captured = bench.folder.truth()
    if not captured:
        return truth
    parts = {name: component.raw for name, component in truth.components.items()}
    return from_document({**truth.document, "components": {**parts, bench.service: captured}})


def tell(standing: Standing) -> str:
    """The standing of a service as plain text."""
    lines = [f"Health when it was captured ({standing.at}), as it matters to {standing.service}:"]
    lines.append(f"{standing.service} itself: {standing.itself}")
    lines += _section(f"Not well, and {standing.service} depends on it:", standing.down)
    lines += _section(f"Not known, and {standing.service} depends on it:", standing.unknown)
    lines += _section("Not well or not known, but nothing that it depends on:", standing.elsewhere)
    if standing.well:
        lines.append(f"Well, and it depends on it: {', '.join(standing.well)}")
    lines.append(f"Meaning: {standing.meaning}")
    return "\n".join(lines)


def _section(title: str, entries: tuple[str, ...]) -> list[str]:
    return [title, *(f"- {entry}" for entry in entries)] if entries else []
