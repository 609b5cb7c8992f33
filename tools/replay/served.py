"""What a service serves, and whether another boot serves less of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from sandbox.boot import Awaited, BootReport

FIRST_CHOSEN_PORT = 32_768
"""From here on the kernel chooses ports, anew at each start."""
_VARYING = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9]*\d[A-Za-z0-9]*")


def serves_less(reference: BootReport, patched: BootReport) -> list[str]:
    """What a reference boot serves that a patched one does not, a sentence each.

    Keys, channels, subscriptions, ports, HTTP routes, and the fields of the values. Numbers and
    ids within names may differ, but not how many there are; ports that the kernel chose are left
    out. Late is what came after the messages had come again: a service may serve at first and
    then fall silent.
    """
    late = missing(_late(reference), _late(patched)) & (patched.keys | patched.channels)
    kinds = (
        ("key", missing(reference.keys, patched.keys)),
        ("channel", missing(reference.channels, patched.channels)),
        ("subscription", missing(reference.subscriptions, patched.subscriptions)),
        ("port", _ports(reference) - _ports(patched)),
        ("route", reference.routes - patched.routes),
        ("field", _lost_fields(reference, patched)),
        ("once the messages came again,", late),
    )
    return [f"{kind} no longer served: {name}" for kind, names in kinds for name in sorted(names)]


def missing(before: frozenset[str], after: frozenset[str]) -> set[str]:
    """The names that are gone, where as many of their kind are not there under other numbers and ids."""
    had, has = Counter(map(unvaried, before)), Counter(map(unvaried, after))
    return {name for name in before - after if has[unvaried(name)] < had[unvaried(name)]}


def unvaried(name: str) -> str:
    """A key, channel or field with every word that holds a digit blanked; the bus in front stays."""
    bus, colon, key = name.partition(":")
    return f"{bus}{colon}{_VARYING.sub('#', key)}"


def both(one: BootReport, other: BootReport) -> BootReport:
    """What was served in either of two boots of the same tree."""
    return _joined(one, other, frozenset.union)


def common(one: BootReport, other: BootReport) -> BootReport:
    """What was served in both of two boots of the same tree."""
    return _joined(one, other, frozenset.intersection)


def _joined(one: BootReport, other: BootReport, join: Callable[..., frozenset[Any]]) -> BootReport:
    names = [field.name for field in fields(one) if isinstance(getattr(one, field.name), frozenset)]
    joined: dict[str, Any] = {name: join(getattr(one, name), getattr(other, name)) for name in names}
    return replace(one, **joined)


def awaited_of(reference: BootReport, patched: BootReport) -> Awaited:
    """What a second look at a tree waits for: all that a reference boot served, and what it lacked of it."""
    served = reference.keys | reference.channels | reference.subscriptions
    lost = tuple(sorted(_lost_fields(reference, patched)))
    return Awaited(served=_exactly(served), late=_exactly(_late(reference)), fields=lost)


def _lost_fields(reference: BootReport, patched: BootReport) -> set[str]:
    """Fields that are lost from what is still served, the outermost of each only."""
    served = {unvaried(name) for name in patched.keys | patched.channels}
    left = {unvaried(field) for field in patched.fields}
    lost = {
        field
        for field in reference.fields
        if unvaried(field) not in left and unvaried(field.partition(" ")[0]) in served
    }
    return {field for field in lost if not any(field.startswith(f"{other}.") for other in lost)}


def _late(report: BootReport) -> frozenset[str]:
    late = report.late_keys | report.late_channels
    return frozenset(name for name in late if not name.endswith(":heartbeat"))


def _ports(report: BootReport) -> set[str]:
    return {str(port) for port in report.ports if port < FIRST_CHOSEN_PORT}


def _exactly(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(map(re.escape, names)))
