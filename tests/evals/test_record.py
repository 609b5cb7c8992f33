"""The recorder: what it rewrites, what it refuses to keep, and that a recording can be made again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from evals.cases import INCIDENTS, load_case, load_cases
from evals.commands.incident import command
from evals.production import ROOT, Machine, TraceError
from evals.reproduce import RESULT, differences, reproduce


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    ports = {"system-redis": 45881, "market-redis": 38581, "copilot": 40123, "mysql": 41306}
    return Machine(tmp_path / "MarketSwarm", tmp_path, Path(sys.executable), ports)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("redis://127.0.0.1:45881", "redis://127.0.0.1:6379"),
        ("connecting to localhost:38581.", "connecting to localhost:6380."),
        ("Connect call failed ('127.0.0.1', 38581)", "Connect call failed ('127.0.0.1', 6380)"),
        ('"port": 40123, "net": 40123', '"port": 8095, "net": 40123'),
        ("·   MYSQL_PORT = 41306", "·   MYSQL_PORT = 3306"),
        ('"MYSQL_PORT": "41306"', '"MYSQL_PORT": "3306"'),
        ("·   http port = 40123", "·   http port = 8095"),
        ("connect ECONNREFUSED ::1:38581", "connect ECONNREFUSED ::1:6380"),
        ("127.0.0.1:458811", "127.0.0.1:458811"),
        ('{"net":45881,"oi":38581}', '{"net":45881,"oi":38581}'),
    ],
)
def test_ports_are_those_of_production_and_other_numbers_stay(
    machine: Machine, ours: str, theirs: str
) -> None:
    assert machine.rewrite(ours) == theirs


def test_paths_are_those_of_production(machine: Machine) -> None:
    assert (
        machine.rewrite(f'File "{machine.repo}/services/vigil/main.py"')
        == f'File "{ROOT}/services/vigil/main.py"'
    )
    assert machine.rewrite(str(machine.python)) == f"{ROOT}/.venv/bin/python"
    assert machine.rewrite(f"{sys.base_prefix}/lib/python3/x.py") == "/usr/local/lib/python3/x.py"
    assert machine.rewrite(f"{machine.scratch}/run/home") == "/Users/ernie/run/home"


def test_what_still_tells_of_the_machine_is_refused(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, home = tmp_path / "incident", tmp_path.parent / "somebody"
    monkeypatch.setenv("HOME", str(home))
    folder.mkdir()
    (folder / "log.txt").write_text(f"{machine.repo}/a.py\n")
    machine.as_production(folder)
    assert (folder / "log.txt").read_text() == f"{ROOT}/a.py\n"
    (folder / "log.txt").write_text(f"cannot read {home}/.netrc\n")
    with pytest.raises(TraceError, match=r"log\.txt"):
        machine.as_production(folder)


def test_a_fault_that_does_not_exist_is_a_usage_error() -> None:
    told = CliRunner().invoke(command, ["no-such-fault"])
    assert told.exit_code == 2
    assert "there are vigil-relative-move" in told.output


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rss-service-name", "mesh-module-missing", "copilot-port-taken"])
def test_a_recording_can_be_made_again(name: str) -> None:
    assert reproduce(load_case(INCIDENTS / name)) == ""


def test_two_recordings_of_different_crashes_are_told_apart() -> None:
    one, other = load_case(INCIDENTS / "vigil-relative-move"), load_case(INCIDENTS / "vigil-market-redis")
    assert list(differences(one, one)) == []
    told = "\n".join(differences(one, other))
    for part in ("commit: ", "truth: ", "crash: ", "TypeError", "ConnectionError", "alive: ", "market-redis"):
        assert part in told


def test_every_incident_came_out_the_same_when_it_was_recorded_again() -> None:
    """`python -m evals.reproduce` writes down what came of each, and when."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    assert set(result) == set(load_cases())
    assert {name: entry["differs"] for name, entry in result.items() if entry["differs"]} == {}
    assert all(len(entry["commit"]) == 40 and entry["date"] for entry in result.values())
