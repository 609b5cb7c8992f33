"""Rows of the sandbox: a worktree ready, tests in the box, a boot in the box."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from evals.bench.row import Row, median_s
from evals.testbed.repository import make_repository
from sandbox.isolation import Isolation
from sandbox.testing import TestBench
from sandbox.worktree import PrivateRepository

FILES = 50_000
SERVICE = "vigil"


def sandbox_rows(folder: Path, isolation: Isolation) -> Iterator[Row]:
    """Rows that need a sandbox. `folder` is for what they make."""
    testbed = make_repository(folder / "marketswarm")
    yield from _worktree_rows(folder, testbed.path)
    yield from _pytest_row(folder, testbed.path, testbed.head, isolation)


def _worktree_rows(folder: Path, small: Path) -> Iterator[Row]:
    """Fresh and reused worktrees against `git worktree add` of the same, large repository."""
    large = _grown(small, folder / "large")
    numbers = iter(range(10_000))

    def add() -> None:
        place = folder / "added" / str(next(numbers))
        _git(large, "worktree", "add", "-q", "--detach", str(place))

    whole = median_s(add, rounds=2)

    def fresh() -> None:
        repo = PrivateRepository(large, folder / f"state-{next(numbers)}")
        with repo.checkout("HEAD", (f"services/{SERVICE}", "shared", "truth")):
            pass

    pooled = PrivateRepository(large, folder / "state-pooled")

    def reused() -> None:
        with pooled.checkout("HEAD", (f"services/{SERVICE}", "shared", "truth")):
            pass

    detail = f"{FILES} files, whole `git worktree add` {whole:.2f} s"
    yield Row("sandbox ready, fresh", median_s(fresh, rounds=3) / whole, 0.3, "x git worktree add", detail)
    yield Row("sandbox ready, reused", median_s(reused) / whole, 0.1, "x git worktree add", detail)


def _pytest_row(folder: Path, repo: Path, head: str, isolation: Isolation) -> Iterator[Row]:
    """The trusted run of a service's tests in the box, against pytest on the checkout."""
    tests = sorted((repo / "services" / SERVICE / "tests").glob("test_*.py"))
    env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(repo)}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, tests)]
    bare = median_s(lambda: subprocess.run(argv, cwd=repo, env=env, capture_output=True, check=True))
    numbers = iter(range(10_000))

    def boxed() -> None:
        private = PrivateRepository(repo, folder / f"tests-{next(numbers)}")
        run = TestBench(private, isolation, Path(sys.executable)).run(SERVICE, head, None)
        assert run.problem is None, run.problem

    detail = f"bare pytest {bare:.2f} s, {len(tests)} files"
    yield Row("run_pytest in the box", median_s(boxed, rounds=3) / bare, 1.1, "x bare pytest", detail)


def _grown(small: Path, large: Path) -> Path:
    """The testbed with many more files, as one commit."""
    subprocess.run(["git", "clone", "-q", str(small), str(large)], check=True)
    for number in range(FILES):
        file = large / "ui" / f"{number % 500}" / f"{number}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"export const n = {number};\n")
    _git(large, "add", "-A")
    _git(large, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "grown")
    return large


def _git(repo: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=repo, check=True, capture_output=True)
