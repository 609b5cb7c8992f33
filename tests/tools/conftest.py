"""A small MarketSwarm repository with a history, made with real git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ernie",
    "GIT_AUTHOR_EMAIL": "ernie@example.org",
    "GIT_COMMITTER_NAME": "Ernie",
    "GIT_COMMITTER_EMAIL": "ernie@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A real repository on the disk."""

    path: Path

    def git(self, *args: str) -> str:
        """Run git in it and give back what it printed."""
        done = subprocess.run(
            ["git", *args],
            cwd=self.path,
            env=os.environ | IDENTITY,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, making their folders."""
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, subject: str, files: Mapping[str, str | bytes] | None = None) -> str:
        """Commit files, or what is in the working tree; gives back the commit's id."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")


def new_repository(path: Path) -> GitRepository:
    """An empty repository."""
    path.mkdir(parents=True)
    repository = GitRepository(path)
    repository.git("init", "-q", "-b", "main")
    return repository


MAIN = '''"""vigil: watches the market."""

import asyncio

from intel.orchestrator import run

SERVICE_NAME = "vigil"


async def main() -> None:
    await run(SERVICE_NAME)


if __name__ == "__main__":
    asyncio.run(main())
'''

ORCHESTRATOR = """class Orchestrator:
    pass


async def run(name):
    return name
"""

COMPONENT = """{
  "service": "vigil",
  "env": {"API_KEY": "sk-very-secret-value"}
}
"""

FIRST: dict[str, str | bytes] = {
    "services/vigil/main.py": MAIN,
    "services/vigil/intel/orchestrator.py": ORCHESTRATOR,
    "services/vigil/intel/filters.py": "def spikes(values):\n    return [v for v in values if v > 3]\n",
    "services/massive/main.py": MAIN.replace("vigil", "massive"),
    "services/sse/src/index.js": "export async function start() {}\nconst PORT = 3001;\n",
    "shared/heartbeat.py": "def start_heartbeat(name):\n    return name\n",
    "truth/components/vigil.json": COMPONENT,
    "docs/notes.md": "vigil reads massive:spot\n",
    "services/vigil/.env": "PASSWORD=hunter2-vigil\n",
    "README.md": "MarketSwarm\n",
}


@pytest.fixture(scope="session")
def marketswarm(tmp_path_factory: pytest.TempPathFactory) -> GitRepository:
    """Read-only: three commits; filters.py of vigil was lost in the second."""
    repository = new_repository(tmp_path_factory.mktemp("target") / "Market Swarm")
    repository.commit("first version", FIRST)
    (repository.path / "services/vigil/intel/filters.py").unlink()
    repository.commit("tidy up")
    repository.commit(
        "log the start", {"services/vigil/main.py": MAIN.replace("await run", "print('on')\n    await run")}
    )
    return repository


@pytest.fixture
def git_repository(tmp_path: Path) -> GitRepository:
    """An empty repository of this test alone."""
    return new_repository(tmp_path / "repository")
