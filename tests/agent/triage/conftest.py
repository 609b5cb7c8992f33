"""A small MarketSwarm whose services are broken and really run, and incidents made of what they log."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.triage import Triage, triage
from tools.incident import IncidentFolder
from tools.repository import Repository
from tools.truth import from_files

Files = Mapping[str, str]

TRUTH: Files = {
    "truth/mm_node.json": json.dumps(
        {
            "buses": {
                "system-redis": {"url": "redis://127.0.0.1:6379"},
                "market-redis": {"url": "redis://127.0.0.1:6380"},
                "intel-redis": {"url": "redis://127.0.0.1:6381"},
            }
        }
    ),
    "truth/components/vigil.json": json.dumps(
        {
            "inputs": {"redis": [{"bus": "market-redis", "kind": "key", "name": "massive:spot"}]},
            "dependencies": ["massive"],
            "env": {"VIGIL_MOVE_PCT": "0.35", "VIGIL_WEBHOOK_SECRET": "${VIGIL_WEBHOOK_SECRET}"},
        }
    ),
    "truth/components/massive.json": json.dumps(
        {
            "outputs": {"redis": [{"bus": "market-redis", "kind": "key", "name": "massive:spot"}]},
            "env": {"MASSIVE_API_KEY": "${MASSIVE_API_KEY}"},
        }
    ),
    "truth/components/journal.json": json.dumps(
        {"outputs": {"http": {"port": 3002}}, "inputs": {"mysql": {}}}
    ),
    "truth/components/vexy_ai.json": json.dumps(
        {"outputs": {"http": {"port": 3005}}, "dependencies": ["vigil", "massive"]}
    ),
}
BASE: Files = {
    **TRUTH,
    "requirements.txt": "redis>=5\nscikit-learn\n",
    "scripts/ms-vigil.sh": "python services/vigil/main.py\n",
    "shared/__init__.py": "",
    "shared/logutil.py": "class LogUtil:\n    def error(self, text):\n        print(text)\n",
    "shared/redis_io.py": "import json\n\n\ndef read_model(raw):\n    return json.loads(raw)\n",
    "services/vigil/intel/rules.py": "LIMIT = 3\n\n\ndef evaluate(values):\n    return values['spot']\n",
}
MAIN = """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
{code}
"""


@dataclass(frozen=True, slots=True)
class World:
    """A repository, and incidents on it."""

    root: Path

    def commit(self, files: Files, subject: str = "change", author: str = "Dana") -> None:
        for name, content in files.items():
            file = self.root / "repo" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(textwrap.dedent(content), encoding="utf-8")
        self.git("add", "--all")
        number = len(self.git("log", "--all", "--format=%h").split())
        date = f"2026-03-{number + 1:02}T10:00:00Z"
        self.git(
            "-c",
            f"user.name={author}",
            "-c",
            "user.email=x@example.org",
            "commit",
            "-q",
            "-m",
            subject,
            date=date,
        )

    def remove(self, path: str) -> None:
        (self.root / "repo" / path).unlink()
        self.commit({}, "tidy up")

    def git(self, *args: str, date: str = "") -> str:
        env = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        env |= {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date} if date else {}
        command = ["git", *args]
        done = subprocess.run(
            command, cwd=self.root / "repo", env=env, check=True, capture_output=True, text=True
        )
        return done.stdout

    def run(self, code: str, service: str = "vigil", **files: str) -> str:
        """Commit an entry point, really run it, and give back what it logged."""
        self.commit({f"services/{service}/main.py": MAIN.format(code=textwrap.dedent(code)), **files})
        return self.run_again(service)

    def run_again(self, service: str = "vigil") -> str:
        command = [sys.executable, "-u", str(self.root / "repo/services" / service / "main.py")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        return done.stdout + done.stderr

    def triage(
        self, log: str | None, *, service: str = "vigil", snapshot: Mapping[str, Any] | None = None,
        redis: Mapping[str, Any] | None = None, **incident: Any,
    ) -> Triage:  # fmt: skip
        folder = self.root / "incident"
        folder.mkdir(exist_ok=True)
        repository = Repository(self.root / "repo")
        document = {"id": "one", "service": service, "commit": repository.commit, **incident}
        (folder / "incident.json").write_text(json.dumps(document))
        (folder / "snapshot.json").write_text(json.dumps(self.health() if snapshot is None else snapshot))
        if log is not None:
            (folder / "log.txt").write_text(log, encoding="utf-8", errors="replace")
        if redis is not None:
            (folder / "redis.json").write_text(json.dumps(redis))
        truth = from_files(repository.files("truth/"), repository.read)
        found = triage(IncidentFolder(folder), repository, truth)
        repository.close()
        return found

    @staticmethod
    def health(*down: str, dead: tuple[str, ...] = (), alive: tuple[str, ...] = ()) -> dict[str, Any]:
        """A snapshot in which the named buses are down, and the named services dead."""
        buses = ("system-redis", "market-redis", "intel-redis")
        services = {"massive", "journal", "vexy_ai", *alive}
        return {
            "ts": 1795352713.0,
            "redis": {
                bus: {"alive": bus not in down, "uptime_seconds": 90000.0, "total_keys": 9} for bus in buses
            },
            "heartbeats": {
                **{
                    name: {"alive": True, "status": "healthy", "pid_alive": True}
                    for name in services - set(dead)
                },
                **{
                    name: {"alive": False, "status": "dead", "pid_alive": False, "last_ts": 1.0}
                    for name in dead
                },
            },
        }

    @staticmethod
    def logged(message: str) -> str:
        """A run that swallowed its traceback."""
        return (
            " Starting vigil at 2026-11-22 10:00:00\n[2026-11-22 10:00:00][vigil][INFO] 🚀 starting\n"
            f"[2026-11-22 10:00:09][vigil][ERROR] ❌ {message}\n[2026-11-22 10:00:09][vigil][INFO] 🛑 shutdown complete\n"
        )

    @staticmethod
    def raised(error: str, *frames: str, code: str = "    go()") -> str:
        lines = [f'  File "/Users/ernie/MarketSwarm/{path}", line 5, in go\n{code}\n' for path in frames]
        return f"Traceback (most recent call last):\n{''.join(lines)}{error}\n"


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "repo").mkdir()
    made = World(tmp_path)
    made.git("init", "-q", "-b", "main")
    made.commit(BASE, "first version")
    return made


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
