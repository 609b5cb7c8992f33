"""Deployments as they really are: odd payloads, odd processes, odd ends."""

from __future__ import annotations

import http.server
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest


@pytest.mark.slow
def test_a_deploy_that_replaces_the_process_is_no_event(site):
    site.up("vigil")
    site.operator_stops("vigil")
    site.start("vigil")
    time.sleep(1.5)
    site.saw(heals=0)


def test_a_process_that_exits_with_0_after_an_error_has_crashed(site):
    site.up("vigil")
    site.operator_stops("vigil")
    assert site.start("vigil", "gives_up").wait(5) == 0
    site.until(lambda: site.events("heal_ended"))
    down = next(s for s in site.signals if s.event == "service_down")
    assert "no price for SPX" in down.reason
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


@pytest.mark.parametrize("mode", ["bare", "skewed"])
@pytest.mark.slow
def test_any_payload_will_do(site, mode):
    site.start("vigil", mode)
    site.up()
    time.sleep(0.5)
    assert site.events() == []
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


@pytest.mark.slow
def test_a_process_without_a_pid_file_is_known_by_its_heartbeat(site):
    site.start("vigil")
    (site.root / ".pids" / "vigil.pid").unlink()
    site.up()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


def test_a_reused_pid_is_not_the_service(site):
    site.up("vigil")
    site.processes["vigil"].kill()
    stranger = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(30)"])
    try:
        file = site.root / ".pids" / "vigil.pid"
        file.write_text(f"{stranger.pid}\n")
        os.utime(file, (time.time() - 3600, time.time() - 3600))
        site.until(lambda: site.events("heal_ended"))
    finally:
        stranger.kill()
        stranger.wait()
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


@pytest.mark.slow
def test_what_dies_while_redis_is_away_is_told_when_it_is_back_and_belongs_to_the_outage(site, system):
    truth = system.client().get("truth")
    site.up("vigil", "mesh")
    system.stop()
    site.until(lambda: site.events("redis_down"))
    site.processes["vigil"].kill()
    time.sleep(0.5)
    system.start()
    system.client().set("truth", truth)
    site.until(lambda: site.events("victim"))
    assert site.events("victim") == [("victim", "vigil")] and site.heals() == []
    assert site.events("service_down", "heal_started", "heal_refused") == [("service_down", "vigil")]


def test_events_come_by_standard_input_too(site):
    site.watch(io.StringIO('{"event": "service_down", "service": "vigil"}\nnonsense\n'))
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)


@pytest.mark.slow
def test_as_many_heals_run_as_may_and_the_rest_wait(site):
    site.watch_options["concurrent"] = 1
    site.heal_seconds = 0.5
    site.up("vigil", "mesh")
    for service in ("vigil", "mesh"):
        site.processes[service].kill()
    site.until(lambda: len(site.events("heal_ended")) == 2)
    kinds = [event for event, _ in site.events("heal_started", "heal_ended")]
    assert kinds == ["heal_started", "heal_ended"] * 2


