"""The command line where the world is odd: pipes that close, poor encodings, signals, wrong files, full disks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent import events
from agent.diagnosis import Category, Diagnosis
from agent.record import RunRecord
from agent.store import Store
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder

INCIDENT = "vigil-1"
LOG = b'Traceback (most recent call last):\n  File "services/vigil/main.py", line 3, in f\n\x1b]0;pwned\x07\n'
LOG += b"KeyError: 'SPX \xe2\x9c\x93 \x1b[31mred'\n"


class Place:
    """A checkout, a state folder with one incident of it, and the command as a process."""

    def __init__(self, root: Path) -> None:
        self.root, self.state = root, root / "state"
        self.repo = make_repository(root / "marketswarm").path
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=self.repo, capture_output=True, text=True)
        self.commit = head.stdout.strip()
        self.store = Store(self.state)
        self.store.prepare()
        self.folder = self.add(INCIDENT)

    def add(self, name: str, **said: str) -> IncidentFolder:
        path = self.state / "incidents" / name
        path.mkdir()
        told = {"id": name, "service": "vigil", "commit": self.commit, **said}
        (path / "incident.json").write_text(json.dumps(told))
        (path / "log.txt").write_bytes(LOG)
        return IncidentFolder(path)

    def start(self, *words: str, **said: str) -> subprocess.Popen[bytes]:
        env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
        env |= {"HOME": str(self.root), "AUTOHEALER_SANDBOX__ENABLED": "false", **said}
        argv = [sys.executable, "-m", "agent.cli", "--state", str(self.state), *words]
        return subprocess.Popen(
            argv, cwd=self.root, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard
        )

    def run(self, *words: str, **said: str) -> tuple[int, str, str]:
        process = self.start(*words, **said)
        out, err = process.communicate(timeout=60)
        return process.returncode, out.decode(), err.decode()

    @property
    def heal(self) -> tuple[str, ...]:
        return ("heal", INCIDENT, "--repo", str(self.repo), "--model", "builtin")

    def last(self) -> dict[str, object]:
        return self.store.runs(self.folder)[-1].result() or {}


def heard() -> None:
    """Ctrl-C is, also where these tests run in the background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def is_one_line(told: str) -> bool:
    return told.startswith("autohealer: ") and told.count("\n") == 1


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_a_reader_that_goes_away_does_not_decide_a_heal(place: Place, more: tuple[str, ...]) -> None:
    process = place.start(*place.heal, *more)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    told = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), told) == (3, b"")
    assert place.last()["outcome"] in ("diagnosed", "not_fixable")


def test_a_full_output_does_not_decide_a_heal(place: Place) -> None:
    command = f"{sys.executable} -m agent.cli --state {place.state} {' '.join(place.heal)} >/dev/full"
    told = subprocess.run(["sh", "-c", command], cwd=place.root, capture_output=True, timeout=60)
    assert (told.returncode, told.stderr) == (3, b"")
    assert place.last()["outcome"] in ("diagnosed", "not_fixable")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_that_knows_few_characters_gets_marks(place: Place, encoding: str) -> None:
    process = place.start(*place.heal, PYTHONIOENCODING=encoding)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (3, b"")
    assert b"answered" in out
    assert place.last()["outcome"] in ("diagnosed", "not_fixable")


def test_what_a_log_would_do_to_a_terminal_is_shown_as_text(place: Place) -> None:
    healed = place.run(*place.heal)[1]
    shown = place.run("show", INCIDENT)[1]
    report = (place.store.runs(place.folder)[-1].path / "report.md").read_text()
    assert "KeyError" in healed
    assert "KeyError" in shown
    assert "\x1b" not in healed + shown + report
    assert "\x07" not in healed + shown + report


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_heal_that_is_told_to_end_says_where_it_got(place: Place, number: signal.Signals) -> None:
    process = place.start(*place.heal, "--json")
    until = time.monotonic() + 30
    while not list(place.folder.path.glob("runs/*/journal.jsonl")) and time.monotonic() < until:
        time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    told = json.loads(out)
    assert err == b""
    assert f"go on with `autohealer heal {INCIDENT}`" in told["error"]
    assert str(place.folder.path / "runs" / "1") in told["error"]
    if number == signal.SIGINT:
        assert (process.returncode, told["exit_code"]) == (130, 130)
        assert place.last()["outcome"] == "interrupted"
    else:
        assert process.returncode == -number
        assert place.last() == {}, "the run can be gone on with"


