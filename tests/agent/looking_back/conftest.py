"""A store with a past: incidents of several services, their runs, and a repository with their branches."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.store import Store
from agent.watch.tickets import Ticket, write_ticket
from tools.incident import IncidentFolder

TRACE = (
    "Starting {service} at 2026-11-01\nTraceback (most recent call last):\n"
    '  File "services/{service}/main.py", line 3, in work\n    {{}}["{key}"]\nKeyError: \'{key}\'\n'
)


@dataclass
class History:
    """Writes incidents as a watch and its heals would have left them."""

    store: Store
    repo: Path
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def git(self, *words: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
        argv = ["git", "-C", str(self.repo), *identity, *words]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def incident(
        self, name: str, age: timedelta, service: str = "vigil", key: str | None = None
    ) -> IncidentFolder:
        """A captured incident; `key` tells one fault from another."""
        folder = self.store.root / "incidents" / name
        folder.mkdir(parents=True)
        at = (self.now - age).isoformat()
        told = {"id": name, "service": service, "commit": "a" * 40, "detected_at": at, "repo": str(self.repo)}
        (folder / "incident.json").write_text(json.dumps(told))
        (folder / "log.txt").write_text(TRACE.format(service=service, key=key or name))
        return IncidentFolder(folder)

    def run(
        self,
        incident: IncidentFolder,
        outcome: str,
        *,
        branch: bool = False,
        costs: dict[str, float | None] | None = None,
        **result: Any,
    ) -> None:
        """A finished run: diagnosis after 10 s, branch after 30 s, a request by each model of `costs`."""
        run = self.store.open_run(incident)
        told = incident.incident()
        begun = told.detected_at or self.now
        events: list[tuple[float, dict[str, Any]]] = [(0, {"event": "Started", "service": told.service})]
        for model, cost in (costs or {}).items():
            asked = {
                "event": "Asked",
                "served": model,
                "input_tokens": 1000,
                "output_tokens": 10,
                "cost_usd": cost,
            }
            events.append((5, asked))
        events.append((10, {"event": "Diagnosed", "category": "bad_data"}))
        if branch:
            events.append((30, {"event": "BranchMade"}))
        lines = [json.dumps({"at": (begun + timedelta(seconds=s)).isoformat(), **e}) for s, e in events]
        (run.path / "journal.jsonl").write_text("\n".join(lines) + "\n")
        name = f"autoheal/{told.service}/{told.id}" if branch else None
        commit = self.branch(name, told.id) if name else None
        known = [cost for cost in (costs or {}).values() if cost is not None]
        values = {
            "incident": told.id, "run": run.number, "service": told.service, "commit": told.commit,
            "outcome": outcome, "summary": f"{told.id} ended as {outcome}", "branch": name, "branch_commit": commit,
            "diagnosis": {"root_cause": "x", "category": "bad_data", "fixable": branch, "confidence": 0.9},
            "cost_usd": sum(known), **result,
        }  # fmt: skip
        run.write("result.json", json.dumps(values))

    def branch(self, name: str, content: str) -> str:
        """A branch off main with one commit."""
        self.git("checkout", "-q", "-b", name, "main")
        (self.repo / f"{content}.txt").write_text(content)
        self.git("add", ".")
        self.git("commit", "-q", "-m", content)
        self.git("checkout", "-q", "main")
        return self.git("rev-parse", name)

    def merge(self, incident: IncidentFolder) -> None:
        self.git(
            "merge",
            "-q",
            "--no-ff",
            "-m",
            "merge",
            f"autoheal/{incident.incident().service}/{incident.path.name}",
        )

    def ticket(self, incident: IncidentFolder, state: Any, age: timedelta) -> Ticket:
        opened = (self.now - age).timestamp()
        ticket = Ticket(incident.path.name, incident.incident().service, state, opened=opened)
        return write_ticket(incident.path.parent, ticket)

    def cli(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["--state", str(self.store.root), *words])

    def names(self) -> set[str]:
        return {folder.path.name for folder in self.store.incidents()}


@pytest.fixture
def history(tmp_path, monkeypatch) -> History:
    monkeypatch.chdir(tmp_path)
    repo = tmp_path / "repo"
    repo.mkdir()
    store = Store(tmp_path / "state")
    store.prepare()
    history = History(store, repo)
    history.git("init", "-q", "-b", "main")
    (repo / "a.txt").write_text("a")
    history.git("add", ".")
    history.git("commit", "-q", "-m", "first")
    return history


def days(count: float) -> timedelta:
    return timedelta(days=count)


@pytest.fixture
def past(history) -> History:
    """Five incidents: merged, the same fault again with an open branch, declined, not fixable, captured."""
    merged = history.incident("vigil-1", days(9), key="SPX")
    history.run(merged, "failed", costs={"grok-4": 0.01})
    history.run(merged, "branch", branch=True, costs={"grok-4": 0.02, "gpt-4o-mini": 0.001})
    history.merge(merged)
    history.run(
        history.incident("vigil-2", days(7), key="SPX"), "branch", branch=True, costs={"grok-4": 0.03}
    )
    declined = history.incident("mesh-1", days(5), "mesh")
    history.run(declined, "branch", branch=True, costs={"local": None})
    history.git("branch", "-q", "-D", "autoheal/mesh/mesh-1")
    history.ticket(declined, "declined", days(5))
    history.run(history.incident("sse-1", days(3), "sse", key="opening"), "not_fixable")
    history.incident("sse-2", days(2), "sse", key="closing")
    return history
