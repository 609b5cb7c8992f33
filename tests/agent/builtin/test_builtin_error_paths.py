"""Names that only an error path uses, and the hunk that brought a crash: real services, healed by rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Pulse, Service

FILE = "services/vigil/intel/a.py"
RUN = "import services.vigil.intel.a as a\nprint(a.f())"
LEVELS = "intel/levels.py"
BROKEN = {"massive:levels": '{"a": '}
DROPPED = '            self.logger.warn(f"levels dropped: {error}")\n'


@pytest.mark.parametrize(
    ("source", "line"),
    [
        pytest.param(
            "def f():\n    try:\n        return int('x')\n    except ValueError:\n        return str(exc)[:7]\n",
            "    except ValueError as exc:",
            id="what is caught has no name",
        ),
        pytest.param(
            "def f():\n    try:\n        return int('x')\n    except ValueError as error:\n        return str(exc)[:7]\n",
            "        return str(error)[:7]",
            id="what is caught has another name",
        ),
        pytest.param(
            "import json\n\n\ndef f():\n    try:\n        return json.loads('')\n"
            "    except (KeyError, JSONDecodeError):\n        return 'invalid'\n",
            "    except (KeyError, json.JSONDecodeError):",
            id="an error of a module that is imported whole",
        ),
        pytest.param(
            "def f():\n    try:\n        return int('x')\n    except (KeyError, ValeuError):\n        return 'invalid'\n",
            "    except (KeyError, ValueError):",
            id="an error of Python, misspelt",
        ),
        pytest.param(
            "def f():\n    try:\n        raise errors.Stale('x')\n    except (KeyError, Stale):\n        return 'invalid'\n\n\n"
            "from services.vigil.intel import errors\n",
            "from services.vigil.intel.errors import Stale",
            id="an error of the project's own, defined and never imported by anybody",
        ),
    ],
)
def test_a_name_that_only_an_error_path_uses(service: Service, source: str, line: str) -> None:
    service.commit({FILE: source, "services/vigil/intel/errors.py": "class Stale(Exception):\n    pass\n"})
    assert service.mended(RUN) == "invalid"
    assert line in (service.path / FILE).read_text().splitlines()


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        pytest.param(
            "LIMIT = 'invalid'\n", "MOST = 'invalid'\n", "        return MOST", id="it has another name"
        ),
        pytest.param("LIMIT = 'invalid'\n", "", "LIMIT = 'invalid'", id="it is gone"),
        pytest.param(
            "from services.vigil.intel.b import WORD as LIMIT\n",
            "",
            "from services.vigil.intel.b import WORD as LIMIT",
            id="it was imported",
        ),
    ],
)
def test_a_name_that_a_change_took_away_while_an_error_path_still_used_it(
    service: Service, before: str, after: str, line: str
) -> None:
    body = "\n\ndef f():\n    try:\n        return int('x')\n    except ValueError:\n        return LIMIT\n"
    service.commit({FILE: before + body, "services/vigil/intel/b.py": "WORD = 'invalid'\n"})
    service.commit({FILE: after + body})
    assert service.mended(RUN) == "invalid"
    assert line in (service.path / FILE).read_text().splitlines()


def test_a_plain_value_is_no_function_of_python_that_has_its_name(service: Service) -> None:
    service.commit(
        {
            FILE: "def f():\n    try:\n        return int('x')\n    except ValueError:\n        return f'{field} lacks'\n"
        }
    )
    assert service.offers(RUN) == []


@pytest.mark.slow
def test_keys_by_the_pattern_of_their_siblings_and_a_module_in_an_error_path(pulse: Pulse) -> None:
    keys = 'LEVELS_KEY = "pulse:levels"\nKEPT = 20\n\n\n'
    kept = (
        "            await self.market.lpush(BROKEN_KEY, json.dumps({'raw': raw, 'ts': time.time()}))\n"
        "            await self.market.ltrim(BROKEN_KEY, 0, KEPT - 1)\n"
    )
    pulse.commit((LEVELS, "def widest", keys + "def widest"), (LEVELS, DROPPED, DROPPED + kept))
    healed = pulse.healed(values=BROKEN)
    assert "NameError: name 'BROKEN_KEY' is not defined" in healed.log
    assert healed.result.outcome == "branch", healed.told
    added = healed.diff.splitlines()
    assert '+BROKEN_KEY = "pulse:broken"' in added
    assert "+import time" in added
    diagnosis = healed.result.diagnosis
    assert diagnosis is not None and "is made after the other keys" in str(diagnosis.risk)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param('LEVELS_KEY = "levels"\n', id="no sibling with a pattern"),
        pytest.param('LEVELS_KEY = "pulse:levels"\nSTATE_KEY = "other:state"\n', id="siblings that differ"),
        pytest.param(
            'LEVELS_KEY = "pulse:levels"\nREAD = "massive:broken"\n', id="another name has the word"
        ),
    ],
)
def test_a_key_is_not_made_up_without_a_pattern(service: Service, keys: str) -> None:
    source = (
        f"{keys}\n\ndef f():\n    return redis().lpush(BROKEN_KEY, 'x')\n\n\ndef redis():\n    return []\n"
    )
    service.commit({FILE: source})
    assert [one.why for one in service.offers(RUN) if "BROKEN_KEY" in one.why] == []


OLD = "    strikes = sorted(levels.values())\n"
CAST = "    strikes = sorted(float(each) for each in levels.values())\n"


@pytest.mark.slow
def test_the_hunk_that_brought_a_crash_is_taken_back_and_said_to_be_a_workaround(pulse: Pulse) -> None:
    pulse.commit((LEVELS, OLD, CAST))
    guilty = pulse.commit(
        (LEVELS, "float(each)", "each"),
        (LEVELS, DROPPED, DROPPED.replace("dropped", "left out")),
    )
    healed = pulse.healed(values={"massive:levels": '{"a": 1, "b": "3"}'})
    assert healed.result.outcome == "branch", healed.told
    assert "+" + CAST.rstrip("\n") in healed.diff.splitlines()
    assert "dropped" not in healed.diff, "the other hunk of that commit stays"
    assert ("regression test", "shown") in [(one.name, one.state) for one in healed.result.proof]
    (label,) = [one for one in healed.result.labels if one.startswith("workaround: ")]
    assert f"reverts a hunk of {guilty[:10]}" in label
    assert healed.result.diagnosis is not None
    assert f"reverts a hunk of {guilty[:10]}" in healed.result.diagnosis.root_cause


@pytest.mark.slow
@pytest.mark.parametrize(
    "brought",
    [
        pytest.param(
            "    strikes = ast.literal_eval(str(sorted(levels.values(), key=json.loads)))\n",
            id="in its place",
        ),
        pytest.param(
            OLD + "    strikes.append(round(statistics.geometric_mean(strikes)))\n", id="something added"
        ),
    ],
)
def test_what_put_something_in_is_taken_back_where_nothing_else_mends_it(pulse: Pulse, brought: str) -> None:
    pulse.commit((LEVELS, "import json\n", "import ast\nimport json\nimport statistics\n"))
    guilty = pulse.commit((LEVELS, OLD, brought))
    healed = pulse.healed(values={"massive:levels": '{"a": -2, "b": 2}'})
    assert healed.result.outcome == "branch", healed.told
    (label,) = [one for one in healed.result.labels if one.startswith("workaround: ")]
    assert f"reverts a hunk of {guilty[:10]}" in label
    assert ("regression test", "shown") in [(one.name, one.state) for one in healed.result.proof]
    added = [line for line in healed.diff.splitlines() if line.startswith("+    strikes")]
    assert added == (["+" + OLD.rstrip("\n")] if OLD not in brought else [])


def test_what_put_something_in_stays_where_no_test_shows_that_it_crashed(pulse: Pulse) -> None:
    pulse.commit((LEVELS, "import json\n", "import json\nimport math\n"))
    pulse.commit((LEVELS, OLD, "    strikes = [math.sqrt(5 - each) for each in sorted(levels.values())]\n"))
    healed = pulse.healed(values={"massive:levels": '{"a": 9, "b": 4}'})
    assert healed.result.outcome == "diagnosed", healed.told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("    return 1\n", "    raise RuntimeError('no')\n    return 1\n", id="something added"),
        pytest.param(
            "    return weigh() or 1\n", "    raise RuntimeError(weigh())\n", id="something in its place"
        ),
    ],
)
def test_what_a_change_was_made_for_is_not_taken_back(service: Service, before: str, after: str) -> None:
    service.commit({FILE: f"def f():\n{before}\n\ndef weigh():\n    return 0\n"})
    service.commit({FILE: f"def f():\n{after}\n\ndef weigh():\n    return 0\n"})
    assert service.offers(RUN, f"\nCulprit: {FILE}:2 in f (owner: service)") == []


def test_a_default_of_an_earlier_version_is_back_for_what_is_missing_only(service: Service) -> None:
    source = "def weight(row):\n    return float(row.get('weight') or 1.0)\n\n\ndef f():\n    return weight({'weight': 0}), weight({})\n"
    service.commit({FILE: source})
    service.commit({FILE: source.replace("row.get('weight') or 1.0", "row['weight']")})
    assert service.mended(RUN) == "(0.0, 1.0)"


def test_a_hunk_of_another_function_is_not_taken_back(service: Service) -> None:
    fault = "\n\ndef f():\n    raise RuntimeError('no')\n"
    service.commit({FILE: "def g():\n    return 1\n" + fault})
    service.commit({FILE: "def g():\n    return 2\n" + fault})
    assert service.offers(RUN, f"\nCulprit: {FILE}:6 in f (owner: service)") == []
