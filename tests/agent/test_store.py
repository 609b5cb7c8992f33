"""The store: folders, journal, locks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.events import Ended, Noted
from agent.store import Busy, StateError, Store
from tools.incident import IncidentError, IncidentFolder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "state")
    store.prepare()
    return store


def incident_folder(path: Path, **changes: object) -> IncidentFolder:
    path.mkdir(parents=True)
    values = {"id": "vigil-1", "service": "vigil", "commit": "a" * 40, **changes}
    (path / "incident.json").write_text(json.dumps(values))
    (path / "log.txt").write_text("Traceback\n")
    (path / "snapshot.json").write_text("{}")
    return IncidentFolder(path)


def test_state_is_readable_by_its_owner_alone(store: Store) -> None:
    assert store.root.stat().st_mode & 0o777 == 0o700


def test_a_file_in_the_place_of_the_state_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StateError, match="--state"):
        Store(tmp_path / "state").prepare()


def test_a_folder_from_elsewhere_is_copied_and_keeps_its_runs(store: Store, tmp_path: Path) -> None:
    source = incident_folder(tmp_path / "elsewhere")
    first = store.add(source)
    run = store.open_run(first)
    (source.path / "truth.json").write_text("{}")
    again = store.add(source)
    assert again == first
    assert again.truth() == {}, "what was not captured yet is added"
    assert [r.number for r in store.runs(again)] == [run.number] == [1]
    assert store.find("vigil-1").incident().service == "vigil"


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("log.txt", ""),
        ("log.txt", "Traceback of another\n"),
        ("snapshot.json", '{"score": 1.0}'),
        ("incident.json", json.dumps({"id": "vigil-1", "service": "massive", "commit": "a" * 40})),
    ],
)
def test_another_crash_under_the_same_id_replaces_nothing(
    store: Store, tmp_path: Path, file: str, content: str
) -> None:
    kept = store.add(incident_folder(tmp_path / "one"))
    other = incident_folder(tmp_path / "other")
    (other.path / file).write_text(content)
    with pytest.raises(IncidentError, match=r"another incident.*is kept.*autohealer heal vigil-1"):
        store.add(other)
    assert kept.log.read_text() == "Traceback\n"
    assert kept.incident().service == "vigil"
    assert (kept.path / "snapshot.json").read_text() == "{}"


def test_a_folder_without_a_log_is_incomplete(store: Store, tmp_path: Path) -> None:
    source = incident_folder(tmp_path / "elsewhere")
    source.log.unlink()
    with pytest.raises(IncidentError, match=r"has no log\.txt"):
        store.add(source)
    assert store.incidents() == []


def test_a_log_that_is_a_link_or_a_pipe_is_refused(store: Store, tmp_path: Path) -> None:
    linked = incident_folder(tmp_path / "linked")
    linked.log.unlink()
    linked.log.symlink_to("/etc/passwd")
    pipe = incident_folder(tmp_path / "pipe", id="vigil-2")
    pipe.log.unlink()
    os.mkfifo(pipe.log)
    for source in (linked, pipe):
        with pytest.raises(IncidentError, match="regular file"):
            store.add(source)


@pytest.mark.parametrize("name", ["../locks", "..", "nothing", "vigil-1/runs"])
def test_an_id_that_is_none_is_told_with_the_remedy(store: Store, tmp_path: Path, name: str) -> None:
    store.add(incident_folder(tmp_path / "elsewhere"))
    with pytest.raises(IncidentError, match="autohealer incidents"):
        store.find(name)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"service": "../x"}, "service"),
        ({"commit": "HEAD; rm"}, "commit"),
        ({"id": "a/b"}, "id"),
        ({"detected_at": "yesterday"}, "detected_at"),
    ],
)
def test_a_bad_incident_names_the_field(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    with pytest.raises(IncidentError, match=rf"incident.json: {told}"):
        incident_folder(tmp_path / "bad", **changes).incident()


def test_unknown_fields_of_other_collectors_are_tolerated(tmp_path: Path) -> None:
    folder = incident_folder(tmp_path / "odd", colour="red")
    (folder.path / "snapshot.json").write_text(
        json.dumps({"redis": {"echo-redis": {"alive": True, "x": 1}}, "y": 2})
    )
    assert folder.incident().id == "vigil-1"
    assert folder.snapshot().redis["echo-redis"].alive is True
    assert folder.redis_values() == {}
    assert folder.messages() == []


def test_a_journal_survives_a_line_that_a_kill_cut_short(store: Store, tmp_path: Path) -> None:
    run = store.open_run(store.add(incident_folder(tmp_path / "elsewhere")))
    run.append(Noted("one"))
    run.append(Ended("branch", "done", 1.0, 0.0))
    with (run.path / "journal.jsonl").open("a") as journal:
        journal.write('{"event": "Not')
    assert [line["event"] for line in run.journal()] == ["Noted", "Ended"]
    assert run.result() is None


def test_runs_are_numbered_on(store: Store, tmp_path: Path) -> None:
    folder = store.add(incident_folder(tmp_path / "elsewhere"))
    assert [store.open_run(folder).number for _ in range(11)] == list(range(1, 12))
    assert [run.number for run in store.runs(folder)] == list(range(1, 12))


def test_one_run_at_a_time_on_one_service_across_processes(store: Store) -> None:
    script = (
        "import sys; from pathlib import Path; from agent.store import Store\n"
        "with Store(Path(sys.argv[1])).hold('vigil'):\n print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", script, str(store.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    with pytest.raises(Busy, match="vigil"), store.hold("vigil"):
        pass
    with store.hold("massive"):
        other.kill()
        other.communicate()
    with store.hold("vigil"):
        assert (store.root / "locks" / "vigil.lock").exists()