def test_ctrl_c_before_anything_is_read_is_130(place: Place) -> None:
    reached = []
    for wait in (0.1, 0.2, 0.3):
        process = place.start(*place.heal, "--json")
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode in (130, -signal.SIGINT), err
        assert b"Aborted" not in out + err
        reached += [json.loads(out)["exit_code"]] if out else []
    assert set(reached) <= {130}


@pytest.mark.slow
def test_a_start_that_fails_is_no_run_and_the_last_repository_is_known(place: Place) -> None:
    code, _, told = place.run("heal", INCIDENT)
    assert (code, is_one_line(told), "--repo" in told) == (2, True, True)
    code, _, told = place.run("heal", INCIDENT, "--repo", str(place.root / "none"))
    assert (code, is_one_line(told)) == (2, True)
    assert place.store.runs(place.folder) == []
    assert place.run(*place.heal)[0] == 3
    code, _, _ = place.run("heal", INCIDENT, "--model", "builtin")
    assert (code, str(place.repo)) == (3, place.store.runs(place.folder)[-1].journal()[0]["repo"])
    place.run("heal", INCIDENT, "--repo", str(place.root))
    assert len(place.store.runs(place.folder)) == 2


def test_a_killed_run_tells_what_it_found_and_how_to_go_on(place: Place) -> None:
    proven, killed = place.store.open_run(place.folder), place.store.open_run(place.folder)
    proven.write("result.json", json.dumps({"branch": "autoheal/vigil/x", "branch_commit": "a" * 40}))
    said = Diagnosis(root_cause="no price", category=Category.BAD_DATA, fixable=True, confidence=0.5)
    killed.write("diagnosis.json", said.model_dump_json())
    killed.write("patch.diff", "diff")
    told = place.run("show", INCIDENT)[1]
    for part in (
        f"run 2 was interrupted; go on with `autohealer heal {INCIDENT}`",
        "bad_data: no price",
        str(killed.path / "patch.diff"),
        f"run 1 made autoheal/vigil/x at {'a' * 12}",
    ):
        assert part in told
    with place.store.hold("vigil"):
        assert "right now" in place.run("show", INCIDENT)[1]


def test_a_full_state_folder_does_not_hide_a_branch(place: Place) -> None:
    heard: list[events.Event] = []
    record = RunRecord(place.store.open_run(place.folder), heard.append)
    for file in record.run.path.parent.glob("*"):
        file.rmdir()
    with pytest.raises(OSError, match="No such file"):
        record.emit(events.Noted("nothing is made yet"))
    record.emit(events.BranchMade("refs/heads/autoheal/vigil/x", "a" * 40))
    result = record.close(place.folder, "branch", "made")
    record.end(result)
    assert (result.branch, result.branch_commit) == ("autoheal/vigil/x", "a" * 40)
    assert [note for note in result.notes if "cannot be written" in note]
    assert [one for one in heard if isinstance(one, events.BranchMade)]