@pytest.mark.slow
def test_truth_that_changes_is_followed(site, part, publish_truth):
    site.watch_options["full_every_s"] = 0.3
    publish_truth({"vigil": part()})
    site.up("vigil")
    publish_truth({"vigil": part(), "mesh": part()})
    time.sleep(0.6)
    site.start("mesh")
    time.sleep(0.8)
    site.processes["mesh"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down mesh", "heal_started mesh", "heal_ended mesh", heals=1)


def test_a_secret_in_an_error_is_not_published(site, part, publish_truth):
    secret = "mk-live-7f3a9c51d2"
    main = site.root / "services" / "vigil" / "main.py"
    main.write_text(main.read_text().replace('{}["SPX"]', f'raise ValueError("key {secret} was refused")', 1))
    publish_truth({"vigil": {**part(), "env": {"MASSIVE_API_KEY": secret}}})
    site.start("vigil", "crash").wait(5)
    site.watch()
    site.until(lambda: site.events("heal_ended"))
    down = next(s for s in site.signals if s.event == "service_down")
    assert "was refused" in down.reason and secret not in down.json()
    log = (site.state / "incidents" / site.heals()[0] / "log.txt").read_text()
    assert "was refused" in log and secret not in log


@pytest.mark.slow
def test_sighup_starts_the_watch_again(site, tmp_path):
    mark = tmp_path / "again"
    config = {
        "root": str(site.root), "state": str(site.state), "system_redis_url": site.system_url,
        "heal": ["true"], "services": [], "interval_s": 0.1,
    }  # fmt: skip
    again = [sys.executable, "-c", f"open({str(mark)!r}, 'w').close()"]
    said = {"config": config, "again": again, "once": False, "alerts": False, "as_json": True}
    watch = subprocess.Popen([sys.executable, "-m", "agent.watch", json.dumps(said)])
    time.sleep(1.0)
    watch.send_signal(signal.SIGHUP)
    assert watch.wait(10) == 0
    assert mark.exists()


def test_the_watch_takes_little(site):
    config = {
        "root": str(site.root), "state": str(site.state), "system_redis_url": site.system_url,
        "heal": ["true"], "services": [], "interval_s": 1.0,
    }  # fmt: skip
    said = {"config": config, "again": [], "once": False, "alerts": False, "as_json": True}
    code = (
        "import json, sys, threading\n"
        "from agent.watch.__main__ import main\n"
        "threading.Timer(1.5, lambda: __import__('os').kill(__import__('os').getpid(), 15)).start()\n"
        "main(sys.argv[1])\n"
        "heavy = {'pydantic', 'openai', 'git', 'rich', 'click'} & set(sys.modules)\n"
        "size = open('/proc/self/statm').read().split()[1] if sys.platform == 'linux' else '0'\n"
        "print(json.dumps([sorted(heavy), int(size) * 4096 / 2**20]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(said)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    heavy, megabytes = json.loads(done.stdout.splitlines()[-1])
    assert heavy == [] and megabytes < 40


@pytest.fixture
def port_of_stranger() -> Iterator[tuple[int, list[int]]]:
    """An HTTP server on a port, and the status that it answers with (a list, to be changed)."""
    status = [200]

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status[0])
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Tests are quiet."""

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port, status
        server.shutdown()
        thread.join()


def http_part(part, port: int) -> dict[str, object]:
    return {**part(), "outputs": {"http": {"port": port, "health": "/health"}}}


def test_a_service_that_beats_and_is_not_well_is_degraded_and_not_healed(
    site, part, publish_truth, port_of_stranger
):
    port, status = port_of_stranger
    publish_truth({"vigil": http_part(part, port), "mesh": part()})
    site.watch_options["full_every_s"] = 0.3
    site.start("mesh", "unwell")
    site.up("vigil")
    site.until(lambda: site.events("service_degraded"))
    status[0] = 503
    site.until(lambda: len(site.events()) == 2)
    time.sleep(0.8)
    site.saw("service_degraded mesh", "service_degraded vigil", heals=0)
    assert site.signals[0].data["status"] == "degraded"
    assert site.signals[1].data == {"http": "status 503"}


@pytest.mark.slow
def test_a_stranger_on_its_port_does_not_make_a_dead_service_alive(
    site, part, publish_truth, port_of_stranger
):
    publish_truth({"vigil": http_part(part, port_of_stranger[0])})
    site.watch_options["full_every_s"] = 0.3
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_started vigil", "heal_ended vigil", heals=1)
    snapshot = json.loads((site.state / "incidents" / site.heals()[0] / "snapshot.json").read_text())
    assert snapshot["http_health"]["vigil"]["healthy"] is False
    assert "another process" in snapshot["http_health"]["vigil"]["error"]


@pytest.mark.slow
def test_a_slow_start_within_its_grace_is_no_event(site):
    site.watch_options["grace_s"] = 4.0
    site.start("vigil", "slow")
    site.up()
    site.until(lambda: site.standing and (site.root / "logs" / "vigil.log").read_text())
    time.sleep(2.5)
    site.saw(heals=0)


@pytest.mark.slow
def test_a_start_that_never_beats_is_lost_after_its_grace_and_not_healed(site):
    site.watch_options["grace_s"] = 0.5
    site.start("vigil", "mute")
    site.up()
    site.until(lambda: site.events("heartbeat_lost"))
    time.sleep(0.5)
    site.saw("heartbeat_lost vigil", heals=0)


@pytest.mark.slow
def test_without_any_pid_a_silent_service_is_lost_and_never_called_down(site):
    site.start("vigil", "bare")
    (site.root / ".pids" / "vigil.pid").unlink()
    site.up()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heartbeat_lost"))
    time.sleep(1.0)
    site.saw("service_degraded vigil", "heartbeat_lost vigil", heals=0)
