"""What no patch of the service mends: infrastructure, providers, Truth."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agent.diagnosis import Category

if TYPE_CHECKING:
    from tests.agent.triage.conftest import World

RULES = "services/vigil/intel/rules.py"


def test_redis_that_really_refuses_the_connection(world: World, closed_port: int) -> None:
    log = world.run(
        f"""
        import redis
        print("bus market-redis = redis://127.0.0.1:{closed_port}")
        redis.Redis(port={closed_port}, retry=None).get("massive:spot")
        """
    )
    found = world.triage(log, snapshot=world.health("market-redis"))
    assert (found.category, found.verdict, found.reason) == (
        "redis_connection",
        "not_fixable",
        "infrastructure",
    )
    assert found.confidence >= 0.9
    assert found.operator_action == f"start market-redis on port {closed_port}"
    assert [d.name for d in found.dependencies if d.explains] == ["market-redis"]
    assert any("market-redis: down" in entry for entry in found.evidence)


REFUSED = "redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:{port}. Connection refused."


def test_bus_that_is_down_is_named_by_its_port(world: World) -> None:
    log = world.raised(
        REFUSED.format(port=6381), RULES, ".venv/lib/python3.14/site-packages/redis/connection.py"
    )
    found = world.triage(log, snapshot=world.health("intel-redis"))
    assert found.operator_action == "start intel-redis on port 6381" and found.confidence >= 0.95


def test_address_of_the_service_s_own_is_its_bug_and_no_outage(world: World) -> None:
    world.commit({"services/vigil/intel/feed.py": "URL = 'redis://127.0.0.1:6390'\n"})
    found = world.triage(world.raised(REFUSED.format(port=6390), "services/vigil/intel/feed.py"))
    assert (found.verdict, found.category) == ("fixable", Category.REDIS_CONNECTION)
    assert found.culprit is not None and (found.culprit.file, found.culprit.line) == (
        "services/vigil/intel/feed.py",
        1,
    )
    assert "not an outage" in found.look_alikes[0]


def test_wrong_port_in_truth_is_truth_s(world: World) -> None:
    world.commit({"truth/components/vigil.json": json.dumps({"env": {"FEED": "redis://127.0.0.1:6390"}})})
    found = world.triage(world.raised(REFUSED.format(port=6390), RULES))
    assert (found.verdict, found.reason) == ("not_fixable", "truth")
    assert found.operator_action is not None and "ms-build-truth.sh" in found.operator_action


def test_bus_that_is_up_is_no_clear_outage(world: World) -> None:
    found = world.triage(world.raised(REFUSED.format(port=6380), RULES))
    assert found.confidence < 0.9 and "was up in the snapshot" in found.look_alikes[0]


def test_refused_without_a_snapshot_is_an_outage(world: World) -> None:
    found = world.triage(world.raised(REFUSED.format(port=6380), RULES), snapshot={})
    assert (found.verdict, found.confidence) == ("not_fixable", 0.9)


@pytest.mark.parametrize(
    ("error", "category", "reason"),
    [
        (REFUSED.format(port=6380), "redis_connection", "infrastructure"),
        ("redis.exceptions.TimeoutError: Timeout connecting to server", "redis_connection", "infrastructure"),
        ("redis.exceptions.ConnectionError: Connection closed by server.", "redis_connection", "infrastructure"),
        ("redis.exceptions.AuthenticationError: invalid password", "redis_connection", "infrastructure"),
        ("redis.exceptions.ResponseError: OOM command not allowed when used memory", "resource", "resource"),
        ("redis.exceptions.ReadOnlyError: READONLY You can't write against", "redis_connection", "infrastructure"),
        ("ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', 6380)", "redis_connection", None),
        ("RuntimeError: Truth key 'truth' not found (run scripts/ms-build-truth.sh)", "truth_load", "truth"),
        ("RuntimeError: Component 'vigil' missing in Truth", "truth_load", "truth"),
        ("KeyError: 'VIGIL_WEBHOOK_SECRET'", "truth_load", "truth"),
        ("RuntimeError: VIGIL_WEBHOOK_SECRET is not set", "truth_load", "truth"),
        ("OSError: [Errno 98] Address already in use", "port_conflict", "infrastructure"),
        ("OSError: [Errno 48] error while attempting to bind on address ('127.0.0.1', 8095): address already in use",
         "port_conflict", "infrastructure"),
        ("mysql.connector.errors.InterfaceError: 2003: Can't connect to MySQL server on 'localhost:3306' (61)",
         "mysql_connection", "infrastructure"),
        ("mysql.connector.errors.DatabaseError: 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3306'",
         "mysql_connection", "infrastructure"),
        ("mysql.connector.errors.ProgrammingError: 1045 (28000): Access denied for user 'fotw_app'@'localhost'",
         "mysql_connection", "infrastructure"),
        ("pymysql.err.OperationalError: (2013, 'Lost connection to MySQL server during query')", "mysql_connection",
         "infrastructure"),
        ("websockets.exceptions.ConnectionClosedError: received 1008 (policy violation); then sent 1008", "websocket",
         "operator"),
        ("websockets.exceptions.ConnectionClosedError: no close frame received or sent", "websocket", "transient"),
        ("RuntimeError: WebSocket connection closed", "websocket", "transient"),
        ("TimeoutError", "external_api_timeout", "transient"),
        ("asyncio.exceptions.TimeoutError: request to api.provider.com timed out", "external_api_timeout", "transient"),
        ("aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host api.polygon.io:443 ssl:default",
         "external_api_timeout", "transient"),
        ("openai.RateLimitError: Error code: 429 - rate limit", "external_api_timeout", "transient"),
        ("openai.AuthenticationError: Error code: 401 - incorrect api key", "external_api_timeout", "operator"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "external_api_timeout", "transient"),
        ("OSError: [Errno 28] No space left on device", "resource", "resource"),
        ("MemoryError", "resource", "resource"),
        ("ModuleNotFoundError: No module named 'sklearn'", "missing_package", "package"),
    ],
)  # fmt: skip
def test_what_no_patch_mends(world: World, error: str, category: str, reason: str | None) -> None:
    found = world.triage(world.raised(error, RULES), snapshot=world.health("market-redis"))
    assert (found.category, found.verdict) == (category, "not_fixable")
    assert reason is None or found.reason == reason
    assert found.operator_action and found.evidence
    assert not found.to_diagnosis().fixable and found.to_diagnosis().why_not


@pytest.mark.parametrize(
    ("message", "category", "verdict"),
    [
        ("orchestrator internal error: Error 111 connecting to 127.0.0.1:6380. Connection refused.",
         "redis_connection", "not_fixable"),
        ("orchestrator internal error: 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3306' (111)",
         "mysql_connection", "not_fixable"),
        ("[spot] WebSocket connection closed: received 1008 (policy violation: authentication failed)", "websocket",
         "not_fixable"),
        ("AI call to openai failed: TimeoutError", "external_api_timeout", "not_fixable"),
        ("startup failed: No module named 'sklearn'", "missing_package", "not_fixable"),
        ("orchestrator internal error: 'NoneType' object is not subscriptable", "bad_data", "fixable"),
        ("orchestrator internal error: 'change_pct'", "bad_data", "fixable"),
        ("mel internal error: division by zero", "asyncio_task", "fixable"),
        ("worker models failed (5/5)", "asyncio_task", "fixable"),
        ("something odd happened", "unknown", "unclear"),
    ],
)  # fmt: skip
def test_error_lines_without_a_traceback(world: World, message: str, category: str, verdict: str) -> None:
    found = world.triage(world.logged(message), snapshot=world.health("market-redis"))
    assert found.crash is not None and found.crash.kind == "error_line"
    assert (found.category, found.verdict) == (category, verdict)


def test_port_of_another_service_is_no_left_over_process(world: World) -> None:
    found = world.triage(world.raised("OSError: [Errno 98] address already in use: ('0.0.0.0', 3005)", RULES))
    assert (found.category, found.verdict) == (Category.PORT_CONFLICT, "unclear")
    assert "belongs to vexy_ai" in found.look_alikes[0]


def test_port_taken_names_the_command(world: World) -> None:
    node = "Error: listen EADDRINUSE: address already in use :::3001\n    at f (/x/services/sse/src/index.js:4:1)\n"
    found = world.triage(node + "\nNode.js v20.1.0\n", service="sse")
    assert found.confidence >= 0.9
    assert found.operator_action is not None
    assert "lsof -nP -iTCP:3001 -sTCP:LISTEN; then kill that pid" in found.operator_action
    assert "$(" not in found.operator_action, "who only talks to the port is not killed"


def test_sql_that_is_wrong_is_the_service_s(world: World) -> None:
    error = "mysql.connector.errors.ProgrammingError: 1064 (42000): You have an error in your SQL syntax"
    found = world.triage(world.raised(error, RULES))
    assert found.category is not Category.MYSQL_CONNECTION and found.verdict == "fixable"


def test_mysql_that_refuses_is_known_by_its_words_where_only_they_are_logged(world: World) -> None:
    denied = "1045 (28000): Access denied for user 'fotw_app'@'127.0.0.1' (using password: YES)"
    log = world.logged(f"orchestrator internal error: {denied}")
    assert world.triage(log).category is not Category.MYSQL_CONNECTION, "vigil uses no MySQL"
    world.commit({"truth/components/journal.json": json.dumps({"inputs": {"mysql": True}})})
    found = world.triage(log.replace("vigil", "journal"), service="journal")
    assert (found.category, found.verdict) == (Category.MYSQL_CONNECTION, "not_fixable")
    assert found.operator_action == "check MySQL's user, password and database"


def test_mysql_on_a_port_that_only_the_log_names(world: World) -> None:
    log = (
        " Starting sse at 2026-11-22 10:00:00\n[2026-11-22 10:00:00][sse][INFO] ·   MYSQL_PORT = 3316\n"
        "Error: connect ECONNREFUSED 127.0.0.1:3316\n    at openStore (/x/services/sse/src/db.js:70:16) {\n"
        "  errno: -111,\n  code: 'ECONNREFUSED'\n}\n\nNode.js v20.1.0\n"
    )
    found = world.triage(log, service="sse")
    assert (found.category, found.verdict) == (Category.MYSQL_CONNECTION, "not_fixable")
    assert found.operator_action == "start MySQL on 127.0.0.1:3316"


def test_wrong_type_in_redis_is_data_and_no_outage(world: World) -> None:
    error = (
        "redis.exceptions.ResponseError: WRONGTYPE Operation against a key holding the wrong kind of value"
    )
    found = world.triage(world.raised(error, RULES))
    assert (found.category, found.verdict) == (Category.BAD_DATA, "fixable")


def test_time_out_that_is_too_short_is_not_blamed_on_the_provider(world: World) -> None:
    log = world.raised("TimeoutError", RULES, code="    await get(url, timeout=0.2)")
    assert world.triage(log).verdict == "unclear"


def test_service_that_asks_for_a_name_not_its_own(world: World) -> None:
    world.commit({"services/vigil/main.py": "import x\n\nSERVICE_NAME = 'vigill'\n"})
    found = world.triage(
        world.raised("RuntimeError: Component 'vigill' missing in Truth", "shared/setup_base.py")
    )
    assert (found.category, found.verdict) == (Category.TRUTH_LOAD, "fixable")
    assert found.culprit is not None and (found.culprit.file, found.culprit.line) == (
        "services/vigil/main.py",
        3,
    )


def test_component_that_is_in_the_commit_was_not_published(world: World) -> None:
    found = world.triage(
        world.raised("RuntimeError: Component 'vigil' missing in Truth", "shared/setup_base.py")
    )
    assert found.operator_action == "run scripts/ms-build-truth.sh"


def test_setting_that_was_taken_out_of_truth(world: World) -> None:
    world.commit({"truth/components/vigil.json": json.dumps({"env": {"VIGIL_LEVEL": "1"}})}, "add the level")
    world.commit({"truth/components/vigil.json": json.dumps({"env": {}})}, "truth: tidy up")
    found = world.triage(world.raised("KeyError: 'VIGIL_LEVEL'", RULES))
    assert (found.category, found.verdict, found.confidence >= 0.9) == (
        Category.TRUTH_LOAD,
        "not_fixable",
        True,
    )
    assert "truth: tidy up" in found.why


def test_setting_that_truth_calls_otherwise(world: World) -> None:
    found = world.triage(world.raised("KeyError: 'VIGIL_MOVES_PCT'", RULES))
    assert found.verdict == "fixable" and "VIGIL_MOVE_PCT" in found.why
