"""`autohealer watch` and `autohealer health` as an operator starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def config(site, tmp_path):
    """A settings file for the site, with short times."""
    file = tmp_path / "autohealer.toml"

    def write(**watch: object) -> str:
        options = {"interval_s": 0.1, "grace_s": 1.0, **watch}
        lines = [f"{name} = {json.dumps(value)}" for name, value in options.items()]
        top = {"repo": str(site.root), "state": str(site.state), "system_redis_url": site.system_url}
        head = [f"{name} = {json.dumps(value)}" for name, value in top.items()]
        file.write_text("\n".join((*head, "[watch]", *lines)) + "\n")
        return str(file)

    return write


@pytest.fixture
def autohealer() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(config: str, *words: str) -> subprocess.Popen[str]:
        argv = [sys.executable, "-m", "agent.cli", "--config", config, *words]
        pipe, keyless = subprocess.PIPE, {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=keyless, text=True)
        started.append(process)
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_health_is_told_as_json(site, config, autohealer):
    site.start("vigil")
    time.sleep(0.8)
    told, errors = autohealer(config(), "health", "--json").communicate(timeout=20)
    document = json.loads(told)
    assert document["heartbeats"]["vigil"]["status"] == "healthy", errors
    assert document["heartbeats"]["mesh"]["status"] == "dead"
    assert document["redis"]["system-redis"]["alive"] is True


@pytest.mark.slow
def test_a_watch_that_is_told_of_a_death_heals_it_once_and_ends_with_the_exit_code(site, config, autohealer):
    site.start("vigil", "crash").wait(5)
    site.start("mesh")
    watch = autohealer(config(grace_s=60.0), "watch", "--once", "--stdin", "--json")
    told, errors = watch.communicate('{"event": "service_down", "service": "vigil"}\n', timeout=120)
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["event"] for event in events] == ["service_down", "heal_started", "heal_ended"], errors
    assert watch.returncode == events[-1]["data"]["exit_code"] == 3, (
        "diagnosed by the rules, no model, no patch"
    )
    (result,) = (site.state / "incidents" / events[0]["incident"]).glob("runs/*/result.json")
    assert json.loads(result.read_text())["outcome"] == events[-1]["data"]["outcome"]


@pytest.mark.slow
def test_sighup_reads_the_settings_again(site, system, config, autohealer):
    watch = autohealer(config(services=["mesh"]), "watch", "--json")
    site.start("vigil")
    site.until(lambda: system.client().exists("autohealer:heartbeat"))
    config(services=["vigil"], dry_run=True)
    watch.send_signal(signal.SIGHUP)
    site.until(lambda: not system.client().exists("autohealer:heartbeat"))
    site.until(lambda: system.client().exists("autohealer:heartbeat"), 20)
    time.sleep(0.5)
    site.processes["vigil"].kill()
    assert json.loads(watch.stdout.readline())["event"] == "service_down"
    refused = json.loads(watch.stdout.readline())
    assert (refused["event"], refused["reason"]) == ("heal_refused", "dry run: vigil would be healed now")
    watch.terminate()
    assert watch.wait(10) == 0
