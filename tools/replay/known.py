"""The boot of a commit as an earlier run saw it, in the same world and by the same harness."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from sandbox.boot import BootReport, report_of
from sandbox.kept import Kept


@dataclass(frozen=True, slots=True)
class KnownBoot:
    """Where the report of one boot is kept, by its tree and the digest of all else; or nowhere."""

    kept: Kept | None = None
    tree: str = ""
    conditions: str = ""

    @property
    def name(self) -> str:
        """What it is kept under."""
        return hashlib.sha256(f"{self.tree} {self.conditions}".encode()).hexdigest()[:32]

    @property
    def report(self) -> BootReport | None:
        """What was seen, None where nothing is known or what is kept is of another version."""
        text = self.kept.get(self.name) if self.kept else None
        try:
            return None if text is None else report_of(json.loads(text))
        except (ValueError, TypeError, AttributeError):
            return None

    def keep(self, report: BootReport) -> None:
        """Remember what was seen."""
        if self.kept:
            told = {name: sorted(v) if isinstance(v, frozenset) else v for name, v in asdict(report).items()}
            self.kept.put(self.name, json.dumps(told))
