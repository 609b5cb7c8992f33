"""What others say: `service_down` events as JSON, from `healer:alerts` or from standard input."""

from __future__ import annotations

import json


def service_of(text: str) -> str | None:
    """The service of a `service_down` event in any of the usual spellings; None for anything else."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    kind = event.get("event", event.get("type", event.get("kind")))
    service = event.get("service")
    return service if kind == "service_down" and isinstance(service, str) else None
