"""Runs that ended without an error: stopped, killed, or gone without a word."""

from __future__ import annotations

import re

from agent.diagnosis import Category
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs.lines import share_of_noise
from tools.logs.runs import is_signal

_OUT_OF_MEMORY = re.compile(r"\bout of memory\b|\boom[- _]?kill", re.IGNORECASE)
_KILLED_CODES = {-9, 137}
_STOPPED_CODES = {-15, 143, -2, 130}
_CRASHED_CODES = {-11: "SIGSEGV", 139: "SIGSEGV", -6: "SIGABRT", 134: "SIGABRT", -7: "SIGBUS", 135: "SIGBUS"}
_LINES_OF_A_RUN = 5
_MOST_NOISE = 0.3
"""A log in another encoding than UTF-8 has less of what cannot be decoded, a binary file has more."""


def no_log(scene: Scene) -> Finding | None:
    """An empty log says nothing."""
    if scene.crash is not None:
        return None
    name = scene.service
    what = "log is empty" if scene.folder.log.exists() else "incident has no log"
    return Finding(
        Category.UNKNOWN,
        "unclear",
        0.3,
        f"The {what}, so it does not say how the service died. A log was looked for in log.txt of the"
        f" incident, which is captured from logs/{name}.log (or {name}.log.1) of the checkout.",
        action=f"see whether {name} was started at all, and whether its output goes to logs/{name}.log;"
        f" start it with {start_script(scene)} and heal it again",
    )


def not_text(scene: Scene) -> Finding | None:
    """A log that cannot be read says nothing either, whatever words its bytes happen to form."""
    noise = share_of_noise(scene.log)
    if scene.crash is None or scene.crash.kind not in ("no_trace", "stopped") or noise < _MOST_NOISE:
        return None
    return Finding(
        Category.UNKNOWN,
        "unclear",
        0.2,
        f"The log is not text: {noise:.0%} of its end are control characters or bytes that are no UTF-8,"
        " so it does not say how the service died.",
        action=f"see what writes into logs/{scene.service}.log; start the service with {start_script(scene)}"
        " and heal it again",
    )


def still_running(scene: Scene) -> Finding | None:
    """A process that lives, and no error in its log."""
    if not scene.is_alive or scene.crash is None or scene.crash.kind not in ("no_trace", "stopped"):
        return None
    beat = scene.snapshot.heartbeats[scene.service]
    starting = beat.last_ts is None and not beat.alive
    return Finding(
        Category.UNKNOWN,
        "not_fixable" if starting else "unclear",
        0.75 if starting else 0.4,
        f"{scene.service} still ran when the snapshot was taken, and its last run logged no error"
        f"{': it had not beaten yet, so it was still starting.' if starting else '; it may hang.'}",
        reason="operator" if starting else None,
        action="wait until it has started; look at what it waits for",
        evidence=(scene.health(scene.service), *_last_lines(scene)),
    )


def stopped(scene: Scene) -> Finding | None:
    """An orderly end that nobody's error began."""
    if scene.crash is None or scene.crash.kind != "stopped":
        return None
    lines = scene.crash.text.splitlines()
    asked = [line for line in lines if is_signal(line)]
    interrupted = bool(scene.crash.errors)
    code = scene.incident.exit_code
    sure = bool(asked or interrupted or code in _STOPPED_CODES or code == 0)
    return Finding(
        Category.OPERATOR_STOP,
        "not_fixable",
        0.95 if sure else 0.9 if code is None else 0.6,
        f"{scene.service} was stopped in an orderly way: its log ends with shutdown lines and no error.",
        reason="operator",
        action=f"none, if the stop was meant; else start it again with {start_script(scene)}",
        evidence=tuple(f"log: {line.strip()}" for line in (asked or lines[-3:])[:3]),
    )


def killed(scene: Scene) -> Finding | None:
    """A log that just ends."""
    if scene.crash is None or scene.crash.kind != "no_trace":
        return None
    code = scene.incident.exit_code
    evidence = (*_last_lines(scene), *((f"exit code {code}",) if code is not None else ()))
    disk = scene.parts.get("disk")
    if disk is not None or _OUT_OF_MEMORY.search(scene.crash.text):
        what = disk.text if disk else "the log speaks of memory that ran out"
        return Finding(
            Category.RESOURCE, "not_fixable", 0.9, f"{scene.service} died without a trace, and {what}.",
            reason="resource", action="make room, then start it again", evidence=evidence,
        )  # fmt: skip
    if code in _CRASHED_CODES:
        return Finding(
            Category.UNKNOWN, "unclear", 0.5,
            f"{scene.service} was ended by {_CRASHED_CODES[code]}: a fault in a compiled module.",
            evidence=evidence,
        )  # fmt: skip
    if code is not None and code not in _KILLED_CODES:
        return Finding(
            Category.UNKNOWN, "unclear", 0.4,
            f"{scene.service} ended itself with exit code {code} and logged no error.", evidence=evidence,
        )  # fmt: skip
    return Finding(
        Category.KILLED,
        "not_fixable",
        _killed_confidence(scene, code),
        f"{scene.service} was ended from outside: its log stops in the middle of its work, without an error"
        " and without a shutdown, as after SIGKILL or the kernel's out-of-memory killer.",
        reason="operator",
        action=f"look for 'Out of memory' in the kernel's log, then start it with {start_script(scene)}",
        evidence=evidence,
    )


def _killed_confidence(scene: Scene, code: int | None) -> float:
    if code in _KILLED_CODES:
        return 0.96
    lines = [line for line in scene.crash.text.splitlines() if line.strip()] if scene.crash else []
    return 0.9 if len(lines) >= _LINES_OF_A_RUN else 0.5


def start_script(scene: Scene) -> str:
    """How the operator starts the service."""
    script = f"scripts/ms-{scene.service}.sh"
    return script if scene.repository.exists(script) else f"the start script of {scene.service}"


def _last_lines(scene: Scene) -> tuple[str, ...]:
    lines = [line.strip() for line in scene.crash.text.splitlines() if line.strip()] if scene.crash else []
    return tuple(f"last line of the log: {line}" for line in lines[-1:])
