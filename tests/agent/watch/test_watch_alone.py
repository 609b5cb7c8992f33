"""One service at a time: what the watch says of it, and how many heals it starts."""

from __future__ import annotations

import json
import os
import signal
import time
from datetime import datetime

import pytest


def test_a_killed_service_becomes_one_incident_and_one_heal(site):
    site.up("vigil", "mesh")
    killed = time.time()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)
    folder = site.state / "incidents" / site.heals()[0]
    incident = json.loads((folder / "incident.json").read_text())
    assert incident["trigger"] == "service_down"
    taken = datetime.fromisoformat(incident["detected_at"]).timestamp()
    assert 0 <= taken - killed < 1, "the evidence is taken at once, not when the key expires"
    down = next(s for s in site.signals if s.event == "service_down")
    assert down.ts - killed < 1.0 + 1.0, "within a second of the expiry of its key"
    assert json.loads((folder / "watch.json").read_text())["state"] == "ended"


def test_a_crash_is_captured_with_its_traceback(site):
    site.up("vigil")
    site.operator_stops("vigil")
    site.start("vigil", "crash")
    site.until(lambda: site.events("service_down"))
    down = next(s for s in site.signals if s.event == "service_down")
    assert "KeyError: 'SPX'" in down.reason
    assert "KeyError: 'SPX'" in (site.state / "incidents" / down.incident / "log.txt").read_text()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


def test_an_operators_stop_is_no_crash(site):
    site.up("vigil")
    site.operator_stops("vigil")
    site.until(lambda: site.events("service_stopped"))
    site.start("vigil")
    time.sleep(0.6)
    site.saw("service_stopped vigil", heals=0)


@pytest.mark.slow
def test_sigterm_alone_with_an_orderly_log_is_no_crash(site):
    site.up("vigil")
    site.processes["vigil"].terminate()
    site.processes["vigil"].wait(5)
    site.until(lambda: site.events("service_stopped"))
    time.sleep(0.3)
    site.saw("service_stopped vigil", heals=0)


def test_a_hang_is_reported_and_not_healed(site):
    site.up("vigil")
    site.processes["vigil"].send_signal(signal.SIGSTOP)
    site.until(lambda: site.events("heartbeat_lost"))
    site.processes["vigil"].send_signal(signal.SIGCONT)
    site.until(lambda: site.events("service_recovered"))
    assert site.events("service_down", "heal_started", "heal_refused") == [] and site.heals() == []
    assert site.events("heartbeat_lost", "service_recovered") == [
        ("heartbeat_lost", "vigil"),
        ("service_recovered", "vigil"),
    ]


def test_a_service_that_dies_again_within_the_cooldown_is_not_healed_again(site):
    site.up("vigil")
    for count in (1, 2):
        site.processes["vigil"].kill()
        site.until(lambda count=count: len(site.events("service_down")) == count)
        site.until(lambda: site.events("heal_ended"))
        site.start("vigil")
        site.until(lambda count=count: len(site.events("service_recovered")) == count)
    site.until(lambda: site.events("heal_refused"))
    assert len(site.heals()) == 1 and len(site.events("service_down")) == 2
    assert site.events("heal_started", "heal_refused") == [
        ("heal_started", "vigil"),
        ("heal_refused", "vigil"),
    ]
    refused = next(s for s in site.signals if s.event == "heal_refused")
    assert "cooldown" in refused.reason


@pytest.mark.slow
def test_a_service_that_never_came_up_is_down_after_its_grace(site):
    site.watch_options["grace_s"] = 1.5
    site.start("vigil", "crash").wait(5)
    began = time.monotonic()
    site.watch()
    site.until(lambda: site.events("heal_ended"))
    down = next(s for s in site.signals if s.event == "service_down")
    assert "never seen to beat" in down.reason and time.monotonic() - began >= 1.4
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


def test_restarts_that_keep_the_key_alive_are_a_crash_loop(site):
    site.up("vigil")
    for _ in range(4):
        site.processes["vigil"].kill()
        site.processes["vigil"].wait()
        site.start("vigil", "crash_soon")
        time.sleep(0.5)
        if site.events("crash_loop"):
            break
        site.start("vigil")
        time.sleep(0.3)
    site.until(lambda: site.events("crash_loop"))
    site.until(lambda: site.events("heal_ended"))
    kinds = ("service_down", "crash_loop", "heal_started", "heal_ended", "heal_refused")
    assert site.events(*kinds) == [(kind, "vigil") for kind in ("crash_loop", "heal_started", "heal_ended")]
    assert len(site.heals()) == 1


def test_a_redis_that_restarts_makes_nobody_dead(site, system):
    site.up("vigil", "mesh")
    truth = system.client().get("truth")
    system.stop()
    time.sleep(0.6)
    system.start()
    system.client().set("truth", truth)
    site.until(lambda: site.events("redis_recovered"))
    time.sleep(1.5)
    site.saw("redis_down system-redis", "redis_recovered system-redis", heals=0)


@pytest.mark.slow
def test_a_frozen_redis_makes_heartbeats_unknown_not_dead(site, system):
    site.up("vigil", "mesh")
    system.freeze()
    site.until(lambda: site.events("redis_down"))
    time.sleep(1.5)
    system.thaw()
    site.until(lambda: site.events("redis_recovered"))
    time.sleep(1.0)
    site.saw("redis_down system-redis", "redis_recovered system-redis", heals=0)


def test_signals_are_published_and_the_watch_beats(site, system):
    subscriber = system.client().pubsub(ignore_subscribe_messages=True)
    subscriber.subscribe("autohealer:events")
    site.up("vigil")
    beat = json.loads(system.client().get("autohealer:heartbeat"))
    assert beat["service"] == "autohealer" and beat["pid"] == os.getpid()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    messages = [subscriber.get_message(timeout=0.5) for _ in range(4)]
    heard = [json.loads(message["data"]) for message in messages if message]
    assert [event["event"] for event in heard] == ["service_down", "heal_started", "heal_ended"]
    assert heard[0]["service"] == "vigil" and heard[0]["incident"] == site.heals()[0]


@pytest.mark.slow
def test_a_death_that_an_earlier_watch_dealt_with_is_not_news_to_the_next(site):
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.end_watch()
    site.signals.clear()
    site.watch()
    time.sleep(2.0)
    assert site.events() == [] and len(site.heals()) == 1


@pytest.mark.slow
def test_a_watch_that_stops_leaves_its_heal_to_the_next_one(site):
    site.heal_seconds = 60.0
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(site.heals)
    began = time.monotonic()
    site.end_watch()
    assert time.monotonic() - began < 10
    site.heal_seconds = 0.0
    site.signals.clear()
    site.watch()
    site.until(lambda: site.events("heal_ended"))
    assert site.heals() == [site.heals()[0]] * 2
