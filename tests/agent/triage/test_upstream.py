"""Data of a dead upstream, and the same crash as the service's own bug."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.diagnosis import Category

if TYPE_CHECKING:
    from tests.agent.triage.conftest import World

RULES = "services/vigil/intel/rules.py"

READS = """
import json

SPOT = "massive:spot"


def prime(client):
    return json.loads(client.get(SPOT))


class Client:
    def get(self, key):
        return None


prime(Client())
"""
MISSING = {"market-redis": {"massive:chain:latest": {"type": "string", "value": "{}"}}}
PRESENT = {"market-redis": {"massive:spot": {"type": "string", "value": "{}"}}}


def test_data_of_a_dead_service_is_missing(world: World) -> None:
    found = world.triage(world.run(READS), snapshot=world.health(dead=("massive",)), redis=MISSING)
    assert (found.category, found.verdict, found.reason) == ("upstream", "not_fixable", "upstream")
    assert found.confidence >= 0.9 and found.operator_action == "start massive, then vigil"
    assert found.culprit is not None and found.culprit.function == "prime"


@pytest.mark.parametrize(
    ("dead", "redis"), [((), MISSING), (("massive",), PRESENT), (("journal",), MISSING), ((), None)]
)
def test_the_same_crash_is_the_service_s_bug_otherwise(
    world: World, dead: tuple[str, ...], redis: Any
) -> None:
    found = world.triage(world.run(READS), snapshot=world.health(dead=dead), redis=redis)
    assert (found.category, found.verdict) == (Category.BAD_DATA, "fixable")


def test_dead_service_that_the_failing_code_does_not_read(world: World) -> None:
    log = world.run("def go(x):\n    return x['spot']\n\n\ngo(None)")
    found = world.triage(log, snapshot=world.health(dead=("massive",)), redis=MISSING)
    assert found.verdict == "fixable" and "massive is down too" in found.look_alikes[0]


def test_http_call_to_a_dead_service(world: World) -> None:
    error = (
        "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host localhost:3002 ssl:default"
    )
    found = world.triage(world.raised(error, RULES), snapshot=world.health(dead=("journal",)))
    assert (found.category, found.operator_action) == (Category.UPSTREAM, "start journal, then vigil")
