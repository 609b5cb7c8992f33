"""Results of runs on base commits, kept in memory and on disk: a base does not change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sandbox.kept import Kept
from sandbox.testing.box import INSIDE
from sandbox.testing.verdict import Verdict

_SOURCES = (".py", ".mjs", ".cjs")


class Baselines:
    """Verdicts by what they depend on: the tree, the selection, the interpreter, the harness itself."""

    def __init__(self, folder: Path, python: Path) -> None:
        self._kept = Kept(folder)
        self._known: dict[str, Verdict] = {}
        self._fixed = [str(python), str(_modified(python)), _harness()]

    def get(self, key: dict[str, Any], make: Callable[[], Verdict]) -> Verdict:
        """The verdict under `key`; `make` is called for one that is not known yet."""
        name = hashlib.sha256(json.dumps([self._fixed, key], sort_keys=True).encode()).hexdigest()[:32]
        verdict = self._known.get(name) or self._load(name)
        if verdict is None:
            verdict = make()
            if verdict.problem is None:
                self._kept.put(name, verdict.model_dump_json())
        self._known[name] = verdict
        return verdict

    def _load(self, name: str) -> Verdict | None:
        text = self._kept.get(name)
        try:
            return None if text is None else Verdict.model_validate_json(text)
        except ValidationError:
            return None


def _modified(python: Path) -> float:
    try:
        return (python.absolute().parent.parent / "pyvenv.cfg").stat().st_mtime
    except OSError:
        return 0.0


def _harness() -> str:
    digest = hashlib.sha256()
    sources = (path for path in (INSIDE / "testrun").rglob("*") if path.suffix in _SOURCES)
    for file in [INSIDE / "run_tests.py", *sorted(sources)]:
        digest.update(file.read_bytes())
    return digest.hexdigest()
