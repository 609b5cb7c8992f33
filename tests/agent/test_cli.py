"""The command line as a user meets it: output, errors with a remedy, exit codes."""

from __future__ import annotations

import json
import plistlib
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.model.prices import KNOWN_ON
from agent.store import Store
from evals.cases import INCIDENTS
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XAI_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "state"


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--state", str(state), *words])


def incident(folder: Path, **changes: object) -> Path:
    """A copy of a recorded incident under another name or commit."""
    shutil.copytree(INCIDENTS / FAULT.id, folder)
    file = folder / "incident.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return folder


def test_init_writes_what_doctor_reads(state: Path, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "marketswarm").path
    assert run(state, "init", "--repo", str(repo)).exit_code == 0
    assert f'\nrepo = "{repo}"\n' in Path("autohealer.toml").read_text(), "and no word of an example"
    again = run(state, "init", "--json")
    assert again.exit_code == 1
    assert "--force" in json.loads(again.output)["error"]
    told = run(state, "doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(told.output)}
    assert found["repository"]["state"] == "ok", told.output
    assert found["git"]["state"] == "ok"
    assert found["model grok-4"]["state"] == "note"
    assert "XAI_API_KEY" in found["model grok-4"]["remedy"]
    assert f"list prices of {KNOWN_ON}" in found["prices"]["found"]


@pytest.mark.parametrize(
    ("kind", "name"), [("systemd", "autohealer.service"), ("launchd", "autohealer.plist")]
)
def test_init_writes_a_unit_that_runs_the_watch(state: Path, tmp_path: Path, kind: str, name: str) -> None:
    told = run(state, "init", str(tmp_path / "there"), "--service", kind, "--json")
    unit = tmp_path / "there" / name
    assert json.loads(told.output)["written"][1] == str(unit)
    text = unit.read_text()
    for part in (sys.executable, "agent.cli", str(tmp_path / "there" / "autohealer.toml"), "watch"):
        assert part in text
    if kind == "launchd":
        plist = plistlib.loads(text.encode())
        assert plist["ProgramArguments"][-1] == "watch"
        assert plist["ExitTimeOut"] > 10


def test_doctor_asks_the_provider_whether_a_model_is_served(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Provider(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": [{"id": "own", "shutdown_date": "2027-01-14"}]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        sections = (f'[model.{name}]\nbase_url = "{url}"\n' for name in ("own", "gone"))
        (tmp_path / "autohealer.toml").write_text('models = ["own", "gone"]\n' + "".join(sections))
        found = {one["what"]: one for one in json.loads(run(state, "doctor", "--json").output)}
        server.shutdown()
    assert found["model own"]["state"] == "ok"
    assert "2027-01-14" in found["model own"]["found"]
    assert found["model gone"]["state"] == "note"
    assert "served are own" in found["model gone"]["remedy"]


def test_doctor_says_what_is_missing_and_exits_with_1(state: Path, tmp_path: Path) -> None:
    (tmp_path / "autohealer.toml").write_text(f'repo = "{tmp_path / "nowhere"}"\n')
    told = run(state, "doctor")
    assert told.exit_code == 1
    assert "MISSING repository" in told.output


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("show", "nothing"), 1, "autohealer incidents"),
        (("heal", "nothing"), 1, "autohealer incidents"),
        (("heal",), 2, "--service"),
        (("heal", "x", "--service", "vigil"), 2, "one of the two"),
        (("heal", "--service", "vigil"), 2, "--repo"),
        (("watch",), 2, "--repo"),
        (("publish", "x"), 2, "remote"),
        (("health",), 2, "--repo"),
        (("--config", "none.toml", "incidents"), 2, "autohealer init"),
        (("heal", "x", "--stop-after", "lunch"), 2, "lunch"),
    ],
)
def test_a_wrong_call_says_what_to_do(state: Path, words: tuple[str, ...], code: int, told: str) -> None:
    result = run(state, *words)
    assert result.exit_code == code, result.output
    assert told in result.output + result.stderr


def test_errors_are_json_too(state: Path) -> None:
    result = run(state, "show", "nothing", "--json")
    assert json.loads(result.output) == {
        "error": "there is no incident 'nothing': `autohealer incidents` lists them",
        "exit_code": 1,
    }


