"""The row of the served page: what a hundred readers cost a heal that runs beside them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from evals.bench.row import Row
from evals.cases import INCIDENTS
from evals.demo import CASSETTES
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository

FAULT = FAULTS["rss-no-date"]
READERS = 100
PAST = 40
"""Incidents of earlier days that the page tells, too."""
ROUNDS = 5
TARGET = 1.05
"""Two heals one after the other on a machine of one's own differ by about as much."""


@dataclass(frozen=True, slots=True)
class Side:
    """One heal: its seconds, what the page's process used meanwhile, and what its readers heard."""

    heal_s: float
    cpu_s: float = 0.0
    heard: dict[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """A broken repository, its incident and a state folder with a past, to be copied for each heal."""

    folder: Path

    @classmethod
    def made(cls, folder: Path) -> Ground:
        """Make it, by one heal that fills every cache there is."""
        ground = cls(folder)
        repo = make_repository(folder / "ground" / "marketswarm").path
        shutil.copytree(INCIDENTS / FAULT.id, folder / "ground" / "incident")
        file = folder / "ground" / "incident" / "incident.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "commit": FAULT.apply(repo)}))
        (folder / "ground" / "state" / "incidents").mkdir(parents=True)
        first = ground.copied("first")
        ground.heal(first)
        for number in range(PAST):
            _past(first / "state" / "incidents" / FAULT.id, folder / "ground" / "state", number)
        return ground

    def copied(self, name: str) -> Path:
        """A copy with its settings, as if nothing had been healed in it."""
        place = self.folder / name
        shutil.copytree(self.folder / "ground", place)
        (place / "autohealer.toml").write_text(
            f'repo = "{place / "marketswarm"}"\nstate = "{place / "state"}"\npython = "{sys.executable}"\n'
            f'cassette = "{CASSETTES / f"{FAULT.id}.yaml"}"\n'
        )
        return place

    def heal(self, place: Path) -> float:
        """Heal as the command line does; seconds."""
        began = time.perf_counter()
        done = subprocess.run(_command(place, "heal", str(place / "incident"), "--json"), capture_output=True)
        took = time.perf_counter() - began
        assert done.returncode == 0, done.stderr.decode()
        assert json.loads(done.stdout)["outcome"] == "branch", done.stdout.decode()
        return took

    def alone(self, name: str) -> Side:
        """A heal with nothing beside it."""
        place = self.copied(name)
        time.sleep(1.0)
        side = Side(self.heal(place))
        shutil.rmtree(place)
        return side

    def beside(self, name: str) -> Side:
        """A heal with a served page and its readers beside it."""
        place = self.copied(name)
        with _served(place) as (process, port), _reading(port) as readers:
            time.sleep(1.0)
            before = sum(process.cpu_times()[:2])
            took = self.heal(place)
            used = sum(process.cpu_times()[:2]) - before
            heard = json.loads(readers.communicate(timeout=30)[0])
        shutil.rmtree(place)
        return Side(took, used, heard)


def serve_rows(folder: Path) -> Iterator[Row]:
    """The time of a heal beside a hundred readers, against the same heal alone; needs the extra `web`."""
    if find_spec("uvicorn") is None:
        return
    ratio, alone, beside = compared(Ground.made(folder / "serve"), ROUNDS)
    share = sum(side.cpu_s for side in beside) / sum(side.heal_s for side in beside)
    times = (", ".join(f"{side.heal_s:.2f}" for side in sides) for sides in (alone, beside))
    detail = "alone {} s, beside {} s".format(*times)
    yield Row(
        f"a heal beside {READERS} readers of the page", ratio, TARGET, "x alone",
        f"{detail}; the page used {share:.0%} of a core",
    )  # fmt: skip


def compared(ground: Ground, rounds: int) -> tuple[float, list[Side], list[Side]]:
    """The best heal beside readers against the best one alone, in turns: other work only ever adds time."""
    alone, beside = [], []
    for number in range(rounds):
        alone.append(ground.alone(f"alone-{number}"))
        beside.append(ground.beside(f"beside-{number}"))
    ratio = min(side.heal_s for side in beside) / min(side.heal_s for side in alone)
    return ratio, alone, beside


@contextmanager
def _served(place: Path) -> Iterator[tuple[psutil.Process, int]]:
    process = subprocess.Popen(
        _command(place, "serve", "--port", "0", "--json"), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        yield psutil.Process(process.pid), int(url.rstrip("/").rpartition(":")[2])
    finally:
        process.terminate()
        process.communicate(timeout=15)


@contextmanager
def _reading(port: int) -> Iterator[subprocess.Popen[str]]:
    argv = [sys.executable, "-m", "evals.bench.readers", str(port), str(READERS)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=15)


def _command(place: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "agent.cli", "--config", str(place / "autohealer.toml"), *words]


def _past(healed: Path, state: Path, number: int) -> None:
    """The healed incident once more, as one of another fault on an earlier day."""
    name = f"{FAULT.service}-past-{number}"
    folder = state / "incidents" / name
    shutil.copytree(healed, folder)
    died = datetime.now(UTC) - timedelta(days=number + 1)
    _changed(folder / "incident.json", id=name, detected_at=died.isoformat())
    _changed(folder / "runs" / "1" / "result.json", incident=name, fingerprint=f"{number:016x}")


def _changed(file: Path, **changes: Any) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
