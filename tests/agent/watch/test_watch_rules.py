"""The rules of the watch as data: what holds heals back, and which deaths have one cause."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, time

import pytest

from agent.watch.alerts import service_of
from agent.watch.correlate import Cause, Fate, Outage, cause_of
from agent.watch.endings import ending_of
from agent.watch.listen import CHANNEL_BYTES, Ring
from agent.watch.outage import report_of
from agent.watch.picture import Ending
from agent.watch.restraint import Restraint, judge
from agent.watch.signals import Signal
from agent.watch.tickets import Ticket, cost_of, last_result, read_tickets, settled_deaths, write_ticket
from tools.capture import Heard
from tools.truth import Use

NOW = 1_795_000_000.0
OPEN = {"enabled": True, "healing": (), "full": False}


def ticket(service: str = "vigil", ago: float = 0.0, **more: object) -> Ticket:
    return Ticket(f"{service}-{ago:g}", service, "ended", started=NOW - ago, signature="s1", **more)


def new(**more: object) -> Ticket:
    return Ticket("vigil-new", "vigil", "queued", signature="s1", **more)


def test_nothing_stands_in_the_way_of_a_first_heal():
    assert judge(new(), [], Restraint(), NOW, **OPEN).do == "start"
    assert judge(new(), [ticket("mesh", 5)], Restraint(), NOW, **OPEN).do == "start"


@pytest.mark.parametrize(
    ("earlier", "rules", "how", "words"),
    [
        ([ticket(ago=599)], Restraint(), {}, "1 s of its cooldown"),
        ([], Restraint(), {"enabled": False}, "switched off"),
        ([], Restraint(dry_run=True), {}, "dry run"),
        ([ticket(ago=a) for a in (1000, 2000, 3000)], Restraint(), {}, "left to people"),
        ([ticket("mesh", 1000, cost_usd=2.0)], Restraint(budget_usd=2.0), {}, "day's budget of $2 is"),
        ([ticket(ago=1000, cost_usd=1.5)], Restraint(service_budget_usd=1.0), {}, "for vigil is spent"),
    ],
)
def test_what_is_refused_says_why(earlier, rules, how, words):
    verdict = judge(new(), earlier, rules, NOW, **{**OPEN, **how})
    assert verdict.do == "refuse" and words in verdict.reason


@pytest.mark.parametrize(
    ("earlier", "rules"),
    [
        ([ticket(ago=601)], Restraint()),
        ([ticket(ago=a) for a in (90_000, 91_000, 92_000)], Restraint()),
        ([replace(ticket(ago=a), signature="s2") for a in (1000, 2000, 3000)], Restraint()),
        ([ticket(ago=90_000, cost_usd=9.0)], Restraint(budget_usd=2.0)),
        ([ticket("mesh", 1000, cost_usd=9.0)], Restraint(service_budget_usd=1.0)),
    ],
)
def test_what_is_over_or_anothers_does_not_count(earlier, rules):
    assert judge(new(), earlier, rules, NOW, **OPEN).do == "start"


def test_what_must_wait():
    assert judge(new(), [], Restraint(), NOW, enabled=True, healing=("vigil",), full=False).do == "wait"
    assert judge(new(), [], Restraint(), NOW, enabled=True, healing=("mesh",), full=True).do == "wait"


@pytest.mark.parametrize(
    ("hours", "clock", "quiet"),
    [
        (("22:00", "06:00"), "23:30", True),
        (("22:00", "06:00"), "05:59", True),
        (("22:00", "06:00"), "06:00", False),
        (("12:00", "13:00"), "12:30", True),
        (("12:00", "13:00"), "23:30", False),
    ],
)
def test_quiet_hours_are_local_and_may_span_midnight(hours, clock, quiet):
    now = datetime.combine(datetime(2026, 11, 22), time.fromisoformat(clock)).timestamp()
    rules = Restraint(quiet=(time.fromisoformat(hours[0]), time.fromisoformat(hours[1])))
    verdict = judge(new(), [], rules, now, **OPEN)
    assert verdict.do == ("wait" if quiet else "start")


def test_a_heal_that_was_cut_short_goes_on_within_its_own_cooldown():
    earlier = [ticket(ago=10)]
    assert judge(new(attempts=1), earlier, Restraint(), NOW, **OPEN).do == "start"


CRASH = Ending("crash", "KeyError: 'SPX'", "f1")
REFUSED = Ending("crash", "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6380", "f2")
SILENT = Ending("silent")


def fate(service: str, at: float = 0.0, ending: Ending = SILENT, **more: object) -> Fate:
    return Fate(service, NOW + at, ending, **more)


def test_a_death_alone_has_no_common_cause():
    assert cause_of(fate("vigil"), {}, []) is None
    assert cause_of(fate("vigil", upstreams=("massive",)), {"mesh": fate("mesh")}, []) is None


@pytest.mark.parametrize(
    ("at", "ending", "outage", "found"),
    [
        (1, REFUSED, Outage("market-redis", NOW), True),
        (-4, REFUSED, Outage("market-redis", NOW), True),
        (-6, REFUSED, Outage("market-redis", NOW), False),
        (1, SILENT, Outage("market-redis", NOW), True),
        (1, CRASH, Outage("market-redis", NOW), False),
        (30, REFUSED, Outage("market-redis", NOW, NOW + 20), True),
        (40, REFUSED, Outage("market-redis", NOW, NOW + 20), False),
        (30, SILENT, Outage("market-redis", NOW, NOW + 20), False),
        (1, REFUSED, Outage("intel-redis", NOW), False),
    ],
)
def test_a_death_by_an_outage(at, ending, outage, found):
    cause = cause_of(fate("vigil", at, ending, buses=("system-redis", "market-redis")), {}, [outage])
    assert cause == (Cause("redis", "market-redis") if found else None)


@pytest.mark.parametrize(
    ("after", "found"), [(0.5, True), (100, True), (-0.5, True), (-2, False), (130, False)]
)
def test_a_death_after_that_of_its_upstream(after, found):
    others = {"massive": fate("massive", 0.0, CRASH)}
    cause = cause_of(fate("vigil", after, CRASH_OTHER, upstreams=("massive",)), others, [])
    assert cause == (Cause("upstream", "massive") if found else None)


CRASH_OTHER = Ending("crash", "TypeError: no price", "f9")


def test_two_that_depend_on_each_other_are_not_each_others_victims():
    others = {"massive": fate("massive", 0.0, CRASH, upstreams=("vigil",))}
    assert cause_of(fate("vigil", 0.5, CRASH_OTHER, upstreams=("massive",)), others, []) is None


def test_the_same_fault_and_the_same_silent_moment():
    assert cause_of(fate("vigil", 500, CRASH), {"mesh": fate("mesh", 0, CRASH)}, []) == Cause("fault", "f1")
    silent = {name: fate(name, at) for name, at in (("mesh", 1.0), ("sse", 2.0))}
    assert cause_of(fate("vigil"), silent, []) == Cause("machine", "")
    assert cause_of(fate("vigil"), {"mesh": silent["mesh"]}, []) is None
    assert cause_of(fate("vigil", 60), silent, []) is None


@pytest.mark.parametrize(
    ("log", "how"),
    [
        (b"", "silent"),
        (b"[2026-11-22 12:00:00][vigil][INFO] tick\n", "silent"),
        (b"[2026-11-22 12:00:00][vigil][INFO] received SIGTERM, shutting down\n", "orderly"),
        (b'Traceback (most recent call last):\n  File "/a/services/vigil/main.py", line 1, in f\nKeyError: 1\n', "crash"),
        (b"[2026-11-22 12:00:00][vigil][ERROR] orchestrator failed: no key\n"
         b"[2026-11-22 12:00:00][vigil][INFO] shutting down\n", "crash"),
    ],
)  # fmt: skip
def test_how_a_process_ended_by_its_log(log, how):
    assert ending_of(log).how == how


def test_the_same_fault_in_shared_code_has_one_signature_whatever_the_service():
    def log(service: str) -> bytes:
        return (
            f'Traceback (most recent call last):\n  File "/m/services/{service}/main.py", line 9, in main\n'
            '  File "/m/shared/setup_base.py", line 40, in load\nAttributeError: no x\n'
        ).encode()

    assert ending_of(log("vigil")).signature == ending_of(log("mesh")).signature
    own = log("vigil").replace(b"shared/setup_base.py", b"services/vigil/intel/a.py")
    assert ending_of(own).signature != ending_of(log("mesh")).signature


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ('{"event": "service_down", "service": "vigil"}', "vigil"),
        ('{"type": "service_down", "service": "vigil", "ts": 1}', "vigil"),
        ('{"kind": "service_down", "service": 5}', None),
        ('{"event": "service_up", "service": "vigil"}', None),
        ("[" * 100_000, None),
        ("null", None),
        ("", None),
    ],
)
def test_events_of_others(text, service):
    assert service_of(text) == service


def test_the_ring_keeps_the_last_messages_within_its_bounds():
    ring = Ring()
    for number in range(200):
        ring.add(Heard("market-redis", "massive:spot", str(number), float(number)))
        ring.add(Heard("market-redis", "massive:heatmap:SPX", "x" * 20_000, float(number)))
    spot = ring.of([Use("market-redis", "channel", "massive:spot")])
    assert [heard.data for heard in spot] == [str(number) for number in range(150, 200)]
    big = ring.of([Use("market-redis", "channel", "massive:heatmap:{symbol}")])
    assert sum(len(heard.data) for heard in big) <= CHANNEL_BYTES and len(big) > 5
    assert (
        ring.of([Use("intel-redis", "channel", "massive:spot"), Use("market-redis", "key", "massive:spot")])
        == ()
    )


def test_tickets_survive_and_broken_ones_are_left_out(tmp_path):
    for name in ("vigil-1", "vigil-2", "mesh-1"):
        (tmp_path / name).mkdir()
    kept = Ticket("vigil-1", "vigil", "queued", opened=1.0, death=(5, 7.5), signature="s")
    write_ticket(tmp_path, kept)
    write_ticket(tmp_path, Ticket("vigil-2", "vigil", "ended", opened=2.0, death=(6, None)))
    (tmp_path / "mesh-1" / "watch.json").write_text('{"incident": "mesh-1", "what": 1}')
    assert read_tickets(tmp_path)[0] == kept
    assert [ticket.incident for ticket in read_tickets(tmp_path)] == ["vigil-1", "vigil-2"]
    assert settled_deaths(read_tickets(tmp_path)) == {"vigil": (6, None)}


def test_the_result_of_an_incident_is_that_of_its_last_whole_run(tmp_path):
    for number, result in ((1, {"outcome": "failed", "cost_usd": 0.5}), (2, {"outcome": "branch", "cost_usd": 0.25}), (3, None)):  # fmt: skip
        (tmp_path / "runs" / str(number)).mkdir(parents=True)
        if result:
            text = json.dumps({"run": number, **result})
            (tmp_path / "runs" / str(number) / "result.json").write_text(text)
    assert last_result(tmp_path)["run"] == 2
    assert cost_of(tmp_path) == 0.75
    assert last_result(tmp_path / "nothing") is None


def test_a_signal_is_the_documented_object_on_one_line():
    signal = Signal("service_down", NOW, "vigil\nis down", service="vigil", data={"pid": 7})
    assert "\n" not in signal.json()
    assert set(json.loads(signal.json())) == {"event", "ts", "service", "redis", "reason", "incident", "data"}


def test_the_report_of_an_outage_names_what_fell_and_what_to_do():
    members = [{"service": "vigil", "at": NOW, "reason": "vigil does not beat"}]
    text = report_of(Outage("market-redis", NOW, NOW + 60), members)
    assert "# market-redis was down" in text and "vigil does not beat" in text and "until 2026" in text
    assert "is down as this is written" in report_of(Outage("market-redis", NOW), [])
