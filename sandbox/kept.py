"""What was found out about commits, on disk: a commit does not change, so it is found out once."""

from __future__ import annotations

import os
from pathlib import Path

_MOST_KEPT = 200


class Kept:
    """Texts by name in one folder, the oldest dropped; whoever cannot read or write it just works anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> str | None:
        """The text under a name, None where there is none."""
        try:
            return (self._folder / f"{name}.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def put(self, name: str, text: str) -> None:
        """Keep a text; a full disk costs time, not truth."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for file in kept[: max(0, len(kept) + 1 - _MOST_KEPT)]:
                file.unlink(missing_ok=True)
            fresh = self._folder / f"{name}.{os.getpid()}.new"
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self._folder / f"{name}.json")
        except OSError:
            return
