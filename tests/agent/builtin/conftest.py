"""A small service with a fault: really run, really read by the tools, and run again with what is offered."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.model.builtin.desk import Desk
from agent.model.builtin.incident import Incident, read_incident
from agent.model.builtin.repairs import REPAIRS
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.talk import Asking, Call
from agent.texts import fill_prompt
from tools.incident import IncidentFolder
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

    def bench(self) -> Workbench:
        none = cast(Any, None)
        return Workbench(IncidentFolder(Path("unused")), "vigil", Repository(self.path, "HEAD"), none, str)

    def incident(self, code: str, triage: str = "") -> Incident:
        """What a run would be told of the crash that `code` ends with."""
        done = self.run(code)
        assert done.returncode != 0, "the fault does not bite"
        changes = "".join(f"\n- {commit[:10]} 2026-03-02 Dana: change" for commit in self.commits)
        told = f"{VERDICT}\nCategory: bad_data. It crashed.{triage}\nLast commits to that file:{changes}"
        files = self.git("ls-files", "services/vigil").splitlines()
        return read_incident(message(done.stderr, files, told))

    def offers(self, code: str, triage: str = "") -> list[Candidate]:
        """Every candidate for the crash of `code`, the likeliest first."""
        incident = self.incident(code, triage)
        assert incident.trouble is not None
        scene, bench = Scene(incident, Desk(), incident.trouble, {}), self.bench()
        found: list[Candidate] = []
        for repair in REPAIRS:
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
