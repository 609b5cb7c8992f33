"""Rows of the agent: start-up, prompt, steps."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

from agent.diagnosis import Diagnosis
from agent.limits import Limits, Spent
from agent.loop import Loop
from agent.model.protocol import Item, Request, Turn
from agent.model.schema import strict_schema, tool_schema
from agent.model.scripted import Scripted, called, said
from agent.prompt import system_prompt
from agent.texts import prompt
from evals.bench.row import Row, median_s
from evals.cases import INCIDENTS
from evals.testbed.faults import DEMO, FAULTS
from evals.testbed.repository import make_repository
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.redact import Redactor
from tools.repository import Repository
from tools.tool import Workbench
from tools.toolset import SIX_TOOLS

TOKEN = 4
"""Characters a token: an estimate, since no tokenizer can be had offline."""
LAST = (
    '{"root_cause": "r", "category": "bad_data", "culprit": null, "evidence": [], "fixable": false, '
    '"why_not": "w", "risk": null, "confidence": 0.5, "operator_action": null}'
)


def agent_rows(folder: Path) -> Iterator[Row]:
    """Rows that need neither sandbox nor servers. `folder` is for what they make."""
    bare = median_s(lambda: _python("-c", "pass"), rounds=9)
    helped = median_s(lambda: _python("-m", "agent.cli", "--help"), rounds=9)
    yield Row("autohealer --help", helped / bare, 8.0, "x python -c pass", f"{helped * 1000:.0f} ms")
    repo = make_repository(folder / "agent-marketswarm").path
    repository = Repository(repo)
    yield Row("static prefix of the prompt", len(_prefix(repository)) / TOKEN, 7000, "tokens (estimated)")
    yield Row("start to the first request", first_request_s(folder, repo), 1.0, "s", "capture apart")
    ten, fifty = (_steps(folder, repo, count) for count in (10, 50))
    detail = f"{fifty * 1000:.2f} ms a step"
    yield Row("a step of a 50-step run against a 10-step run", fifty / ten, 2.5, "x", detail)


def first_request_s(folder: Path, repo: Path, rounds: int = 5) -> float:
    """Median seconds from the start of `autohealer heal` to its first model request."""
    asked: list[float] = []

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(time.perf_counter())
            self.send_error(401)

        def log_message(self, *words: object) -> None:
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        config = _config(folder, repo, server.server_port)
        started = [_heal(config, incident_on(folder, repo)) for _ in range(rounds + 1)]
        server.shutdown()
    return statistics.median([then - start for start, then in zip(started, asked, strict=True)][1:])


def _config(folder: Path, repo: Path, port: int) -> Path:
    config = folder / "first.toml"
    model = f'models = ["x"]\n[model.x]\nbase_url = "http://127.0.0.1:{port}/v1"\n'
    config.write_text(f'repo = "{repo}"\nstate = "{folder / "first-state"}"\n{model}')
    return config


def incident_on(folder: Path, repo: Path) -> Path:
    """The demo's recorded incident, on a repository whose HEAD has the fault."""
    incident = folder / "first-incident"
    if not incident.exists():
        shutil.copytree(INCIDENTS / DEMO, incident)
        file = incident / "incident.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "commit": FAULTS[DEMO].apply(repo)}))
    return incident


def _heal(config: Path, incident: Path) -> float:
    """Run a heal whose model refuses; the moment at which it was started."""
    started = time.perf_counter()
    argv = [sys.executable, "-m", "agent.cli", "--config", str(config), "heal", str(incident)]
    subprocess.run(argv, capture_output=True, check=False)
    return started


def _python(*words: str) -> None:
    subprocess.run([sys.executable, *words], capture_output=True, check=True)


def _prefix(repository: Repository) -> str:
    tools = "".join(str(tool_schema(tool)) for tool in SIX_TOOLS.values())
    ours = prompt("system_context.md")
    theirs = system_prompt(repository)
    return max(theirs, ours, key=len) + tools


def _steps(folder: Path, repo: Path, count: int) -> float:
    """Median seconds of a step of our own: everything but the model and the work of the tool."""
    bench = Workbench(
        IncidentFolder(folder),
        "vigil",
        Repository(repo),
        PrivateRepository(repo, folder / "steps"),
        Redactor(),
    )
    moments: list[float] = []

    def turn(number: int) -> Turn:
        moments.append(time.perf_counter())
        if number == count:
            return said(LAST)
        arguments = {"path": "services/vigil/main.py", "start": number + 1, "end": number + 3, "commit": None}
        return called(("read_file", arguments if number < 40 else {**arguments, "start": 1, "end": number}))

    model = Scripted([partial(_at, turn, number) for number in range(count + 1)])
    request = Request("rules", tuple(map(tool_schema, SIX_TOOLS.values())), (), strict_schema(Diagnosis))
    limits = Limits(soft_steps=1000, steps=1000)
    loop = Loop(model, request, SIX_TOOLS, bench, limits, Spent(), lambda event: None, _unsaved)
    loop.run("incident")
    between = [after - before for before, after in pairwise(moments)]
    return statistics.median(between[len(between) // 2 :])


def _at(turn: Callable[[int], Turn], number: int, request: Request) -> Turn:
    return turn(number)


def _unsaved(items: list[Item]) -> None:
    """The journal has its own cost; here the loop is measured."""
