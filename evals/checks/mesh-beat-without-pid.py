# ruff: noqa: N999
from services.mesh.intel.roster import Roster, parse_beat


def check_a_beat_without_a_pid_is_a_beat():
    assert parse_beat('{"service": "x", "ts": 5}') == (5, None)
    assert parse_beat('{"service": "x", "ts": 1795352691342}')[0] == 1795352691.342


def check_pids_are_numbers():
    assert parse_beat('{"ts": 5, "pid": "12"}') == (5, 12)
    assert parse_beat('{"ts": 5, "pid": 12}') == (5, 12)


def check_it_is_on_the_roster():
    roster = Roster()
    roster.update({"x": ('{"ts": 5}', 10), "y": ('{"ts": 5, "pid": 1}', 10)}, now=6)
    roster.update({"x": ('{"ts": 7}', 10), "y": ('{"ts": 7, "pid": 2}', 10)}, now=8)
    assert roster.members["x"].restarts == 0
    assert roster.members["x"].as_dict(8)["restarted_at"] is None
    assert roster.members["y"].as_dict(8)["restarted_at"] == 8


def check_what_is_no_beat_is_none():
    assert parse_beat("no json") == (None, None)
