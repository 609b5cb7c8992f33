"""What the watch says, to whom, and in which documented words."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from typing import get_args

import psutil
import pytest

from agent.watch import signals, voice
from agent.watch.admin import metrics
from agent.watch.facts import Facts
from agent.watch.signals import Kind

DATA = {
    "service_down": {"pid", "beaten", "process"},
    "service_recovered": {"downtime_sec"},
    "redis_down": {"refused"},
    "redis_recovered": {"downtime_sec"},
    "heal_started": {"attempt"},
    "heal_ended": {"exit_code", "outcome", "seconds", "cost_usd"},
}


def test_every_event_and_what_it_carries_is_documented():
    words = set(re.findall(r"\w+", signals.__doc__))
    assert set(get_args(Kind)) <= words
    assert {name for names in DATA.values() for name in names} <= words
    assert {"service", "ts", "pid", "status"} <= set(re.findall(r"\w+", voice.__doc__))


def test_events_on_the_channel_are_the_documented_objects_and_no_other_channel_is_used(
    site, system, part, publish_truth, redis_server
):
    market = redis_server()
    publish_truth({"vigil": part(), "mesh": part()}, market_redis=market.url)
    subscribers = []
    for server in (system, market):
        subscribers.append(server.client().pubsub(ignore_subscribe_messages=True))
        subscribers[-1].psubscribe("*")
        subscribers[-1].get_message(timeout=1)
    site.up("vigil", "mesh")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.start("vigil")
    site.until(lambda: site.events("service_recovered"))
    market.freeze()
    site.until(lambda: site.events("redis_down"))
    market.thaw()
    site.until(lambda: site.events("redis_recovered"))
    expected = (
        "service_down vigil", "heal_started vigil", "heal_ended vigil", "service_recovered vigil",
        "redis_down market-redis", "redis_recovered market-redis",
    )  # fmt: skip
    site.saw(*expected, heals=1)
    site.end_watch()
    heard = list(iter(lambda: subscribers[0].get_message(timeout=0.3), None))
    assert {message["channel"] for message in heard} == {"autohealer:events"}
    assert subscribers[1].get_message(timeout=0.1) is None
    events = [json.loads(message["data"]) for message in heard]
    assert [f"{event['event']} {event['service'] or event['redis']}" for event in events] == list(expected)
    for event in events:
        assert set(event) == {"event", "ts", "service", "redis", "reason", "incident", "data"}
        assert isinstance(event["ts"], float) and abs(time.time() - event["ts"]) < 60
        assert event["reason"] and "\n" not in event["reason"]
        assert set(event["data"]) == DATA[event["event"]]


def test_its_heartbeat_is_the_documented_object_and_goes_with_it(site, system):
    client = system.client()
    site.up()
    site.until(lambda: client.exists(voice.HEARTBEAT))
    beat = json.loads(client.get(voice.HEARTBEAT))
    assert set(beat) == {"service", "ts", "pid", "status"}
    assert (beat["service"], beat["status"]) == ("autohealer", "running")
    assert abs(time.time() - beat["ts"]) < 5
    assert 0 < client.ttl(voice.HEARTBEAT) <= voice.TTL_S == 3 * voice.INTERVAL_S
    site.end_watch()
    assert client.exists(voice.HEARTBEAT) == 0


def files_of(root) -> dict[str, tuple[int, int]]:
    """Every file of a checkout but those that the services write."""
    found = {str(path.relative_to(root)): path.stat() for path in root.rglob("*") if path.is_file()}
    own = re.compile(r"logs/vigil\.log|\.pids/")
    return {name: (stat.st_mtime_ns, stat.st_size) for name, stat in found.items() if not own.match(name)}


def test_its_log_is_json_on_its_own_output_and_nothing_in_the_checkout_is_touched(
    site, watch_process, tmp_path
):
    healer = site.root / "logs" / "healer.log"
    healer.write_text("this is the log of the service healer\n")
    before = files_of(site.root)
    watch = watch_process()
    site.start("vigil")
    time.sleep(1.5)
    site.processes["vigil"].kill()
    site.until(lambda: '"heal_ended"' in (tmp_path / "out").read_text())
    watch.terminate()
    assert watch.wait(10) == 0
    lines = (tmp_path / "out").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["service_down", "heal_started", "heal_ended"]
    assert files_of(site.root) == before and len(site.heals()) == 1
    assert [path.name for path in (site.root / "logs").iterdir()].count("healer.log") == 1


def test_systemd_is_told_that_it_is_ready_lives_and_stops(site, watch_process, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        watch = watch_process({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert systemd.recv(100) == b"READY=1\nWATCHDOG=1"
        assert b"WATCHDOG=1" in systemd.recv(100), "at every look"
        watch.terminate()
        said = b""
        while said != b"STOPPING=1":
            said = systemd.recv(100)
        assert watch.wait(10) == 0


@pytest.mark.slow
def test_sigterm_ends_it_within_ten_seconds_also_when_a_heal_does_not_listen(site, watch_process):
    deaf = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    (site.state / "heal.py").write_text(deaf + (site.state / "heal.py").read_text())
    site.heal_seconds = 60.0
    watch = watch_process()
    site.start("vigil")
    time.sleep(1.5)
    site.processes["vigil"].kill()
    site.until(site.heals)
    began = time.monotonic()
    watch.send_signal(signal.SIGTERM)
    assert watch.wait(15) == 0
    assert time.monotonic() - began < 10
    (ticket,) = (site.state / "incidents").glob("*/watch.json")
    written = json.loads(ticket.read_text())
    assert written["state"] == "running" and not psutil.pid_exists(written["child"])


SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"\\\n]*"\})? -?\d+(\.\d+)?')


def test_metrics_are_in_the_text_format_of_prometheus():
    facts = Facts(
        enabled=False, services={"vigil": "up", "mesh": "lost"}, redis={"system-redis": False}, active=["vigil"],
        cooldowns={}, incidents={"ended": 3, "queued": 1}, history=[], cost_usd=0.25,
    )  # fmt: skip
    lines = metrics(facts).splitlines()
    typed = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    samples = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples), samples
    assert {re.split(r"[ {]", line)[0] for line in samples} == set(typed) and len(typed) == len(set(typed))
    assert 'autohealer_service_up{service="mesh"} 0' in samples and "autohealer_enabled 0" in samples


def test_metrics_are_served_on_loopback_alone(site, watch_process, free_port):
    port = free_port()
    watch = psutil.Process(watch_process(metrics_port=port).pid)
    site.until(lambda: [c for c in watch.net_connections("inet") if c.status == psutil.CONN_LISTEN])
    listening = [c.laddr for c in watch.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", port)]
