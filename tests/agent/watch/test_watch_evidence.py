"""What the watch's own capture of a death holds, and how soon it was taken."""

from __future__ import annotations

import json
import time
from datetime import datetime

import pytest

from agent.watch.coroner import OUT_OF_MEMORY, with_exit_code
from agent.watch.endings import ending_of
from tools.capture import Evidence
from tools.capture.checkout import Checkout
from tools.health import Health
from tools.incident import IncidentFolder

SECRET = "mk-live-7f3a9c51d2"
READS = [
    {"bus": "market-redis", "kind": "channel", "name": "massive:spot"},
    {"bus": "market-redis", "kind": "key", "name": "massive:spot"},
    {"bus": "market-redis", "kind": "stream", "name": "ticks"},
    {"bus": "market-redis", "kind": "list", "name": "jobs"},
]


@pytest.fixture
def market(redis_server, part, publish_truth):
    """Market-redis with a key, a list and a stream that vigil reads; vigil depends on massive."""
    server = redis_server()
    vigil = {**part("massive"), "inputs": {"redis": READS}, "env": {"MASSIVE_API_KEY": SECRET}}
    publish_truth({"vigil": vigil, "massive": part()}, market_redis=server.url)
    client = server.client()
    client.set("massive:spot", '{"SPX": 6000}')
    client.rpush("jobs", *range(80))
    with client.pipeline() as pipeline:
        for number in range(80):
            pipeline.xadd("ticks", {"n": number})
        pipeline.execute()
    return client


def test_a_capture_by_the_watch_is_taken_at_once_and_holds_everything(site, market):
    source = site.root / "services" / "vigil" / "main.py"
    log = site.root / "logs" / "vigil.log"
    log.write_text("Starting vigil at 2026-11-21 09:00:00\nan earlier run\n")
    (site.root / "logs" / "massive.log").write_text(f"massive says apiKey={SECRET} is fine\n")
    site.up("vigil", "massive")
    source.write_text(source.read_text() + "# edited since the commit\n")
    for number in range(60):
        market.publish("massive:spot", json.dumps({"SPX": number, "key": SECRET}))
    time.sleep(0.3)
    pid = site.processes["vigil"].pid
    with log.open("a") as file:
        file.write("[2026-11-22 12:00:01][vigil][INFO] last words\n")
    died = time.time()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)
    folder = IncidentFolder(site.state / "incidents" / site.heals()[0])
    incident = folder.incident()
    assert 0 <= datetime.fromisoformat(str(incident.detected_at)).timestamp() - died < 1
    assert (incident.service, incident.pid, incident.trigger) == ("vigil", pid, "service_down")
    assert incident.exit_code in (-9, None) and len(incident.commit) == 40
    assert "services/vigil/main.py" in incident.dirty
    assert folder.log.read_text().endswith("last words\n")
    assert folder.snapshot().heartbeats["massive"].status == "healthy"
    assert folder.snapshot().heartbeats["vigil"].pid_alive is False
    assert folder.snapshot().redis["market-redis"].alive is True
    assert folder.truth()["dependencies"] == ["massive"]
    assert "massive says" in folder.other_log("massive").read_text()
    values = folder.redis_values()["market-redis"]
    assert values["massive:spot"].value == '{"SPX": 6000}'
    assert values["jobs"].value == [str(number) for number in range(30, 80)]
    assert [entry[1]["n"] for entry in values["ticks"].value] == [str(number) for number in range(30, 80)]
    assert [json.loads(message.data)["SPX"] for message in folder.messages()] == list(range(10, 60))
    whole = "".join(path.read_text() for path in folder.path.rglob("*") if path.is_file())
    assert SECRET not in whole


def test_the_exit_code_of_a_process_that_nobody_collected_is_inferred_and_said_to_be(site):
    site.start("vigil", "crash").wait(5)
    site.watch()
    site.until(lambda: site.events("heal_ended"))
    incident = IncidentFolder(site.state / "incidents" / site.heals()[0]).incident()
    assert incident.exit_code == 1
    assert incident.notes == ("the exit code 1 is inferred: its log ends with an error that nobody caught",)


TRACE = 'Traceback (most recent call last):\n  File "/a/services/vigil/main.py", line 1, in f\nKeyError: 1\n'
ERROR = "[2026-11-22 12:00:00][vigil][ERROR] orchestrator failed\n"
STOP = "[2026-11-22 12:00:00][vigil][INFO] received SIGTERM, shutting down\n"


@pytest.mark.parametrize(
    ("log", "seen", "notes", "code"),
    [
        (TRACE, None, (), 1),
        (TRACE, 3, (), 3),
        (ERROR + TRACE, None, (), None),
        (TRACE + STOP, None, (), None),
        (ERROR, None, (), None),
        (STOP, None, (OUT_OF_MEMORY,), None),
        ("tick\n", None, (), None),
        ("tick\n", None, (OUT_OF_MEMORY,), -9),
        (TRACE, None, (OUT_OF_MEMORY,), 1),
        ("", None, (), None),
    ],
)
def test_what_an_exit_code_can_be_inferred_from(tmp_path, log, seen, notes, code):
    raw = f"Starting vigil at 2026-11-22 12:00:00\n{log}".encode() if log else b""
    evidence = Evidence(
        "vigil", datetime.now().astimezone(), tmp_path, Checkout("0" * 40, ()), raw, {}, {}, {}, (),
        Health(ts=0.0), exit_code=seen, notes=notes,
    )  # fmt: skip
    found = with_exit_code(evidence, ending_of(raw))
    assert found.exit_code == code
    assert any("inferred" in note for note in found.notes) == (code is not None and seen is None)
