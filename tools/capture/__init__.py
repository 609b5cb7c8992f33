"""The incident's world as it is captured: taken in the first second, redacted, kept as one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.git import GitError
from tools.capture.evidence import Evidence, Heard, take
from tools.capture.folder import Captured, sweep_partial, write_incident
from tools.capture.site import Site, find_site, read_truth, site_of
from tools.health import HealthCollector
from tools.redact import Redactor

if TYPE_CHECKING:
    from tools.incident import IncidentFolder

__all__ = [
    "Captured",
    "Evidence",
    "Heard",
    "Site",
    "capture_now",
    "find_site",
    "read_truth",
    "site_of",
    "sweep_partial",
    "take",
    "write_incident",
]


def capture_now(service: str, root: Path, state: Path, system_redis_url: str) -> IncidentFolder:
    """Capture a service as it is now, by hand, into the store at `state`.

    Raises:
        IncidentError: there is no such service, or the checkout or the store cannot be used.
    """
    # Late, because this module is also the watch's, which is to stay small: no pydantic there.
    from tools.incident import IncidentError, IncidentFolder

    site = find_site(root, system_redis_url)
    if not is_service(service, site):
        known = ", ".join(site.truth.services)
        raise IncidentError(f"there is no service {service!r} at {root}: there are {known}")
    collector = HealthCollector(site.root, site.truth, site.buses)
    try:
        evidence = take(service, site, collector.collect())
        captured = write_incident(evidence, state / "incidents", "manual", Redactor(site.secrets()))
    except GitError as error:
        raise IncidentError(f"{root} cannot be read as a git repository: {error}") from error
    except OSError as error:
        raise IncidentError(f"the capture cannot be written: {error}") from error
    finally:
        collector.close()
    return IncidentFolder(captured.path)


def is_service(service: str, site: Site) -> bool:
    """Truth names it, or the checkout has a folder or a log of it."""
    plain = Path(service).name == service
    there = (site.root / "services" / service, site.root / "logs" / f"{service}.log")
    return site.truth.has(service) or (plain and any(path.exists() for path in there))
