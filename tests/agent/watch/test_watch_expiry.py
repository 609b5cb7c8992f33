"""Expiries that system-redis announces: a look at once where it does, and nothing touched where it does not."""

from __future__ import annotations

import json
import queue
import threading
import time

import pytest

from agent.watch.expiry import MOST_A_SECOND, Expiries, announced, gone_key
from agent.watch.listen import Listener, Ring

SETTING = "notify-keyspace-events"
LONG_S = 60.0
"""An interval that no test waits for: what is seen sooner was seen by another way."""


def told_by(*flags: str):
    """System-redis with the setting as its operator made it."""
    first, *more = ((f"--{SETTING}", flag) for flag in flags)
    systems = [first, *(pytest.param(other, marks=pytest.mark.slow) for other in more)]
    return pytest.mark.parametrize("system", systems, indirect=True)


def channels(client) -> list[str]:
    return [name for name in client.pubsub_channels() if name.startswith("__key")]


def beat(site, client, service: str = "vigil") -> None:
    """Start a service and wait for its heartbeat."""
    site.start(service)
    site.until(lambda: client.exists(f"{service}:heartbeat"))


@told_by("Ex", "Kx", "KEA")
def test_an_expiry_is_looked_at_long_before_the_next_poll(site, system):
    client = system.client()
    before = client.config_get(SETTING)
    site.watch_options["interval_s"] = LONG_S
    beat(site, client)
    site.watch()
    site.until(lambda: channels(client))
    time.sleep(0.3)
    killed = time.time()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("service_down"))
    down = next(s for s in site.signals if s.event == "service_down")
    assert 0.5 < down.ts - killed < 3, "not before its key is gone, and not at the next poll"
    assert client.config_get(SETTING) == before
    assert "cmdstat_config|set" not in client.info("commandstats")


@told_by("Eg", "Kg")
def test_a_key_that_is_deleted_is_looked_at_too(site, system):
    client = system.client()
    site.watch_options["interval_s"] = LONG_S
    beat(site, client)
    site.watch()
    site.until(lambda: channels(client))
    site.processes["vigil"].kill()
    client.delete("vigil:heartbeat")
    site.until(lambda: site.events("service_down"), 3)


def test_without_the_setting_nothing_is_subscribed_and_nothing_is_set(site, system):
    client = system.client()
    before = client.config_get(SETTING)
    site.up("vigil")
    assert client.pubsub_channels() == ["healer:alerts"]
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    assert site.events("service_down") == [("service_down", "vigil")]
    assert client.config_get(SETTING) == before == {SETTING: ""}
    assert "cmdstat_config|set" not in client.info("commandstats")


@pytest.mark.slow
@told_by("KEA")
def test_a_key_that_is_gone_is_no_evidence_while_the_process_lives(site, system):
    client = system.client()
    beat(site, client)
    site.watch()
    site.until(lambda: channels(client))
    for _ in range(20):
        client.delete("vigil:heartbeat")
        time.sleep(0.05)
    time.sleep(0.3)
    assert site.events() == [] and site.heals() == []


@pytest.mark.slow
@told_by("Ex")
def test_the_hints_come_back_with_a_restarted_redis(site, system):
    truth = system.client().get("truth")
    site.watch_options["interval_s"] = LONG_S
    beat(site, system.client())
    site.watch()
    site.until(lambda: channels(system.client()))
    system.stop()
    system.start()
    client = system.client()
    client.set("truth", truth)
    site.until(lambda: channels(client))
    site.until(lambda: client.exists("vigil:heartbeat"))
    site.processes["vigil"].kill()
    site.until(lambda: site.events("service_down"), 4)


@pytest.mark.parametrize("system", [("--rename-command", "CONFIG", "")], indirect=True)
def test_where_config_is_forbidden_there_are_no_hints_and_all_else_works(site, system):
    site.up("vigil")
    assert channels(system.client()) == []
    system.client().publish("healer:alerts", json.dumps({"event": "service_down", "service": "massive"}))
    site.until(lambda: site.events("service_down") == [("service_down", "massive")])


