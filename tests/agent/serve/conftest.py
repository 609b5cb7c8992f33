"""The admin page as a process of its own, and a state folder in which heals come and go."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.events import Climbed, Event, Started
from agent.store import Run, Store

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

SECRET = "xai-" + "A1b2C3d4" * 6


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A running `autohealer serve`."""

    process: subprocess.Popen[str]
    port: int
    token: str | None
    streams: list[Any] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, told, answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def stream(self, path: str = "/events?since=2000", **headers: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", path, headers={n.replace("_", "-"): v for n, v in headers.items()})
        answer = connection.getresponse()
        self.streams += [connection, answer]
        return answer

    def close(self) -> None:
        for stream in self.streams:
            stream.close()
        self.process.kill()
        self.process.communicate(timeout=10)


def steps(stream: http.client.HTTPResponse, count: int) -> list[tuple[str, dict[str, Any]]]:
    """The next steps of a stream, each with its id."""
    found, last_id = [], ""
    while len(found) < count:
        line = stream.readline().decode()
        assert line, "the stream ended"
        if line.startswith("id: "):
            last_id = line[4:].strip()
        elif line.startswith("data: "):
            found.append((last_id, json.loads(line[6:])))
    return found


@pytest.fixture
def read_steps() -> Callable[..., list[tuple[str, dict[str, Any]]]]:
    return steps


@dataclass
class State:
    """The state folder that is served."""

    store: Store

    def incident(self, name: str = "vigil-1", **changes: object) -> Path:
        folder = self.store.root / "incidents" / name
        folder.mkdir(parents=True)
        told = {"id": name, "service": "vigil", "commit": "a" * 40, "detected_at": "2026-11-22T14:00:00Z"}
        (folder / "incident.json").write_text(json.dumps({**told, **changes}))
        return folder

    def begin(self, folder: Path) -> Run:
        """A run that goes on until it has a result."""
        from tools.incident import IncidentFolder

        run = self.store.open_run(IncidentFolder(folder))
        run.append(Started(folder.name, "vigil", "a" * 40, "", run.number))
        return run

    def end(self, run: Run, **changes: object) -> None:
        told = {
            "incident": run.path.parents[1].name,
            "run": run.number,
            "service": "vigil",
            "commit": "a" * 40,
        }
        told |= {"outcome": "diagnosed", "summary": "it is the data", "branch": None}
        run.write("result.json", json.dumps({**told, **changes}))


@pytest.fixture
def state(tmp_path) -> State:
    store = Store(tmp_path / "state")
    store.prepare()
    return State(store)


def servers(state: Path, cwd: Path) -> Iterator[Callable[..., Served]]:
    """A factory of admin pages on free ports; they end with the test."""
    started: list[Served] = []

    def start(*words: str, config: str = "") -> Served:
        (cwd / "autohealer.toml").write_text(config)
        argv = [sys.executable, "-m", "agent.cli", "--state", str(state), "serve", "--json", *words]
        argv += [] if "--port" in words else ["--port", "0"]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), "HOME": str(cwd)}
        process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=env
        )
        served = Served(process, 0, None)
        started.append(served)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        told = json.loads(line)
        served.token = Path(told["token_file"]).read_text().strip() if told["token_file"] else None
        served.port = int(told["url"].rstrip("/").rpartition(":")[2])
        return served

    yield start
    for served in started:
        served.close()


@pytest.fixture
def serve(state, tmp_path) -> Iterator[Callable[..., Served]]:
    """`serve(...)` starts it on a free port, with these words after the command."""
    yield from servers(state.store.root, tmp_path)


@pytest.fixture(scope="module")
def empty(tmp_path_factory) -> Iterator[Served]:
    """One for the tests that change nothing; its state folder is empty."""
    folder = tmp_path_factory.mktemp("empty")
    factory = servers(folder / "state", folder)
    yield next(factory)()
    next(factory, None)


@pytest.fixture
def rung() -> Callable[[int], Event]:
    """An event that can be told from the others."""
    return lambda number: Climbed("gone", "shown", f"step number {number}")