def test_incidents_and_show_tell_what_is_in_the_store(state: Path, tmp_path: Path) -> None:
    assert "no incidents" in run(state, "incidents").output
    store = Store(state)
    folder = store.add(IncidentFolder(incident(tmp_path / "one", id="vigil-1")))
    store.open_run(folder)
    listed = json.loads(run(state, "incidents", "--json").output)
    assert [(row["id"], row["outcome"], row["runs"]) for row in listed] == [("vigil-1", "interrupted", 1)]
    assert json.loads(run(state, "incidents", "--json", "--service", "mesh").output) == []
    assert "vigil-1" in run(state, "incidents").output
    assert "interrupted" in run(state, "show", "vigil-1").output
    assert run(state, "show", "vigil-1", "--run", "7").exit_code == 1


def test_a_folder_that_is_no_incident_and_an_unknown_commit_are_told(state: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "incident.json" in run(state, "heal", str(empty)).stderr
    elsewhere = incident(tmp_path / "elsewhere", commit="1" * 40)
    repo = make_repository(tmp_path / "marketswarm").path
    result = run(state, "heal", str(elsewhere), "--repo", str(repo))
    assert result.exit_code == 1
    assert "--commit" in result.stderr
    homeless = incident(tmp_path / "homeless", id="vigil-2")
    assert "--repo" in run(state, "heal", str(homeless)).stderr


@pytest.mark.slow
def test_the_rule_based_model_heals_without_a_key_and_is_named_honestly(state: Path, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "marketswarm").path
    folder = incident(tmp_path / "incident", commit=FAULT.apply(repo))
    (tmp_path / "autohealer.toml").write_text(f'repo = "{repo}"\npython = "{sys.executable}"\n')
    told = run(state, "heal", str(folder), "--model", "builtin", "--json")
    assert told.exit_code == 0, told.output
    result = json.loads(told.output)
    assert result["models"] == ["rule-based, no model"]
    assert result["cost_usd"] == 0
    argv = ["git", "log", "-1", "--format=%B", result["branch"]]
    message = subprocess.run(argv, cwd=repo, capture_output=True, text=True, check=True).stdout
    assert "Assisted-by: rule-based, no model" in message


def test_a_second_run_on_a_service_is_told_that_it_is_busy(state: Path, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "marketswarm").path
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=repo, capture_output=True, text=True, check=True)
    store = Store(state)
    store.prepare()
    store.add(IncidentFolder(incident(tmp_path / "one", id="vigil-1", commit=head.stdout.strip())))
    with store.hold("vigil"):
        result = run(state, "heal", "vigil-1", "--repo", str(repo))
    assert result.exit_code == 7
    assert "vigil" in result.stderr


@pytest.mark.slow
def test_a_persons_diff_is_judged_by_gate_and_proof(state: Path, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "marketswarm").path
    commit = FAULT.apply(repo)
    folder = incident(tmp_path / "incident", commit=commit)
    (tmp_path / "autohealer.toml").write_text(f'repo = "{repo}"\npython = "{sys.executable}"\n')
    outside = tmp_path / "outside.diff"
    outside.write_text("--- a/shared/logutil.py\n+++ b/shared/logutil.py\n@@ -1 +1 @@\n-x\n+y\n")
    refused = run(state, "verify", str(folder), "--diff", str(outside), "--json")
    assert refused.exit_code == 5, refused.output
    FAULT.mend(repo)
    diff = tmp_path / "fix.diff"
    diff.write_bytes(
        subprocess.run(["git", "diff", "services"], cwd=repo, capture_output=True, check=True).stdout
    )
    proven = run(state, "verify", str(folder), "--diff", str(diff), "--json")
    assert proven.exit_code == 0, proven.output
    told = json.loads(proven.output)
    assert told["proven"] is True
    assert told["proof"][0]["name"] == "in scope"
    alone = run(state, "verify", "--service", "vigil", "--diff", str(diff), "--json")
    assert alone.exit_code == 0, alone.output
    assert (json.loads(alone.output)["passed"], json.loads(alone.output)["proven"]) == (True, False)