@pytest.mark.slow
def test_a_path_or_file_that_cannot_be_used_is_one_line(place: Place) -> None:
    latin, binary = place.root / "latin.diff", place.root / "token"
    latin.write_bytes(b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-caf\xe9\n+x\n")
    binary.write_bytes(bytes(range(256)))
    export = ("--fix", str(place.commit))
    for words in (
        ("verify", INCIDENT, "--diff", str(latin), "--repo", str(place.repo)),
        ("verify", INCIDENT, "--diff", str(binary), "--repo", str(place.repo)),
        ("init", "/proc/xx"),
        ("init", "--repo", "/nonexist"),
        ("stats", "--html", "/nonexist/x.html"),
        ("serve", "--token-file", str(binary)),
        ("incidents", "export", INCIDENT, "--into", "/proc/xx", "--category", "bad_data", *export),
    ):
        code, out, told = place.run(*words)
        assert (code in (1, 2), out, is_one_line(told)) == (True, "", True), (words, told)
    command = f"{sys.executable} -m agent.cli --state {place.state} incidents"
    for more in ("", " --json"):
        full = subprocess.run(["sh", "-c", f"{command}{more} >/dev/full"], capture_output=True, text=True)
        assert (full.returncode, is_one_line(full.stderr)) == (1, True), full.stderr


def test_a_wrong_checkout_is_told_as_such(place: Place) -> None:
    empty = place.root / "empty"
    subprocess.run(["git", "init", "-q", str(empty)], check=True)
    for words, part in (
        (("heal", "--service", "vigil", "--repo", str(empty)), "no MarketSwarm checkout"),
        (("health", "--repo", "/nonexist"), "/nonexist does not exist"),
        (("watch", "--repo", "/nonexist"), "/nonexist does not exist"),
        (("watch", "--repo", str(empty)), "no MarketSwarm checkout"),
        (("verify", "--service", "vigil", "--diff", "/dev/null"), "--repo"),
        (("heal", INCIDENT), "--repo"),
    ):
        code, _, told = place.run(*words)
        assert (code, part in told, is_one_line(told)) == (2, True, True), (words, told)
    (empty / "services").mkdir()
    code, _, told = place.run("watch", "--repo", str(empty))
    assert (code, is_one_line(told)) == (2, True), told


def test_a_wrong_call_is_json_where_json_was_asked_for(place: Place) -> None:
    for words in (("heal", "--json"), ("incidents", "--limit", "0", "--json"), ("nosuch", "--json")):
        code, out, err = place.run(*words)
        assert (code, json.loads(out)["exit_code"], err) == (2, 2, "")


def test_a_taken_port_names_the_way_out(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, told = place.run("serve", "--port", str(taken.getsockname()[1]))
    assert (code, "--port 0" in told) == (2, True), told


@pytest.mark.slow
def test_lists_and_counts_tell_what_they_left_out(place: Place) -> None:
    broken = place.add("broken")
    (broken.path / "incident.json").write_text("{")
    listed = {row["id"]: row["outcome"] for row in json.loads(place.run("incidents", "--json")[1])}
    assert listed == {INCIDENT: "captured", "broken": "unreadable"}
    for words in (("--service", "nosuch"), ("--outcome", "nosuch")):
        assert "none of the 1 incidents is so" in place.run("incidents", *words)[1]
    run = place.store.open_run(place.folder)
    run.write("result.json", json.dumps({"outcome": "branch", "branch": "x", "branch_commit": "a" * 40}))
    assert "1 not looked up: --repo" in " ".join(place.run("stats")[1].split())


@pytest.mark.slow
def test_a_unit_does_not_touch_settings_and_stands_paths_with_spaces(place: Place) -> None:
    inside = place.repo / "my folder"
    inside.mkdir()
    code, out, _ = place.run("init", str(inside))
    assert (code, str(place.repo) in out) == (0, True)
    settings = inside / "autohealer.toml"
    settings.write_text(settings.read_text() + "\n# mine\n")
    code, out, _ = place.run("init", str(inside), "--service", "systemd")
    assert (code, f"'{inside / 'autohealer.service'}'" in out) == (0, True), out
    unit = (inside / "autohealer.service").read_text()
    assert f'--config "{settings}" watch' in unit
    assert place.run("init", str(inside), "--service", "systemd")[0] == 1
    assert place.run("init", str(inside), "--service", "systemd", "--force")[0] == 0
    assert settings.read_text().endswith("# mine\n")
    assert "no repository is named" in place.run("init", str(place.root / "b"), "--service", "systemd")[1]
