"""The same pattern in other services: found by what the code does, told, and left alone where it is guarded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.triage import related
from tools.repository import Repository

if TYPE_CHECKING:
    from tests.agent.triage.conftest import World

OTHER = "services/massive/intel/other.py"

KINDS = {
    "a key without a default": (
        "beat = {'ts': 1}\nprint(beat['pid'])",
        "def age(last):\n    return last['pid']\n",
        "reads the key 'pid' without a default",
    ),
    "an attribute of nothing": (
        "part = {'heartbeat': None}\nbeat = part.get('heartbeat')\nprint(beat.interval)",
        "def every(component):\n    spec = component.get('heartbeat')\n    return spec.interval\n",
        "takes .interval of get('heartbeat')",
    ),
    "an attribute that the object lacks": (
        "from shared.logutil import LogUtil\nlog = LogUtil()\nlog.exception('x')",
        "def told(log):\n    log.exception('no')\n",
        "uses .exception of log",
    ),
    "a name that shared/ no longer has": (
        "from shared.redis_io import publish",
        "from shared.redis_io import publish\n",
        "imports publish from shared.redis_io",
    ),
    "a module that is gone": (
        "import shared.wire",
        "from shared.wire import send\n",
        "imports shared.wire",
    ),
    "a call with arguments that are not taken": (
        "def write(key, value):\n    pass\n\n\nwrite('a', 1, ttl=3)",
        "def run(io):\n    io.write('b', 2, ttl=9)\n",
        "calls write with the same arguments",
    ),
    "a division by how many there are": (
        "scores = []\nprint(sum(scores) / len(scores))",
        "def mean(values):\n    return sum(values) / len(values)\n",
        "divides by len(_)",
    ),
    "a division by a value": (
        "spot = {'close': 0.0}\nprint(1 / spot['close'])",
        "def move(row):\n    close = row['close']\n    return row['price'] / close\n",
        "divides by ['close']",
    ),
    "a number that is none": (
        "env = {'MOVE': '0,4'}\nprint(float(env['MOVE']))",
        "def limit(settings):\n    return float(settings['MOVE'])\n",
        "gives float ['MOVE']",
    ),
    "nothing that is counted with": (
        "spot = {'prev': None}\nprint(3.0 - spot['prev'])",
        "def change(row):\n    return row['price'] - row['prev']\n",
        "relies on ['prev']",
    ),
    "the most of nothing": (
        "row = {'levels': []}\nprint(max(row['levels']))",
        "def top(model):\n    return max(model['levels'])\n",
        "counts on a member of ['levels']",
    ),
}


def found_in(world: World, code: str) -> tuple[str, ...]:
    found = world.triage(world.run(code))
    repository = Repository(world.root / "repo")
    try:
        return related(repository, found)
    finally:
        repository.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_pattern_in_another_service_is_told(world: World, kind: str) -> None:
    code, other, told = KINDS[kind]
    world.commit({OTHER: other})

    places = found_in(world, code)

    assert len(places) == 1, places
    assert places[0].startswith(f"{OTHER}:")
    assert places[0].endswith(f"({told}, too)")
    line = int(places[0].split(":")[1])
    assert other.splitlines()[line - 1].strip() in places[0]


@pytest.mark.parametrize(
    "guarded",
    [
        "def age(last):\n    return last.get('pid')\n",
        "def age(last):\n    return last['pid'] if 'pid' in last else None\n",
        "def age(last):\n    try:\n        return last['pid']\n    except KeyError:\n        return None\n",
        "def age(last):\n    last['pid'] = 1\n",
        "def age(lasts):\n    return [last['pid'] for last in lasts if 'pid' in last]\n",
        "def age(last:\n    return last['pid']\n",
    ],
    ids=["default", "asked", "caught", "written", "filtered", "no-python"],
)
def test_what_is_guarded_is_not_told(world: World, guarded: str) -> None:
    world.commit({OTHER: guarded})

    assert found_in(world, KINDS["a key without a default"][0]) == ()


def test_own_places_tests_and_shared_code_are_not_told(world: World) -> None:
    read = "def age(last):\n    return last['pid']\n"
    own, test = "services/vigil/intel/age.py", "services/massive/tests/test_age.py"
    world.commit({own: read, test: read, "shared/age.py": read})

    assert found_in(world, KINDS["a key without a default"][0]) == ()


def test_a_fault_of_shared_code_names_everyone_who_calls_it(world: World) -> None:
    world.commit({"shared/redis_io.py": "def read_model(raw):\n    return raw.decoded\n"})
    call = "from shared.redis_io import read_model\n\n\ndef load(raw):\n    return read_model(raw)\n"
    world.commit({OTHER: call, "services/journal/intel/load.py": call})
    log = world.run("from shared.redis_io import read_model\nread_model(b'x')")
    world.commit({"shared/redis_io.py": "def read_model(raw):\n\n    return raw.decoded\n"}, "touch shared")
    found = world.triage(log)

    places = related(Repository(world.root / "repo"), found)

    assert found.reason == "shared"
    assert [place.partition(":")[0] for place in places] == ["services/journal/intel/load.py", OTHER]
    assert found.changes[0].subject == "touch shared"
    assert "Last commits to that file:" in found.text


def test_an_outage_has_no_pattern(world: World) -> None:
    world.commit({OTHER: "def age(last):\n    return last['pid']\n"})
    found = world.triage(
        world.raised("redis.exceptions.ConnectionError: Error 111 connecting to 127.0.0.1:6380. refused",
                     "services/vigil/main.py"),
        snapshot=world.health("market-redis"),
    )  # fmt: skip

    assert found.verdict == "not_fixable"
    assert related(Repository(world.root / "repo"), found) == ()


def test_many_places_are_counted(world: World) -> None:
    read = "def age(last):\n    return last['pid']\n"
    world.commit({f"services/massive/intel/m{number}.py": read for number in range(11)})

    places = found_in(world, KINDS["a key without a default"][0])

    assert len(places) == 9
    assert places[-1] == "and 3 more places"


def test_the_commits_that_touched_the_culprit_are_told_newest_first(world: World) -> None:
    rules = "services/vigil/intel/rules.py"
    world.commit({rules: "def evaluate(values):\n    return values['spot']\n"}, "rules: no limit", "Robin")
    world.commit({"services/massive/intel/x.py": "x = 1\n"}, "massive: something else")
    code = "from services.vigil.intel.rules import evaluate\n\nevaluate({})"
    found = world.triage(world.run(code))

    assert found.culprit is not None and found.culprit.file == rules
    assert [change.subject for change in found.changes] == ["rules: no limit", "first version"]
    assert "Robin: rules: no limit" in found.text
