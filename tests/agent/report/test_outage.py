"""An outage that the watch saw: no run tells of it, so the incident itself does."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.store import Store
from agent.watch.cases import Cases
from agent.watch.config import WatchConfig
from agent.watch.coroner import Death
from agent.watch.correlate import Fate
from agent.watch.groups import Groups
from agent.watch.picture import Ending
from agent.watch.signals import Signal
from tools.capture import Evidence
from tools.capture.checkout import Checkout
from tools.health.state import Health
from tools.redact import Redactor

SECRET = "xai-" + "A1b2C3d4" * 6


def evidence(name: str, root: Path) -> Evidence:
    at = datetime(2026, 11, 22, 14, 30, tzinfo=UTC)
    return Evidence(name, at, root, Checkout("a" * 40, ()), b"", {}, {}, {}, (), Health(at.timestamp()))


@pytest.fixture
def outage(tmp_path: Path) -> tuple[Store, str]:
    """What the watch writes: market-redis falls, and vigil with it."""
    store = Store(tmp_path / "state")
    store.prepare()
    config = WatchConfig(tmp_path, store.root, "redis://127.0.0.1:1", ("true",))
    groups = Groups(Cases(config, lambda signal: None), lambda signal: None)
    now = time.time()
    incident = groups.redis_fell("market-redis", now, evidence("market-redis", tmp_path), Redactor())
    assert incident is not None
    fate = Fate("vigil", now + 1, Ending("crash", error="ConnectionError"), buses=("market-redis",))
    signal = Signal("service_down", now + 1, f"its heartbeat is gone {SECRET}", "vigil")
    death = Death(1, 1.0, evidence("vigil", tmp_path), fate)
    assert groups.admit((signal, death), {}, Redactor()) == incident
    return store, incident


def tell(outage: tuple[Store, str], *words: str) -> str:
    store, incident = outage
    told = CliRunner().invoke(main, ["--state", str(store.root), "show", incident, *words])
    assert told.exit_code == 0, told.output
    return told.output


def test_its_report_is_shown(outage):
    text = tell(outage)
    assert "# market-redis was down" in text
    assert "vigil" not in text.partition("## Services that fell")[0]
    assert "its heartbeat is gone" in text
    assert "Start market-redis again" in text
    assert "not run yet" not in text
    assert str(outage[0].root / "incidents" / outage[1]) in text


def test_it_has_a_postmortem(outage):
    text = tell(outage, "--postmortem")
    for part in (
        "# Post-mortem: market\\-redis on ",
        "By the watch: a Redis was gone",
        "1 services fell with it",
        "**down** its heartbeat is gone",
        "## Action items",
        "see why market-redis went",
    ):
        assert part.replace("\\-", "-") in text.replace("\\-", "-"), text
    assert "report.html" not in text
    assert SECRET not in text


def test_it_is_json_too(outage):
    told: dict[str, Any] = json.loads(tell(outage, "--json", "--postmortem"))
    assert told["run"] is None
    assert told["result"] is None
    assert told["report"].startswith("# market-redis was down")
    assert told["postmortem"].startswith("# Post-mortem: market")
    assert SECRET not in json.dumps(told)


def test_a_captured_service_without_a_run_still_says_what_to_do(outage):
    store, incident = outage
    file = store.root / "incidents" / incident / "incident.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "trigger": "service_down"}))
    (file.parent / "report.md").unlink()
    assert f"autohealer heal {incident}" in tell(outage)
    told = CliRunner().invoke(main, ["--state", str(store.root), "show", incident, "--postmortem"])
    assert told.exit_code == 1
