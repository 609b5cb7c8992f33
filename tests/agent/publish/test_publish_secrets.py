"""Secrets in log, Truth, environment, file, patch and answer: none is in anything that people are shown.

What is pushed is looked at in `test_publish_heal.py`; here are the runs whose patch does not leave: what
is told of them is a report, a page, a message, JSON.
"""

from __future__ import annotations

import html
import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.events import Noted
from agent.heal import Plan, StopAfter, heal
from agent.model.scripted import Scripted, called, said
from agent.report.again import tell_again
from agent.result import HealResult
from agent.settings import Settings
from agent.store import Run, Store
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.testbed.faults import FAULTS
from evals.testbed.repository import git, make_repository
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
SPOT = "services/vigil/intel/spot.py"
PLANTED = {
    "truth": "https://hooks.chat.invalid/services/FAKE0000/FAKE1111/notarealtoken2222",
    "log": "sk-proj-Zk3v9Qm2Xw7Lp5Rt8Yb1Nc4",
    "environment": "plantedS3cretOfTheShell77",
    "file": "xai-Qq7Rr6Ss5Tt4Uu3Vv2Ww1Xx9Yy8Zz7",
    "patch": "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "answer": "sk-ant-api03-Hh8Jj7Kk6Ll5Mm4Nn3Bb2Vv1Cc9",
}
ALL = " ".join(PLANTED.values())
CULPRIT = "        return (self.price - self.prev_close)"
NOTED = f"        # was asked with {PLANTED['file']}\n{CULPRIT}"
DIAGNOSIS = {
    "root_cause": f"DayMoveRule divides by a previous close that new instruments lack: {ALL}",
    "category": "bad_data",
    "culprit": {"file": SPOT, "line": 21, "function": "day_change_pct"},
    "evidence": [f"the log says {ALL}"],
    "fixable": True,
    "why_not": None,
    "risk": f"none but {ALL}",
    "confidence": 0.9,
    "operator_action": f"curl {PLANTED['truth']} -d {PLANTED['answer']}",
}


@dataclass(frozen=True)
class Ended:
    """A run with everything planted, and where it can be asked about."""

    result: HealResult
    store: Store
    repo: Path
    config: Path
    pages: list[str]
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def run(self) -> Run:
        return Run(Path(self.result.folder), self.result.run)

    def tell(self, *words: str) -> str:
        """What a command says."""
        return CliRunner().invoke(main, ["--config", str(self.config), *words]).output


