"""A browser that is told to reach nothing, and a run folder made by a whole heal."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.heal import Plan, heal
from agent.model.scripted import Scripted, called, said
from agent.result import HealResult
from agent.settings import Settings
from agent.store import Store
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder

CHROMIUM = Path("/usr/bin/chromium")
FAULT = FAULTS["vigil-relative-move"]
SECRET = "xai-" + "A1b2C3d4" * 6
HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    "</pre></details><style>body{display:none}</style> \x1b[31mred\x1b[0m \u202e {{ 7*7 }} '\"&amp;"
)


@dataclass(frozen=True, slots=True)
class Healed:
    """A finished run on an incident whose log and model both try to break out of the page."""

    store: Store
    folder: IncidentFolder
    repo: Path
    result: HealResult

    @property
    def page(self) -> Path:
        return Path(self.result.folder) / "report.html"


@dataclass(frozen=True, slots=True)
class Browser:
    """Headless Chromium by its command line."""

    profile: Path

    def run(self, page: str, width: int, height: int, *words: str) -> str:
        """What it prints for a page; raises when it ends badly."""
        argv = [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--hide-scrollbars", f"--user-data-dir={self.profile}", f"--window-size={width},{height}", *words, page,
        ]  # fmt: skip
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=90).stdout

    def dom(self, page: str, width: int = 1280) -> str:
        return self.run(page, width, 900, "--dump-dom")

    def shot(self, page: str, target: Path, width: int, height: int) -> bytes:
        self.run(page, width, height, f"--screenshot={target}")
        return target.read_bytes()


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium here")
    return Browser(tmp_path / "profile")


def diagnosis() -> str:
    return json.dumps(
        {
            "root_cause": f"DayMoveRule divides by `prev_close` that is missing. {HOSTILE} key {SECRET}",
            "category": "bad_data",
            "culprit": {"file": "services/vigil/intel/spot.py", "line": 20, "function": "day_change_pct"},
            "evidence": ["services/vigil/intel/spot.py:20"],
            "fixable": True,
            "why_not": None,
            "risk": None,
            "confidence": 0.9,
            "operator_action": None,
        }
    )


def patch() -> dict[str, Any]:
    rest = {"restore": None, "delete": None}
    assert FAULT.fix is not None
    edits = [{"path": e.path, "search": e.search, "replace": e.replace, **rest} for e in edits_of(FAULT.fix)]
    return {"edits": edits, "reason": f"because {SECRET}"}


@pytest.fixture(scope="session")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Healed:
    """A heal that ends with a proof and no branch; hostile text and a secret are planted everywhere."""
    folder = tmp_path_factory.mktemp("page")
    repo = make_repository(folder / "marketswarm").path
    commit = FAULT.apply(repo)
    incident = folder / "incident"
    shutil.copytree(INCIDENTS / FAULT.id, incident)
    recorded = json.loads((incident / "incident.json").read_text())
    (incident / "incident.json").write_text(json.dumps({**recorded, "commit": commit}))
    log = (incident / "log.txt").read_text().replace("5 rules:", f"{HOSTILE} api_key={SECRET} 5 rules:")
    (incident / "log.txt").write_text(log)
    store = Store(folder / "state")
    store.prepare()
    added = store.add(IncidentFolder(incident))
    settings = Settings(repo=repo, python=Path(sys.executable), sandbox={"test_runs": 1})
    look = called(("read_log", {"service": None, "part": "crash", "lines": None, "before": None}))
    model = Scripted([look, called(("propose_patch", patch())), said(diagnosis())])
    plan = Plan(lambda case, emit: model, stop_after="prove")
    result = heal(added, store, settings, plan, lambda event: None)
    return Healed(store, added, repo, result)
