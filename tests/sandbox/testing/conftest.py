"""Small real repositories in MarketSwarm's layout, and a bench to run their tests on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

import pytest

from sandbox.isolation import Isolation
from sandbox.patch import Edit, Patch, from_edits
from sandbox.testing import TestBench, TestRun
from sandbox.worktree import PrivateRepository

PYTHON = Path(sys.executable)


@dataclass
class Market:
    """A target repository with one service, the private repository for it, and benches."""

    folder: Path
    isolation: Isolation
    service: str = "vigil"
    head: str = ""
    benches: dict[bool, TestBench] = field(default_factory=dict)

    def commit(self, files: Mapping[str, str | None], message: str = "change") -> str:
        """Write files (None deletes one) and commit; the commit's id."""
        for path, text in files.items():
            file = self.target / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text)) if text is not None else file.unlink()
        self._git("add", "-A")
        self._git("-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-qm", message)
        self.head = self._git("rev-parse", "HEAD").strip()
        return self.head

    @property
    def target(self) -> Path:
        return self.folder / "target"

    def private(self) -> PrivateRepository:
        return PrivateRepository(self.target, self.folder / "state")

    def bench(self, *, twins: bool = False, **options: object) -> TestBench:
        """The bench; by default without twins, which cost a second box."""
        if options:
            return TestBench(self.private(), self.isolation, PYTHON, twins=twins, **options)  # type: ignore[arg-type]
        if twins not in self.benches:
            self.benches[twins] = TestBench(self.private(), self.isolation, PYTHON, twins=twins)
        return self.benches[twins]

    def patch(self, *changes: tuple[str, str, str] | tuple[str, str] | tuple[str]) -> Patch:
        """(path, search, replace), (path, whole new content), or (path,) to delete a file."""
        edits = [self._edit(*change) for change in changes]
        return from_edits(self.private(), self.head, self.service, edits)

    def run(self, *changes: tuple[str, ...], twins: bool = False, runs: int = 1) -> TestRun:
        """Run the service's tests on a patch made of changes."""
        return self.bench(twins=twins).run(self.service, self.head, self.patch(*changes), runs=runs)  # type: ignore[arg-type]

    def baseline(self, runs: int = 1) -> TestRun:
        """Run the service's tests on the base."""
        return self.bench().run(self.service, self.head, None, runs=runs)

    def _edit(self, path: str, *texts: str) -> Edit:
        full = f"services/{self.service}/{path}"
        if not texts:
            return Edit(path=full, delete=True)
        if len(texts) == 2:
            return Edit(path=full, search=texts[0], replace=texts[1])
        old = self.target / full
        return Edit(path=full, search=old.read_text() if old.exists() else "", replace=dedent(texts[0]))

    def _git(self, *args: str) -> str:
        return subprocess.run(
            ["git", "-C", str(self.target), *args], check=True, capture_output=True, text=True
        ).stdout


@pytest.fixture(scope="session")
def new_market(
    tmp_path_factory: pytest.TempPathFactory, isolation: Isolation
) -> Callable[[Mapping[str, str]], Market]:
    """A factory of repositories out of their files."""

    def make(files: Mapping[str, str]) -> Market:
        market = Market(tmp_path_factory.mktemp("market"), isolation)
        market.target.mkdir()
        market._git("init", "-q")
        market.commit({"shared/__init__.py": "", **files}, "first")
        return market

    return make


@pytest.fixture(scope="session")
def new_prices(new_market: Callable[[Mapping[str, str]], Market]) -> Callable[..., Market]:
    """A factory of repositories of one service, of its intel/prices.py, the test of that, and more files."""

    def make(code: str, tests: str, more: Mapping[str, str]) -> Market:
        files = {"intel/__init__.py": "", "intel/prices.py": code, "tests/test_prices.py": tests, **more}
        return new_market({f"services/vigil/{path}": text for path, text in files.items()})

    return make


def statuses(run: TestRun) -> dict[str, str]:
    """Status by the test's short name."""
    return {node.rpartition("/")[2]: outcome.status for node, outcome in run.outcomes.items()}