@pytest.fixture
def ended(tmp_path: Path, start_forge: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`ended("patch")` heals with a model that first proposes a patch with a secret, then the right one."""
    forge = start_forge("github")
    monkeypatch.setenv("PLANTED_SECRET", PLANTED["environment"])

    def run(stop_after: StopAfter) -> Ended:
        repo = make_repository(tmp_path / "marketswarm").path
        FAULT.apply(repo)
        spot = repo / SPOT
        text = spot.read_text()
        assert CULPRIT in text
        spot.write_text(text.replace(CULPRIT, NOTED))
        git(repo, "-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-qam", "a note")
        store = Store(tmp_path / "state")
        store.prepare()
        folder = store.add(IncidentFolder(incident_at(tmp_path, git(repo, "rev-parse", "HEAD").strip())))
        settings = Settings(
            repo=repo, state=store.root, python=Path(sys.executable), sandbox={"test_runs": 1},
            notify={"webhook": f"{forge.url}/webhook", "settle_s": 0.0},
        )  # fmt: skip
        config = tmp_path / "autohealer.toml"
        config.write_text(f'repo = "{repo}"\nstate = "{store.root}"\n')
        model = Scripted([proposed(PLANTED["patch"]), proposed(""), said(json.dumps(DIAGNOSIS))])
        plan = Plan(lambda case, emit: model, stop_after=stop_after)
        result = heal(folder, store, settings, plan, lambda event: None)
        return Ended(result, store, repo, config, forge.pages)

    return run


def incident_at(folder: Path, commit: str) -> Path:
    incident = folder / "incident"
    shutil.copytree(INCIDENTS / FAULT.id, incident)
    file = incident / "incident.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "commit": commit}))
    log = (incident / "log.txt").read_text()
    planted = "await run(config, logger, stop)"
    assert planted in log
    (incident / "log.txt").write_text(log.replace(planted, f"{planted}  # ?apiKey={PLANTED['log']} {ALL}"))
    return incident


def proposed(secret: str) -> Any:
    """The right patch, in whose first new line a secret can be."""
    assert FAULT.fix is not None
    edits = []
    for edit in edits_of(FAULT.fix):
        texts = {name: getattr(edit, name).replace(CULPRIT, NOTED) for name in ("search", "replace")}
        edits.append({"path": edit.path, **texts, "restore": None, "delete": None})
    if secret:
        edits[0]["replace"] = f"{edits[0]['replace']}  # {secret}"
    return called(("propose_patch", {"edits": edits, "reason": f"so that {ALL}"}))


@contextmanager
def served(config: Path) -> Iterator[http.client.HTTPConnection]:
    argv = [sys.executable, "-m", "agent.cli", "--config", str(config), "serve", "--port", "0", "--json"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        yield http.client.HTTPConnection("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]), timeout=20)
    finally:
        process.terminate()
        process.communicate(timeout=15)


def everything_shown(ended: Ended) -> dict[str, str]:
    """Every text about the run that a person or a program is given, by where it is."""
    incident = ended.result.incident
    shown = {
        name: (ended.run.path / name).read_text() for name in ("report.md", "report.html", "result.json")
    }
    for words in (["show", incident], ["show", incident, "--postmortem"], ["show", incident, "--json"],
                  ["show", incident, "--journal"], ["incidents", "--json"], ["stats", "--json"]):  # fmt: skip
        shown[" ".join(words)] = ended.tell(*words)
    place = f"/incidents/{incident}/runs/{ended.result.run}"
    with served(ended.config) as connection:
        for path in ("/", "/now", "/stats", "/api/health/healer", "/api/health/healer/log?lines=500",
                     f"{place}/report.html", f"{place}/report.md", f"{place}/patch.diff"):  # fmt: skip
            connection.request("GET", path)
            answer = connection.getresponse()
            shown[path] = answer.read().decode()
            assert answer.status == 200, path
        connection.request("GET", "/events?since=2000")
        stream, told = connection.getresponse(), ""
        while '"event": "Ended"' not in told:
            told += stream.readline().decode()
        shown["/events"] = told
        connection.close()
    ends = time.monotonic() + 20
    while not any("has no fix" in page for page in ended.pages):
        assert time.monotonic() < ends, ended.pages
        time.sleep(0.05)
    return {**shown, "webhook": "\n".join(ended.pages)}


def nothing_is_betrayed(shown: dict[str, str]) -> None:
    found = [
        (where, name)
        for where, text in shown.items()
        for name, secret in PLANTED.items()
        if secret in html.unescape(text)
    ]
    assert found == []


def test_a_patch_with_a_secret_is_refused_and_nothing_that_is_told_holds_one(
    ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ended("patch")
    tools = [line for line in run.run.journal() if line["event"] == "ToolUsed"]
    assert [line["error"] for line in tools] == [True, False]
    assert "would hold what looks like a secret" in tools[0]["answer"]
    shown = everything_shown(run)
    nothing_is_betrayed(shown)
    for where in ("report.md", "report.html"):
        assert "(attached, not on a branch)" in shown[where], "the unproven patch is there"
        assert "was asked with [REDACTED" in shown[where], "with what it is beside"
    # Told again by a process that does not know the shell's secret any more.
    monkeypatch.delenv("PLANTED_SECRET")
    run.run.append(Noted("a person looked at it"))
    assert tell_again(run.run, Settings(state=run.store.root))
    again = {name: (run.run.path / name).read_text() for name in ("report.md", "report.html")}
    assert all("a person looked at it" in text for text in again.values())
    nothing_is_betrayed(again)


@pytest.mark.slow
def test_a_proven_patch_beside_a_secret_is_not_published(ended: Any) -> None:
    run = ended("branch")
    assert run.result.outcome == "refused", run.result.summary
    assert run.result.summary.startswith("secret: ")
    assert "autoheal" not in git(run.repo, "for-each-ref", "--format=%(refname)")
    nothing_is_betrayed(everything_shown(run))
