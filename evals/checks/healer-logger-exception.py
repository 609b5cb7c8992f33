# ruff: noqa: N999
import asyncio
import io
from contextlib import redirect_stderr, redirect_stdout

from harness import FakeRedis, config, logger
from services.healer.intel.notifier import Notifier


def told(url):
    out = io.StringIO()
    system = FakeRedis()
    with redirect_stdout(out), redirect_stderr(out):
        notifier = Notifier(config(HEALER_WEBHOOK_URL=url), logger("healer"), system)
        asyncio.run(notifier.tell("mesh", "up", "down"))
    return out.getvalue(), system


def check_a_webhook_that_fails_is_logged():
    log, system = told("http://127.0.0.1:9/relay/x")
    assert "webhook failed" in log
    assert "mesh" in log.partition("webhook failed")[2]
    assert system.called("publish")[0][0] == "healer:alerts"


def check_the_reason_is_logged():
    log, _ = told("http://127.0.0.1:9/relay/x")
    assert "refused" in log.lower()


def check_the_relay_is_asked_whatever_it_is_called():
    log, _ = told("http://relay.invalid/x")
    assert "webhook failed" in log
