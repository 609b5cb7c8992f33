"""A small service that is really broken, really dies, and is then replayed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from sandbox.boot import Waits
from sandbox.isolation import Isolation, find_isolation
from sandbox.patch import Edit, Patch, from_edits
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.logs import last_crash
from tools.replay import Replay

SWARM = Path(__file__).with_name("swarm")
SERVICE = "pulse"
CHANNEL = "massive:spot"
PYTHON = Path(sys.executable)
Changes = Sequence[tuple[str, str, str]]
GIT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{role}_NAME": "Dana" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "dana@example.org" for role in ("AUTHOR", "COMMITTER")},
}


@dataclass(frozen=True, slots=True)
class Checkout:
    """A working repository whose first commit is a service that works."""

    path: Path

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.path, env=GIT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str, changes: Changes = ()) -> str:
        """Commit changes (path, search, replace); an empty search writes a file, None removes one."""
        for name, search, replace in changes:
            change(self.path / name, search, replace)
        self.git("add", "--all", "--force")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


def change(file: Path, search: str, replace: str) -> None:
    if not search:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(replace)
        return
    text = file.read_text()
    assert text.count(search) == 1, f"{file.name} has {search!r} {text.count(search)} times"
    file.write_text(text.replace(search, replace))


@dataclass(frozen=True, slots=True)
class Bare:
    """Runs the service without a box, on real servers, as its start-up script would; keeps its log."""

    urls: Mapping[str, str]
    port: int

    def log(
        self,
        checkout: Checkout,
        *,
        values: Mapping[str, str] = {},
        messages: Sequence[Any] = (),
        truth: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda truth: truth,
        env: Mapping[str, str] = {},
        seconds: float = 0.5,
    ) -> str:
        """What one run wrote: until it ended by itself, or was told to stop after its messages came."""
        self._prepare(checkout, values, truth)
        process = subprocess.Popen(
            [str(PYTHON), "services/pulse/main.py"],
            cwd=checkout.path,
            env={**self._env(), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            self._serve(process, messages, seconds)
        finally:
            process.send_signal(signal.SIGTERM)
        return process.communicate(timeout=20)[0]

    def _serve(self, process: subprocess.Popen[str], messages: Sequence[Any], seconds: float) -> None:
        with Redis.from_url(self.urls["market-redis"]) as market:
            deadline = time.monotonic() + 10
            listening = False
            while process.poll() is None and time.monotonic() < deadline and not listening:
                listening = dict(market.pubsub_numsub(CHANNEL))[CHANNEL.encode()] > 0
                time.sleep(0.01)
            for message in messages:
                market.publish(CHANNEL, encoded(message))
        deadline = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)

    def _prepare(self, checkout: Checkout, values: Mapping[str, str], truth: Callable[..., Any]) -> None:
        components = {
            file.stem: json.loads(file.read_text())
            for file in (checkout.path / "truth/components").glob("*.json")
        }
        components[SERVICE]["outputs"]["http"]["port"] = self.port
        document = truth({"components": components})
        for url in self.urls.values():
            with Redis.from_url(url) as client:
                client.flushall()
        with Redis.from_url(self.urls["system-redis"]) as system:
            if document is not None:
                system.set("truth", json.dumps(document))
        with Redis.from_url(self.urls["market-redis"]) as market:
            for key, value in values.items():
                market.set(key, value)

    def _env(self) -> dict[str, str]:
        urls = {f"{name.upper().replace('-', '_')}_URL": url for name, url in self.urls.items()}
        return {"PATH": os.environ["PATH"], "SERVICE_ID": SERVICE, "PYTHONUNBUFFERED": "1", **urls}


def encoded(message: Any) -> str:
    return message if isinstance(message, str) else json.dumps(message)


@pytest.fixture(scope="session")
def isolation() -> Isolation:
    if sys.platform != "linux":
        pytest.skip("a service is booted in a network of its own, which Linux has")
    return find_isolation()


@pytest.fixture(scope="session")
def bare(session_redis_server: Callable[[], Any]) -> Bare:
    names = ("system-redis", "market-redis", "intel-redis")
    servers = {name: session_redis_server() for name in names}
    return Bare({name: server.url for name, server in servers.items()}, next(iter(servers.values())).port + 1)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    path = tmp_path / "Users" / "ernie" / "MarketSwarm"
    shutil.copytree(SWARM, path, ignore=shutil.ignore_patterns("__pycache__"))
    (path / "services/pulse/dotenv").rename(path / "services/pulse/.env")
    made = Checkout(path)
    made.git("init", "-q", "-b", "main")
    made.commit("pulse: prices and levels")
    return made


@dataclass(frozen=True, slots=True)
class Case:
    """One incident, opened: its replay, and patches on its commit."""

    replay: Replay
    repo: PrivateRepository

    def patch(self, changes: Changes) -> Patch:
        edits = [Edit(path=path, search=search, replace=replace) for path, search, replace in changes]
        return from_edits(self.repo, self.replay.commit, SERVICE, edits)


Open = Callable[..., Case]


@pytest.fixture
def open_case(tmp_path: Path, checkout: Checkout, isolation: Isolation) -> Iterator[Open]:
    """`open_case(commit, log, values=, messages=, heartbeats=, waits=)`: the incident folder, and its replay."""

    def opened(
        commit: str,
        log: str,
        *,
        values: Mapping[str, str] | None = None,
        messages: Sequence[Any] = (),
        heartbeats: Mapping[str, Any] | None = None,
        waits: Waits = Waits(),
    ) -> Case:
        folder = tmp_path / "incident"
        folder.mkdir()
        write = {
            "incident.json": {"id": "one", "service": SERVICE, "commit": commit},
            "snapshot.json": {"heartbeats": heartbeats or {}},
        }
        if values is not None:
            held = {key: {"type": "string", "value": value} for key, value in values.items()}
            write["redis.json"] = {"market-redis": held}
        for name, content in write.items():
            (folder / name).write_text(json.dumps(content))
        lines = [
            json.dumps({"bus": "market-redis", "channel": CHANNEL, "data": encoded(each)})
            for each in messages
        ]
        (folder / "messages.jsonl").write_text("\n".join(lines))
        (folder / "log.txt").write_text(log)
        repo = PrivateRepository(checkout.path, tmp_path / "state")
        crash = last_crash(folder / "log.txt")
        incident = IncidentFolder(folder)
        replay = Replay(repo, isolation, PYTHON, incident, SERVICE, commit, crash, waits=waits)
        return Case(replay, repo)

    yield opened


@pytest.fixture
def unguarded(checkout: Checkout, bare: Bare, open_case: Open) -> Case:
    """Pulse takes a spot without its previous close, and dies of that: TypeError in `change_pct`."""
    guard = '    if not spot.get("prev_close"):\n        return 0.0\n'
    commit = checkout.commit("pulse: no guard", [(f"services/{SERVICE}/intel/prices.py", guard, "")])
    spots = [{"symbol": symbol, "price": 5012.5, "prev_close": None} for symbol in ("SPX", "NDX")]
    return open_case(commit, bare.log(checkout, messages=spots), messages=spots)
