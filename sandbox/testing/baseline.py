"""Results of runs on base commits, kept in memory and on disk: a base does not change."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sandbox.testing.box import INSIDE, Verdict

_MOST_KEPT = 200


class Baselines:
    """Verdicts by what they depend on: the tree, the selection, the interpreter, the harness itself."""

    def __init__(self, folder: Path, python: Path) -> None:
        self._folder = folder
        self._known: dict[str, Verdict] = {}
        self._fixed = [str(python), str(_modified(python)), _harness()]

    def get(self, key: dict[str, Any], make: Callable[[], Verdict]) -> Verdict:
        """The verdict under `key`; `make` is called for one that is not known yet."""
        name = hashlib.sha256(json.dumps([self._fixed, key], sort_keys=True).encode()).hexdigest()[:32]
        verdict = self._known.get(name) or self._load(name)
        if verdict is None:
            verdict = make()
            if verdict.problem is None:
                self._store(name, verdict)
        self._known[name] = verdict
        return verdict

    def _load(self, name: str) -> Verdict | None:
        try:
            return Verdict.model_validate_json((self._folder / f"{name}.json").read_bytes())
        except (OSError, ValidationError):
            return None

    def _store(self, name: str, verdict: Verdict) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            kept = sorted(self._folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for file in kept[: max(0, len(kept) - _MOST_KEPT)]:
                file.unlink(missing_ok=True)
            fresh = self._folder / f"{name}.{os.getpid()}.new"
            fresh.write_text(verdict.model_dump_json(), encoding="utf-8")
            fresh.replace(self._folder / f"{name}.json")
        except OSError:
            # A full disk costs time, not truth: the result is made again.
            return


def _modified(python: Path) -> float:
    try:
        return (python.absolute().parent.parent / "pyvenv.cfg").stat().st_mtime
    except OSError:
        return 0.0


def _harness() -> str:
    digest = hashlib.sha256()
    for file in [INSIDE / "run_tests.py", *sorted((INSIDE / "testrun").glob("*.py"))]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