@pytest.fixture
def listen(system):
    """A listener on system-redis as some user; what it is told comes as (alerts, hints)."""
    listeners = []

    def start(user: str = "") -> tuple[queue.SimpleQueue, queue.SimpleQueue]:
        alerts, hints = queue.SimpleQueue(), queue.SimpleQueue()
        expiries = Expiries(["vigil:heartbeat"], lambda: hints.put("gone"))
        url = system.url.replace("//", f"//{user}@") if user else system.url
        listeners.append(Listener({"system-redis": url}, [], Ring(), alerts.put, expiries))
        return alerts, hints

    yield start
    for each in listeners:
        each.close()
    # The connections end with the threads, which wake up with what they hear.
    system.client().publish("healer:alerts", "over")


def until(condition, seconds: float = 8.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.mark.slow
@told_by("Ex")
def test_a_user_who_may_not_hear_them_still_hears_alerts(system, listen):
    client = system.client()
    rules = ("on", ">secret", "~*", "+@all", "resetchannels", "&healer:alerts")
    client.execute_command("ACL", "SETUSER", "watcher", *rules)
    alerts, hints = listen("watcher:secret")

    def heard() -> bool:
        client.publish("healer:alerts", "hello")
        return not alerts.empty()

    until(heard)
    client.set("vigil:heartbeat", "1", px=1)
    time.sleep(0.4)
    assert hints.empty() and channels(client) == []


@told_by("Eg")
def test_a_flood_of_expiries_of_others_is_not_listened_to(system, listen):
    client = system.client()
    alerts, hints = listen()
    until(lambda: channels(client))
    client.mset({f"other:{number}": "x" for number in range(MOST_A_SECOND)})
    with client.pipeline(transaction=False) as pipeline:
        for number in range(MOST_A_SECOND):
            pipeline.delete(f"other:{number}")
        pipeline.execute()
    until(lambda: channels(client) == [])
    client.publish("healer:alerts", "still here")
    assert alerts.get(timeout=5) == "still here"
    assert hints.empty()


@told_by("Ex")
def test_only_keys_that_are_watched_count(system, listen):
    client = system.client()
    _, hints = listen()
    until(lambda: channels(client))
    client.set("mesh:heartbeat", "1", px=1)
    time.sleep(0.3)
    assert hints.empty()
    client.set("vigil:heartbeat", "1", px=1)
    assert hints.get(timeout=5) == "gone"


@pytest.mark.slow
@told_by("KEA")
def test_hints_one_after_the_other_do_not_make_the_watch_spin(site, system):
    client = system.client()
    site.watch_options["interval_s"] = LONG_S
    beat(site, client)
    site.watch()
    site.until(lambda: channels(client))
    ended = threading.Event()

    def torment() -> None:
        while not ended.wait(0.02):
            client.delete("vigil:heartbeat")

    thread = threading.Thread(target=torment)
    before = client.info("commandstats")["cmdstat_mget"]["calls"]
    thread.start()
    time.sleep(1.5)
    ended.set()
    thread.join()
    looks = client.info("commandstats")["cmdstat_mget"]["calls"] - before
    assert 2 <= looks <= 10
    assert site.events("service_down") == [] and site.heals() == []


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", ()),
        ("E", ()),
        ("xg", ()),
        ("Kx", ("__keyspace@3__:a", "__keyspace@3__:b")),
        ("KEx", ("__keyspace@3__:a", "__keyspace@3__:b")),
        ("Ex", ("__keyevent@3__:expired",)),
        ("EA", ("__keyevent@3__:expired", "__keyevent@3__:del")),
        ("Eg", ("__keyevent@3__:del",)),
        ("E$l", ()),
    ],
)
def test_the_channels_of_a_setting(system, flags, expected):
    client = system.client(db=3)
    client.config_set(SETTING, flags)
    assert announced(client, ["a", "b"]) == expected


@pytest.mark.parametrize(
    ("channel", "data", "key"),
    [
        ("__keyevent@0__:expired", "vigil:heartbeat", "vigil:heartbeat"),
        ("__keyevent@12__:del", "vigil:heartbeat", "vigil:heartbeat"),
        ("__keyevent@0__:set", "vigil:heartbeat", None),
        ("__keyspace@0__:vigil:heartbeat", "expired", "vigil:heartbeat"),
        ("__keyspace@0__:a__:b", "del", "a__:b"),
        ("__keyspace@0__:vigil:heartbeat", "expire", None),
        ("healer:alerts", "expired", None),
    ],
)
def test_the_key_that_a_notification_speaks_of(channel, data, key):
    assert gone_key(channel, data) == key
