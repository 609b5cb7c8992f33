"""Evidence as an incident folder: redacted, readable by its owner alone, there whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.capture.evidence import Evidence
from tools.redact import Redactor
from tools.truth.secrets import is_secret_field

PARTIAL = ".capture-"
LARGEST_MESSAGE = 64 << 10
DEPTH = 64
"""Deeper JSON than this is nobody's configuration; it is cut off."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One incident folder that was written, and its id."""

    id: str
    path: Path


def new_id(evidence: Evidence) -> str:
    """An id that sorts by time and says whose death it is: `vigil-20261122-143015-3f2a`."""
    return f"{evidence.service}-{evidence.at:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def write_incident(
    evidence: Evidence,
    parent: Path,
    trigger: str,
    redact: Redactor,
    also: Callable[[str], Mapping[str, str]] = lambda incident: {},
) -> Captured:
    """Write an incident folder below `parent` and give it its name when it is whole.

    Args:
        also: more files by name, of an incident with that id; there from its first moment.

    Raises:
        OSError: the folder cannot be written.
    """
    incident_id = new_id(evidence)
    make_private(parent)
    partial = parent / f"{PARTIAL}{incident_id}"
    make_private(partial)
    try:
        _write_files(evidence, partial, incident_id, trigger, redact)
        for name, text in also(incident_id).items():
            write_private(partial / name, text)
        final = parent / incident_id
        partial.rename(final)
    except OSError:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Captured(incident_id, final)


def sweep_partial(parent: Path) -> None:
    """Remove what captures left that were killed half-way."""
    for path in parent.glob(f"{PARTIAL}*"):
        shutil.rmtree(path, ignore_errors=True)


def make_private(folder: Path) -> None:
    """Make a folder, and its parents, for the owner's eyes only."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, through to the disk's queue."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)


def _write_files(evidence: Evidence, folder: Path, incident_id: str, trigger: str, redact: Redactor) -> None:
    write_private(folder / "log.txt", redact(_text(evidence.log)))
    write_private(folder / "snapshot.json", as_json(_redacted(evidence.health.document(), redact)))
    write_private(folder / "truth.json", as_json(_redacted(evidence.component, redact)))
    write_private(folder / "redis.json", as_json(_redacted(evidence.values, redact, by_name=False)))
    write_private(folder / "messages.jsonl", "".join(_message_lines(evidence, redact)))
    if evidence.other_logs:
        make_private(folder / "logs")
    for name, tail in evidence.other_logs.items():
        write_private(folder / "logs" / f"{name}.txt", redact(_text(tail)))
    write_private(folder / "incident.json", as_json(_incident(evidence, incident_id, trigger)))


def _incident(evidence: Evidence, incident_id: str, trigger: str) -> dict[str, Any]:
    return {
        "id": incident_id,
        "service": evidence.service,
        "commit": evidence.checkout.commit,
        "detected_at": evidence.at.isoformat(),
        "trigger": trigger,
        "repo": str(evidence.root),
        "pid": evidence.pid,
        "exit_code": evidence.exit_code,
        "dirty": list(evidence.checkout.dirty),
        "notes": list(evidence.notes),
    }


def _message_lines(evidence: Evidence, redact: Redactor) -> Iterable[str]:
    for heard in evidence.messages:
        data = redact(heard.data[:LARGEST_MESSAGE])
        entry = {"bus": heard.bus, "channel": heard.channel, "data": data, "ts": heard.ts}
        yield json.dumps(entry) + "\n"


def _redacted(node: Any, redact: Redactor, by_name: bool = True, depth: int = DEPTH) -> Any:
    """A JSON value with its secrets replaced: by the name of their field, or by how they look."""
    if depth == 0:
        return None
    if isinstance(node, dict):
        return {
            key: redact.placeholder(str(value))
            if by_name and is_secret_field(str(key), value)
            else _redacted(value, redact, by_name, depth - 1)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_redacted(item, redact, by_name, depth - 1) for item in node]
    return redact(node) if isinstance(node, str) else node


def as_json(value: Any) -> str:
    """A value as the files of an incident hold it."""
    return json.dumps(value, indent=1) + "\n"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
