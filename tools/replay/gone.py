"""Whether a crash is gone in the strict sense: what crashed ran, nothing is told, nothing is lost.

Labels of the patch's text are not judged here; this is behaviour only.
"""

from __future__ import annotations

import re

from sandbox.boot import Awaited, BootReport
from sandbox.patch import Patch
from tools.replay.bench import Replay
from tools.replay.verdict import stack_of, still_said

STEPS_BACK = 2
FIRST_CHOSEN_PORT = 32_768
_CHANGING = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d[\d.:T-]*\d|\d")


def gone(replay: Replay, patch: Patch) -> list[str]:
    """Why the crash cannot be called gone with a patch, a sentence each; empty when it is gone.

    Compared with what the service served at the last good commit where one of the last changes
    gives one, else with what it served on the base before it crashed.
    """
    base = replay.of(None)
    if base.verdict != "reproduced":
        return [f"the crash was not reproduced on the base: {base.why}"]
    patched = replay.of(patch)
    if patched.verdict != "beats":
        return [patched.why]
    reasons = culprit_reasons(replay, patch, patched.report)
    said = still_said(patched.report, replay.crash)
    if said is not None:
        reasons.append(f"it still logs the error: {said[:200]}")
    return reasons or lost(replay, patch)


def lost(replay: Replay, patch: Patch) -> list[str]:
    """What is served less than before; what seems lost is waited for in a second, more patient boot."""
    good = replay.last_good(STEPS_BACK)
    reference = (good or replay.of(None)).report
    report = replay.of(patch).report
    if not serves_less(reference, report):
        return []
    served = _patterns(_names(reference.keys | reference.channels | reference.subscriptions))
    again = replay.again(patch, Awaited(served=served, late=_patterns(_late(reference))))
    return serves_less(reference, again.report) if again.verdict == "beats" else [again.why]


def culprit_reasons(replay: Replay, patch: Patch, report: BootReport) -> list[str]:
    """Why it cannot be said that the culprit function, or what replaced it, ran and lives on."""
    stack = stack_of(replay.crash, replay.service) if replay.crash else []
    if not stack:
        return []
    present = [place for place in stack if replay.defines(patch, *place)]
    if not present or not ran(report.functions, present[0]):
        return [f"{stack[0][1]} in {stack[0][0]} was not reached, so nothing shows that it works"]
    first = [place for place in present if ran(report.first_functions, place)]
    if first and not any(ran(report.late_functions, place) for place in first[:2]):
        return [f"{first[0][1]} in {first[0][0]} took the messages once and then no more"]
    return []


def ran(functions: frozenset[str], place: tuple[str, str]) -> bool:
    """Whether a function is among those reached; traces name it without its class."""
    path, name = place
    return any(
        one.startswith(f"{path}:") and one[len(path) + 1 :].rpartition(".")[2] == name for one in functions
    )


def serves_less(reference: BootReport, patched: BootReport) -> list[str]:
    """Keys, channels, subscriptions and ports of a reference boot that a patched one has not.

    Numbers and ids within names are taken for the same, and ports that the kernel chose are left
    out. Late is what came after the messages had come again: a service may serve at first and
    then fall silent.
    """
    late = _late(reference) - _late(patched)
    kinds = (
        ("key", _names(reference.keys) - _names(patched.keys)),
        ("channel", _names(reference.channels) - _names(patched.channels)),
        ("subscription", _names(reference.subscriptions) - _names(patched.subscriptions)),
        ("port", _ports(reference) - _ports(patched)),
        ("once the messages came again,", late & _names(patched.keys | patched.channels)),
    )
    return [f"{kind} no longer served: {name}" for kind, missing in kinds for name in sorted(missing)]


def _names(names: frozenset[str]) -> set[str]:
    return {unvaried(name) for name in names}


def _late(report: BootReport) -> set[str]:
    return {
        name for name in _names(report.late_keys | report.late_channels) if not name.endswith(":heartbeat")
    }


def _ports(report: BootReport) -> set[str]:
    return {str(port) for port in report.ports if port < FIRST_CHOSEN_PORT}


def unvaried(name: str) -> str:
    """A key or channel with its numbers and ids blanked; the bus in front stays."""
    bus, colon, key = name.partition(":")
    return f"{bus}{colon}{_CHANGING.sub('#', key)}"


def _patterns(names: set[str]) -> tuple[str, ...]:
    return tuple(sorted({re.escape(name).replace(r"\#", r".+") for name in names}))
