"""Several deaths, one cause; and what must not be lost when something else fails too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from datetime import datetime

import pytest

SERVICES = ("massive", "vigil", "mesh", "copilot", "sse")


def test_a_dead_redis_is_one_incident_with_members_and_no_heal(site, part, publish_truth, redis_server):
    market = redis_server()
    users = {name: part(buses=("market-redis",)) for name in SERVICES[:4]}
    publish_truth({**users, "sse": part()}, market_redis=market.url)
    for service in SERVICES[:4]:
        site.start(service, "needs", market.url)
    site.up("sse")
    market.stop()
    site.until(lambda: len(site.events("victim")) == 4)
    time.sleep(0.5)
    assert site.heals() == [] and site.events("heal_started") == []
    assert len(site.events("service_down")) == 4
    (incident,) = {s.incident for s in site.signals if s.event in ("redis_down", "victim")}
    folder = site.state / "incidents" / incident
    assert len(list((folder / "members").glob("*/incident.json"))) == 4
    report = (folder / "report.md").read_text()
    assert "# market-redis was down" in report and "copilot" in report and "sse" not in report
    assert [path.name for path in (site.state / "incidents").iterdir()] == [incident]


@pytest.mark.slow
def test_a_dead_system_redis_is_one_incident_and_all_ten_resume(site, part, publish_truth, system):
    every = (*SERVICES, "journal", "rss_agg", "content_anal", "vexy_ai", "healer")
    for name in every[len(SERVICES) :]:
        shutil.copytree(site.root / "services" / SERVICES[0], site.root / "services" / name)
    publish_truth({name: part() for name in every})
    truth = system.client().get("truth")
    site.up(*every)
    system.stop()
    site.until(lambda: site.events("redis_down"))
    time.sleep(1.5)
    system.start()
    system.client().set("truth", truth)
    site.until(lambda: site.events("redis_recovered"))
    time.sleep(1.0)
    assert len(site.events()) == 2 and site.heals() == []
    assert len(list((site.state / "incidents").iterdir())) == 1
    site.processes["mesh"].kill()
    site.until(lambda: site.events("heal_ended"))
    assert site.events("service_down") == [("service_down", "mesh")]


def test_what_fell_because_its_upstream_did_is_a_victim(site, part, publish_truth):
    publish_truth({"massive": part(), "vigil": part("massive"), "mesh": part()})
    site.up("massive", "vigil", "mesh")
    site.processes["massive"].kill()
    time.sleep(0.2)
    site.processes["vigil"].kill()
    site.until(lambda: site.events("victim") and site.events("heal_ended"))
    assert site.events("victim") == [("victim", "vigil")]
    assert len(site.heals()) == 1 and site.heals()[0].startswith("massive-")


def test_all_services_killed_at_once_are_one_incident_and_one_heal(site):
    site.up(*SERVICES)
    killed = time.time()
    for service in SERVICES:
        site.processes[service].kill()
    site.until(lambda: len(site.events("service_down")) == 5 and site.events("heal_ended"))
    assert len(site.heals()) == 1
    assert len(site.events("victim")) == 4
    written = [json.loads(path.read_text()) for path in site.state.rglob("incident.json")]
    taken = [datetime.fromisoformat(incident["detected_at"]).timestamp() for incident in written]
    assert len(taken) == 5 and max(taken) - killed < 2, "all evidence right after the death"


@pytest.mark.slow
def test_faults_in_two_services_are_two_incidents(site):
    site.up("vigil", "mesh")
    for service in ("vigil", "mesh"):
        site.operator_stops(service)
        site.start(service, "crash")
    site.until(lambda: len(site.events("heal_ended")) == 2)
    assert len(site.events("service_down")) == 2 and len(set(site.heals())) == 2
    assert site.events("victim", "heal_refused") == []


SHARED_FAULT = """
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from shared.setup_base import load
print(f"Starting {sys.argv[1]} at 2026-11-22 12:00:00", flush=True)
load()
"""


@pytest.mark.slow
def test_one_fault_in_shared_code_is_one_incident_and_one_heal(site):
    site.up("vigil", "mesh")
    (site.root / "shared").mkdir()
    (site.root / "shared" / "setup_base.py").write_text('def load():\n    return {}["buses"]\n')
    for service in ("vigil", "mesh"):
        (site.root / "services" / service / "main.py").write_text(SHARED_FAULT)
        site.operator_stops(service)
        site.start(service)
    site.until(lambda: site.events("victim") and site.events("heal_ended"))
    assert sorted(site.events("service_down")) == [("service_down", "mesh"), ("service_down", "vigil")]
    assert len(site.events("victim")) == 1 and len(site.heals()) == 1
    victim = next(s for s in site.signals if s.event == "victim")
    assert victim.data == {"cause": "fault"} and victim.incident == site.heals()[0]


@pytest.mark.slow
def test_a_truth_that_is_deleted_changes_nothing_that_runs(site, system):
    site.up("vigil", "mesh")
    system.client().delete("truth")
    time.sleep(1.0)
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


def test_events_from_others_are_taken_and_checked(site, system):
    site.up("vigil")
    client = system.client()
    client.publish("healer:alerts", json.dumps({"event": "service_down", "service": "vigil"}))
    site.until(lambda: site.events("heal_refused"))
    client.publish("healer:alerts", json.dumps({"type": "service_down", "service": "massive"}))
    for junk in ("{", "[]", '{"event": "service_down"}', '{"event": "service_down", "service": "../x"}'):
        client.publish("healer:alerts", junk)
    site.until(lambda: site.events("heal_ended"))
    site.saw(
        "heal_refused vigil", "service_down massive", "heal_started massive", "heal_ended massive", heals=1
    )


@pytest.mark.slow
def test_a_heal_that_is_killed_is_started_again_and_ends_once(site):
    site.watch_options["pause_s"] = 0.1
    site.heal_seconds = 2.0
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_started"))
    ticket = next((site.state / "incidents").glob("*/watch.json"))
    os.kill(json.loads(ticket.read_text())["child"], signal.SIGKILL)
    site.until(lambda: site.events("heal_ended"))
    assert len(site.events("heal_started")) == 2 and len(site.events("heal_ended")) == 1
    assert json.loads(ticket.read_text())["attempts"] == 2


@pytest.mark.slow
def test_messages_that_were_heard_are_in_the_capture(site, system, part, publish_truth):
    reads = {"inputs": {"redis": [{"bus": "system-redis", "kind": "channel", "name": "massive:spot"}]}}
    publish_truth({"vigil": {**part(), **reads}})
    site.up("vigil")
    for number in range(60):
        system.client().publish("massive:spot", json.dumps({"SPX": number}))
    time.sleep(0.3)
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    lines = (site.state / "incidents" / site.heals()[0] / "messages.jsonl").read_text().splitlines()
    assert len(lines) == 50 and json.loads(json.loads(lines[-1])["data"]) == {"SPX": 59}


@pytest.mark.slow
def test_a_state_folder_that_cannot_be_written_is_told_and_tried_again(site):
    site.up("vigil")
    (site.state / "incidents").write_text("in the way")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("trouble"))
    assert len(site.events("trouble")) == 1
    (site.state / "incidents").unlink()
    site.until(lambda: site.events("heal_ended"))
    assert len(site.heals()) == 1


def test_a_flood_of_alerts_does_not_keep_the_watch_from_its_work(site, system):
    site.up("vigil")
    client = system.client()
    with client.pipeline(transaction=False) as pipeline:
        for _ in range(5000):
            pipeline.publish("healer:alerts", json.dumps({"event": "service_down", "service": "nobody"}))
        pipeline.execute()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    assert site.events("service_down") == [("service_down", "vigil")]


@pytest.mark.slow
def test_a_heal_that_cannot_be_started_is_told_and_ends(site):
    site.watch_options["heal"] = ("/nowhere/python",)
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    ended = next(s for s in site.signals if s.event == "heal_ended")
    assert "could not be started" in ended.reason and site.events("trouble") == []
