"""Judges a tree by the hidden check of its case, in a box: the tree holds code that a model wrote."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sandbox.git import git
from sandbox.isolation import Box, BoxError, Isolation, interpreter_mounts
from sandbox.node import NO_NODE, find_node
from sandbox.process import Limits

CHECKS = Path(__file__).parent
LIMITS = Limits(wall_s=60, cpu_s=40)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check said: what was wrong by the name of the function, or why it could not be run."""

    failures: dict[str, str]
    problem: str | None = None

    @property
    def passed(self) -> bool:
        return not self.failures and self.problem is None

    @property
    def text(self) -> str:
        """What was wrong, in a line each."""
        wrong = (f"{name}: {text.strip().splitlines()[-1]}" for name, text in self.failures.items())
        return self.problem or "\n".join(wrong)


@dataclass(frozen=True)
class Judge:
    """Runs checks in boxes, with the interpreter that the services have."""

    isolation: Isolation
    python: Path = Path(sys.executable)

    def judge(self, case: str, tree: Path) -> Verdict:
        """Judge a checked-out tree by the check of a case."""
        file = check_of(case)
        if file is None:
            return Verdict({}, f"{case} has no hidden check")
        node = find_node()
        if file.suffix == ".js" and node is None:
            return Verdict({}, NO_NODE)
        harness = CHECKS / f"harness{file.suffix}"
        argv = (str(node),) if file.suffix == ".js" else (str(self.python), "-I", "-B")
        mounts = (Path(str(node)),) if file.suffix == ".js" else self._mounts
        box = Box(
            argv=(*argv, str(harness), str(file)),
            tree=tree,
            read_only=(*mounts, harness, file),
            limits=LIMITS,
        )
        try:
            run = self.isolation.run(box)
        except BoxError as error:
            return Verdict({}, f"the box did not start: {error}")
        return _read(run.result, run.completed.stderr)

    @cached_property
    def _mounts(self) -> tuple[Path, ...]:
        return interpreter_mounts(self.python)


def check_of(case: str) -> Path | None:
    """The check of a case, or None where it has none."""
    return next((file for file in (CHECKS / f"{case}.py", CHECKS / f"{case}.js") if file.exists()), None)


@contextmanager
def tree_of(repo: Path, commit: str) -> Iterator[Path]:
    """The files of a commit in a folder of their own, without a repository.

    Raises:
        GitError: there is no such commit.
    """
    packed = git(repo / ".git", "archive", "--format=tar", commit)
    with tempfile.TemporaryDirectory(prefix="autohealer-check-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def _read(result: bytes, errors: bytes) -> Verdict:
    try:
        found = json.loads(result)
        failures = {str(name): str(said) for name, said in found.items() if said is not None}
    except (ValueError, AttributeError):
        return Verdict({}, f"the check left no verdict: {errors.decode(errors='replace')[-300:]}")
    return Verdict(failures) if found else Verdict({}, "the check is empty")
