"""What is not the service's code is never reproduced as a crash of it, whatever a patch does."""

from __future__ import annotations

import socket

import pytest

from sandbox.boot import Waits
from tools.replay import gone

LEVELS, MAIN = "services/pulse/intel/levels.py", "services/pulse/main.py"
SILENCED = [
    (
        MAIN,
        "    asyncio.run(main())",
        "    try:\n        asyncio.run(main())\n    except Exception:\n        pass",
    )
]
READ_BARE = "        return json.loads(raw)\n"
READ = """\
        try:
            return json.loads(raw) if raw is not None else {}
        except ValueError as error:
            self.logger.warn(f"levels dropped: {error}")
            return {}
"""
MYSQL = """\
Traceback (most recent call last):
  File "/Users/ernie/MarketSwarm/services/pulse/main.py", line 34, in <module>
    asyncio.run(main())
  File "/Users/ernie/MarketSwarm/services/pulse/intel/orchestrator.py", line 17, in run
    database = connect(config)
mysql.connector.errors.DatabaseError: 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3306' (111)
"""


@pytest.fixture(scope="session")
def nobody() -> str:
    """The URL of a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}"


def expect_unclear(opened, why: str) -> None:
    replay = opened.replay
    base = replay.of(None)
    assert (base.verdict, why in base.why) == ("unclear", True), base.text
    patch = opened.patch(SILENCED)
    assert replay.of(patch).verdict == "unclear"
    assert gone(replay, patch)


def test_redis_down(checkout, bare, open_case, nobody) -> None:
    commit = checkout.commit("pulse: an improvement")
    log = bare.log(checkout, env={"SYSTEM_REDIS_URL": nobody})
    assert "redis.exceptions.ConnectionError" in log
    expect_unclear(open_case(commit, log), "a connection failed")


def test_redis_down_under_a_worker(checkout, bare, open_case, nobody) -> None:
    commit = checkout.commit("pulse: an improvement")
    log = bare.log(checkout, env={"MARKET_REDIS_URL": nobody})
    assert "services/pulse/intel/levels.py" in log or "services/pulse/intel/prices.py" in log, (
        "one of two was first"
    )
    expect_unclear(open_case(commit, log), "a connection failed")


def test_truth_missing(checkout, bare, open_case) -> None:
    commit = checkout.commit("pulse: an improvement")
    log = bare.log(checkout, truth=lambda _: None)
    assert "RuntimeError: Truth key 'truth' not found" in log
    expect_unclear(open_case(commit, log), "Truth was not published")


def test_component_missing(checkout, bare, open_case) -> None:
    commit = checkout.commit("pulse: an improvement")
    log = bare.log(
        checkout, truth=lambda document: {"components": {"massive": document["components"]["massive"]}}
    )
    assert "RuntimeError: Component 'pulse' missing in Truth" in log
    expect_unclear(open_case(commit, log), "missing in Truth")


def test_component_missing_in_the_tree_too(checkout, bare, open_case) -> None:
    log = bare.log(checkout, truth=lambda document: {"components": {}})
    (checkout.path / "truth/components/pulse.json").unlink()
    expect_unclear(open_case(checkout.commit("truth: tidy"), log), "missing in Truth")


def test_a_wrong_service_name_is_the_service_s_own_fault(checkout, bare, open_case) -> None:
    commit = checkout.commit("pulse: rename", [(MAIN, 'SERVICE_NAME = "pulse"', 'SERVICE_NAME = "pulze"')])
    log = bare.log(checkout)
    assert "RuntimeError: Component 'pulze' missing in Truth" in log
    opened = open_case(commit, log)
    assert opened.replay.of(None).verdict == "reproduced"
    right = opened.patch([(MAIN, '"pulze"', '"pulse"')])
    assert gone(opened.replay, right) == []


def test_port_taken(checkout, bare, open_case) -> None:
    commit = checkout.commit("pulse: an improvement")
    with socket.create_server(("127.0.0.1", bare.port)):
        log = bare.log(checkout)
    assert "address already in use" in log
    expect_unclear(open_case(commit, log), "its port was taken")


def test_mysql_refused(checkout, open_case) -> None:
    expect_unclear(open_case(checkout.commit("pulse: an improvement"), MYSQL), "MySQL could not be reached")


@pytest.mark.parametrize(("status", "verdict"), [("dead", "unclear"), ("healthy", "reproduced")])
def test_data_missing_while_its_writer_is(checkout, bare, open_case, status, verdict) -> None:
    commit = checkout.commit("pulse: an improvement", [(LEVELS, READ, READ_BARE)])
    log = bare.log(checkout, values={})
    heartbeats = {
        "massive": {"alive": status == "healthy", "status": status, "pid_alive": status == "healthy"}
    }
    opened = open_case(commit, log, values={}, heartbeats=heartbeats)
    base = opened.replay.of(None)
    assert base.verdict == verdict, base.text


def test_a_crash_by_messages_that_were_not_captured_is_unclear(checkout, bare, open_case) -> None:
    poison = {"symbol": "SPX", "price": "n/a", "prev_close": 5000.0}
    commit = checkout.commit("pulse: an improvement")
    log = bare.log(checkout, messages=[poison])
    assert "ValueError: could not convert string to float: 'n/a'" in log
    opened = open_case(commit, log, messages=[], waits=Waits(patience_s=1.0))
    base = opened.replay.of(None)
    assert (base.verdict, base.observed) == ("unclear", "beats")
    assert "no messages of its channels were captured" in base.why
    harmless = opened.patch([(LEVELS, '"""The distance of', '"""Distance of')])
    assert opened.replay.of(harmless).verdict == "unclear"
    assert gone(opened.replay, harmless)
