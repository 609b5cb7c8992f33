"""Rows of the sandbox: a worktree ready, tests in the box, a boot in the box."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from evals.bench.row import Row, median_s, seconds
from evals.testbed.repository import make_repository
from sandbox.isolation import Isolation
from sandbox.testing import TestBench
from sandbox.worktree import PrivateRepository, service_paths

FILES = 50_000
SERVICE = "vigil"
COPIES = (1, 20)
ROUNDS = 7
INCIDENTS = 100
AUTHOR = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")


def sandbox_rows(folder: Path, isolation: Isolation) -> Iterator[Row]:
    """Rows that need a sandbox. `folder` is for what they make."""
    testbed = make_repository(folder / "marketswarm")
    yield from _worktree_rows(folder, testbed.path)
    yield from _pytest_rows(folder, testbed.path, isolation)


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
    yield _flat_row(large, pooled)


def _flat_row(repo: Path, pooled: PrivateRepository) -> Row:
    """The reused worktree over a hundred incidents, each on another commit than the one before."""
    log = subprocess.run(
        ["git", "rev-list", "-10", "HEAD"], cwd=repo, check=True, capture_output=True, text=True
    )
    commits = log.stdout.split()

    def ready(number: int) -> None:
        with pooled.checkout(commits[number % len(commits)], service_paths(SERVICE)):
            pass

    for number in range(len(commits)):
        ready(number)
    took = [seconds(partial(ready, number)) for number in range(INCIDENTS)]
    first, last = median(took[:10]), median(took[-10:])
    detail = f"{first * 1000:.1f} ms at first, {last * 1000:.1f} ms at last"
    return Row(f"sandbox ready, incidents 91-{INCIDENTS} against 1-10", last / first, 1.3, "x", detail)


def _pytest_rows(folder: Path, repo: Path, isolation: Isolation) -> Iterator[Row]:
    """The trusted run of a service's tests in the box, against pytest on the checkout.

    The sandbox is ready, as it is when a model asks for all tests: some of them have been run before.
    """
    for copies in COPIES:
        place = folder / f"tests-{copies}"
        _git(folder, "clone", "-q", str(repo), str(place))
        tests, head = _multiplied(place, copies)
        # A patch's checkout is fresh: nothing of it was compiled by an earlier run.
        fresh = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(place)}
        env = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **fresh}
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, tests)]
        states = (place.with_name(f"{place.name}-{number}") for number in range(10_000))
        bare, boxed, count = [], [], 0
        for _ in range(ROUNDS):
            bare.append(seconds(partial(subprocess.run, argv, cwd=place, env=env, capture_output=True)))
            bench = TestBench(PrivateRepository(place, next(states)), isolation, Path(sys.executable))
            bench.run(SERVICE, head, None, [tests[0].relative_to(place).as_posix()])
            boxed.append(seconds(partial(bench.run, SERVICE, head, None)))
            run = bench.run(SERVICE, head, None)
            assert run.problem is None, run.problem
            count = len(run.outcomes)
        whole, alone = median(boxed), median(bare)
        detail = f"{count} tests in {len(tests)} files: {whole:.2f} s, bare {alone:.2f} s"
        yield Row(f"run_pytest in the box, {count} tests", whole / alone, 1.1, "x bare pytest", detail)


def _multiplied(repo: Path, copies: int) -> tuple[list[Path], str]:
    """The service's test files, each so many times, and the commit that holds them."""
    tests = repo / "services" / SERVICE / "tests"
    for file in sorted(tests.glob("test_*.py")):
        for number in range(1, copies):
            shutil.copy(file, file.with_stem(f"{file.stem}_{number}"))
    _git(repo, "add", "-A")
    _git(repo, *AUTHOR, "commit", "-q", "--allow-empty", "-m", "more tests")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repo, check=True, capture_output=True, text=True)
    return sorted(tests.glob("test_*.py")), head.stdout.strip()


def _grown(small: Path, large: Path) -> Path:
    """The testbed with many more files, as one commit."""
    subprocess.run(["git", "clone", "-q", str(small), str(large)], check=True)
    for number in range(FILES):
        file = large / "ui" / f"{number % 500}" / f"{number}.js"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"export const n = {number};\n")
    _git(large, "add", "-A")
    _git(large, *AUTHOR, "commit", "-q", "-m", "grown")
    return large


def _git(repo: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=repo, check=True, capture_output=True)
