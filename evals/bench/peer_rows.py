"""Rows against agent frameworks and a bare loop: the same run on the same server, each in its own process.

Every side makes the same calls of one tool with the same answers: no streaming, messages that grow. Ours
keeps its journal and redacts besides. Sides take turns, and medians are compared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import click

from evals.bench.agent_rows import LAST, incident_on
from evals.bench.peer_install import FOLDER, Framework, NotInstalled
from evals.bench.peer_server import Conversation, ModelServer, model_server
from evals.bench.row import Row
from evals.testbed.repository import make_repository

PEERS = Path(__file__).with_name("peers")
FRAMEWORKS = (
    Framework("smolagents", "smolagents[openai]", "smolagents_steps.py"),
    Framework("openai-agents", "openai-agents", "openai_agents_steps.py"),
    Framework("pydantic-ai", "pydantic-ai-slim[openai]", "pydantic_ai_steps.py"),
)
FIRST = FRAMEWORKS[0].name
"""The peer for start and memory."""
BARE, LOOP, HEAL = "a bare loop", "our loop", "autohealer heal"
STEPS = 20
ROUNDS = 7
LINE = "    change = state.last.day_change_pct  # what was read of a file, line {}\n"
RESULT = "".join(LINE.format(number) for number in range(60))
MARKER = "line 59"
"""Once in each tool result."""
INSTRUCTIONS = "Say why the service died, and name the file and the line that you read it from. " * 300


class PeerFailed(Exception):
    """A side did not do the common run; the message says how it ended."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side: its name, and its command without what differs from run to run.

    A script reads its task; `autohealer heal` has settings instead, on the incident in `folder`.
    """

    name: str
    argv: tuple[str, ...]
    folder: Path | None = None

    def command(self, url: str, place: Path) -> tuple[str, ...]:
        """The whole command of one run, with state of its own in `place`."""
        if self.folder is None:
            return self.argv
        model = f'models = ["x"]\n[model.x]\nbase_url = "{url}"\n'
        config = place / "heal.toml"
        config.write_text(f'repo = "{self.folder / "marketswarm"}"\nstate = "{place / "state"}"\n{model}')
        return (*self.argv, "--config", str(config), "heal", str(self.folder / "first-incident"))


@dataclass(slots=True)
class Figures:
    """What was measured of one side, a value a round: seconds a step, seconds to the first request, MiB."""

    step_s: list[float] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    peak_mib: list[float] = field(default_factory=list)


def peer_rows(folder: Path, rounds: int = ROUNDS, installed: Path = FOLDER) -> Iterator[Row]:
    """Rows for the peers that can be had. `folder` is for what the runs make."""
    peers, versions = _peers(installed)
    figures = measured(folder, [*own_sides(folder), *peers], rounds)
    yield from _against_bare(figures)
    if peers:
        yield from _against_frameworks(figures, [peer.name for peer in peers], ", ".join(versions))
    if FIRST in figures:
        yield from _against_first(figures)


def own_sides(folder: Path) -> list[Side]:
    """The bare loop, our loop alone, and a whole heal of the demo's incident."""
    repo = make_repository(folder / "marketswarm").path
    incident_on(folder, repo)
    return [
        Side(BARE, (sys.executable, str(PEERS / "bare_steps.py"))),
        Side(LOOP, (sys.executable, str(PEERS / "own_steps.py"))),
        Side(HEAL, (sys.executable, "-m", "agent.cli"), folder),
    ]


def measured(folder: Path, sides: Sequence[Side], rounds: int) -> dict[str, Figures]:
    """Every side by its name, after so many rounds and one that is not counted.

    Raises:
        PeerFailed: a side did something else than the common run.
    """
    figures = {side.name: Figures() for side in sides}
    with model_server() as server:
        for number in range(rounds + 1):
            for side in sides:
                place = folder / f"{side.name.replace(' ', '-')}-{number}"
                place.mkdir()
                _run(side, server, place, figures[side.name] if number else Figures())
    return figures


def _peers(folder: Path) -> tuple[list[Side], list[str]]:
    """The frameworks that are or can be installed, and their versions."""
    sides, versions = [], []
    for framework in FRAMEWORKS:
        try:
            python = framework.python(folder)
            versions.append(framework.version(python))
        except NotInstalled as error:
            told = f"{framework.name} cannot be installed, so its rows are left out: {error}"
            click.echo(told, err=True)
            continue
        sides.append(Side(framework.name, (str(python), str(PEERS / framework.script))))
    return sides, versions


def _run(side: Side, server: ModelServer, place: Path, figures: Figures) -> None:
    url = server.expect(place.name, STEPS, LAST)
    told = place / "told.json"
    task = {
        "base_url": url,
        "steps": STEPS,
        "instructions": INSTRUCTIONS,
        "message": "why?",
        "result": RESULT,
    }
    watched = [sys.executable, "-IS", str(PEERS / "peak.py"), str(told), *side.command(url, place)]
    done = subprocess.run(watched, input=json.dumps(task), capture_output=True, text=True, check=False)
    conversation = server.conversations[place.name]
    _check(side, conversation, done)
    seen = json.loads(told.read_text())
    figures.step_s.append(conversation.step_s)
    figures.start_s.append(conversation.asked[0] - seen["started"])
    figures.peak_mib.append(seen["peak_mib"])


def _check(side: Side, conversation: Conversation, done: subprocess.CompletedProcess[str]) -> None:
    """A side that stopped early, or sent less of what it was told, was not quicker."""
    asked, results = len(conversation.asked), conversation.results(MARKER)
    whole = side.folder is not None or (results == STEPS and done.returncode == 0)
    if asked != STEPS + 1 or not whole:
        ended = done.stderr.strip()[-300:] or done.stdout[-300:]
        raise PeerFailed(f"{side.name}: {asked} requests, {results} results, exit {done.returncode}: {ended}")


def _against_bare(figures: Mapping[str, Figures]) -> Iterator[Row]:
    ours, bare = median(figures[LOOP].step_s), median(figures[BARE].step_s)
    detail = f"{ours * 1000:.2f} ms, bare {bare * 1000:.2f} ms; journal and redaction included"
    yield Row("an agent step without the model, against a bare httpx2 loop", ours / bare, 2.0, "x", detail)


def _against_frameworks(figures: Mapping[str, Figures], peers: Sequence[str], versions: str) -> Iterator[Row]:
    steps = {name: median(figures[name].step_s) for name in (LOOP, *peers)}
    best = min(peers, key=steps.__getitem__)
    told = ", ".join(f"{name} {step * 1000:.2f} ms" for name, step in steps.items())
    row = "an agent step without the model, against the best framework"
    yield Row(row, steps[LOOP] / steps[best], 0.35, f"x {best}", f"{told} ({versions})")


def _against_first(figures: Mapping[str, Figures]) -> Iterator[Row]:
    """A whole heal, with repository, rules and probes of the sandbox, against the least script of a peer."""
    sides = [figures[name] for name in (HEAL, FIRST, LOOP)]
    ours, theirs, loop = (median(side.start_s) for side in sides)
    detail = f"{HEAL} {ours:.2f} s, {FIRST} {theirs:.2f} s, {LOOP} alone {loop:.2f} s"
    yield Row("start to the first request", ours / theirs, 0.7, f"x {FIRST}", detail)
    ours, theirs, loop = (median(side.peak_mib) for side in sides)
    detail = f"{HEAL} {ours:.0f} MiB, {FIRST} {theirs:.0f} MiB, {LOOP} alone {loop:.0f} MiB"
    yield Row("peak memory of a run", ours / theirs, 0.8, f"x {FIRST}", detail)
