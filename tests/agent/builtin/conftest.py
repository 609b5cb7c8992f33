"""A small service with a fault: really run, really read by the tools, and run again with what is offered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.heal import Plan, heal
from agent.model.builtin import Builtin
from agent.model.builtin.desk import Desk
from agent.model.builtin.incident import Incident, read_incident
from agent.model.builtin.repairs import LAST_RESORTS, REPAIRS
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.talk import Asking, Call
from agent.model.builtin.trial import options
from agent.result import HealResult
from agent.settings import Settings
from agent.store import Store
from agent.texts import fill_prompt
from sandbox.isolation import Isolation, find_isolation
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.replay import Replay
from tools.repository import Repository
from tools.tool import ToolError, Workbench
from tools.toolset import SIX_TOOLS

IDENTITY = {
    "GIT_AUTHOR_NAME": "Dana",
    "GIT_AUTHOR_EMAIL": "dana@example.org",
    "GIT_COMMITTER_NAME": "Dana",
    "GIT_COMMITTER_EMAIL": "dana@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
SWARM = Path(__file__).parents[2] / "tools/replay/swarm"
VERDICT = "Verdict of the rules: the service's own code is at fault (confidence 0.85)."


def message(crash: str, files: list[str], triage: str = VERDICT, service: str = "vigil") -> str:
    """The incident message as a run words it."""
    return fill_prompt(
        "incident.md",
        incident=SimpleNamespace(
            id="x", service=service, commit="a" * 40, trigger="recorded", exit_code=None
        ),
        dirty=[],
        triage=triage,
        crash=crash,
        health="everything was up",
        files=files,
        judged=fill_prompt("judged.md", sandbox=True),
        earlier=[],
    )


def drive(procedure: Asking[Any], bench: Workbench) -> Any:
    """Answer a procedure with the real tools until it returns."""
    answers: tuple[str, ...] | None = None
    while True:
        try:
            move = procedure.send(answers)  # type: ignore[arg-type]
        except StopIteration as done:
            return done.value
        assert isinstance(move, tuple)
        answers = tuple(answer(call, bench) for call in move)


def answer(call: Call, bench: Workbench) -> str:
    try:
        return SIX_TOOLS[call.name].model_validate(call.arguments).answer(bench)
    except ToolError as error:
        return f"ERROR: {error}"


@dataclass(slots=True)
class Service:
    """A repository whose service vigil is made of `files`; `run` starts it as `-c` code."""

    path: Path
    commits: list[str] = field(default_factory=list)

    def commit(self, files: Mapping[str, str | None]) -> str:
        """One commit more; None deletes a file."""
        for name, text in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                file.unlink()
            else:
                file.write_text(text)
        self.git("add", "--all")
        self.git("commit", "-qm", "change")
        self.commits.insert(0, self.git("rev-parse", "HEAD").strip())
        return self.commits[0]

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words],
            cwd=self.path,
            env=os.environ | IDENTITY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-S", "-c", code],
            cwd=self.path,
            env=os.environ | IDENTITY,
            capture_output=True,
            text=True,
        )

    def pytest(self, text: str) -> str:
        """What pytest says of one file of tests, which is not left there."""
        file = self.path / "services/vigil/tests/test_of_a_repair.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
        done = subprocess.run(words, cwd=self.path, env=os.environ | IDENTITY, capture_output=True, text=True)
        file.unlink()
        return done.stdout

    def bench(self) -> Workbench:
        none = cast(Any, None)
        folder = IncidentFolder(self.path.parent / "incident")
        return Workbench(folder, "vigil", Repository(self.path, "HEAD"), none, str)

    def incident(self, code: str, triage: str = "") -> Incident:
        """What a run would be told of the crash that `code` ends with."""
        done = self.run(code)
        assert done.returncode != 0, "the fault does not bite"
        folder = self.path.parent / "incident"
        folder.mkdir(exist_ok=True)
        (folder / "log.txt").write_text(done.stderr)
        changes = "".join(f"\n- {commit[:10]} 2026-03-02 Dana: change" for commit in self.commits)
        told = f"{VERDICT}\nCategory: bad_data. It crashed.{triage}\nLast commits to that file:{changes}"
        files = self.git("ls-files", "services/vigil").splitlines()
        return read_incident(message(done.stderr, files, told))

    def offers(self, code: str, triage: str = "") -> list[Candidate]:
        """Every candidate for the crash of `code`, the likeliest first."""
        return self.offered(self.scene(code, triage))

    def scene(self, code: str, triage: str = "") -> Scene:
        """What a repair looks at, of the crash of `code`."""
        incident = self.incident(code, triage)
        assert incident.trouble is not None
        return Scene(incident, Desk(), incident.trouble, {})

    def tests(self, code: str, triage: str = "") -> tuple[Candidate, list[str]]:
        """The likeliest candidate, and the texts of the tests that may come with it."""
        scene = self.scene(code, triage)
        first = self.offered(scene)[0]
        return first, [text for _, text in drive(options(scene, first), self.bench()).tests]

    def offered(self, scene: Scene) -> list[Candidate]:
        """Every candidate for a scene, the likeliest first."""
        bench = self.bench()
        found: list[Candidate] = []
        for repair in (*REPAIRS, *LAST_RESORTS):
            found += drive(repair(scene), bench)
        return sorted(found, key=lambda one: one.rank)

    def mended(self, code: str, triage: str = "") -> str:
        """What `code` prints once the likeliest candidate is in; it is left in the checkout."""
        first = self.offers(code, triage)[0]
        for name, text in first.files.items():
            (self.path / name).write_text(text)
        for name, commit in first.restores.items():
            self.git("checkout", "-q", commit, "--", name)
        done = self.run(code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture
def service(tmp_path: Path) -> Service:
    made = Service(tmp_path / "marketswarm")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    return made


@pytest.fixture
def opening() -> Callable[..., str]:
    """Makes an incident message: crash text, files of the service, what triage found."""
    return message


@dataclass(slots=True)
class Pulse:
    """A whole small service that is booted in the box: its crash is real, and so is the heal of it."""

    path: Path
    state: Path
    isolation: Isolation

    def commit(self, *changes: tuple[str, str, str]) -> str:
        """One commit more: in the files (below the service), texts give way to others; none makes a file."""
        for name, old, new in changes:
            file = self.path / "services/pulse" / name
            text = file.read_text() if old else ""
            assert text.count(old) == 1 or not old, f"{name} has {old!r} {text.count(old)} times"
            file.write_text(text.replace(old, new) if old else new)
        Service(self.path).git("add", "--all", "--force")
        Service(self.path).git("commit", "-qm", "pulse: change")
        return Service(self.path).git("rev-parse", "HEAD").strip()

    def healed(self, *, values: Mapping[str, str] = {}, messages: Sequence[Any] = ()) -> Healed:
        """Boot the last commit with these values and messages, take its log, and heal by rules alone."""
        commit = Service(self.path).git("rev-parse", "HEAD").strip()
        folder = self.state / "incident"
        folder.mkdir(parents=True)
        held = {key: {"type": "string", "value": value} for key, value in values.items()}
        (folder / "incident.json").write_text(
            json.dumps({"id": "pulse-1", "service": "pulse", "commit": commit})
        )
        (folder / "snapshot.json").write_text(json.dumps({"heartbeats": {}}))
        (folder / "redis.json").write_text(json.dumps({"market-redis": held}))
        lines = [
            {"bus": "market-redis", "channel": "massive:spot", "data": json.dumps(one)} for one in messages
        ]
        (folder / "messages.jsonl").write_text("\n".join(map(json.dumps, lines)))
        repo = PrivateRepository(self.path, self.state / "boots")
        replay = Replay(
            repo, self.isolation, Path(sys.executable), IncidentFolder(folder), "pulse", commit, None
        )
        replayed = replay.at(commit)
        if "Connection closed by server" in replayed.report.everything:
            # Stopped in the midst of a command, which is no crash of the service: it is booted once more.
            replayed = replay.again(None)
        log = replayed.report.everything
        (folder / "log.txt").write_text(log)
        store = Store(self.state / "store")
        store.prepare()
        settings = Settings(repo=self.path, python=Path(sys.executable), sandbox={"test_runs": 1})
        plan = Plan(lambda case, emit: Builtin(), always_ask=True)
        result = heal(store.add(IncidentFolder(folder)), store, settings, plan, [].append)
        words = ("diff", "-U0", f"HEAD..{result.branch}") if result.branch else ("diff", "HEAD..HEAD")
        return Healed(result, Service(self.path).git(*words), log)


@dataclass(frozen=True, slots=True)
class Healed:
    """What a heal came to, the lines of its branch, and the log that it began with."""

    result: HealResult
    diff: str
    log: str

    @property
    def told(self) -> str:
        """All that a failed test should show."""
        tried = "\n".join(self.result.diagnosis.evidence) if self.result.diagnosis else ""
        return f"{self.result.outcome}: {self.result.summary}\n{tried}\n{self.log[-3000:]}\n{self.diff}"


@pytest.fixture
def pulse(tmp_path: Path) -> Pulse:
    if sys.platform != "linux":
        pytest.skip("a service is booted in a network of its own, which Linux has")
    path = tmp_path / "MarketSwarm"
    shutil.copytree(SWARM, path, ignore=shutil.ignore_patterns("__pycache__", "dotenv"))
    Service(path).git("init", "-q", "-b", "main")
    made = Pulse(path, tmp_path / "state", find_isolation())
    made.state.mkdir()
    made.commit()
    return made
