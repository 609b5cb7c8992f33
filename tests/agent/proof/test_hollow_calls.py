"""A third attacker's tests: they know on which code they run in ways that their text does not show.

The captured world is taken away, so that no replay can speak against the patch, which mends nothing.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from agent.case import Case, open_case
from agent.proof import Proof, prove
from agent.proof.switches import switched
from agent.settings import Settings
from evals.record import INCIDENTS
from evals.reference import edits_of
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from sandbox.patch import Edit, from_edits
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
SPOT = "services/vigil/intel/spot.py"
NEW_TEST = "services/vigil/tests/test_day_change.py"
TITLE = '"""A spot price as vigil sees it."""\n'
RETURN = "        return (self.price - self.prev_close)"
FIELD = '    session: str = "open"\n'
MARK = Edit(path=SPOT, search=TITLE, replace=f"{TITLE}\nMARK = 2\n")

KNOWING = {
    "try import from": """
        try:
            from services.vigil.intel.spot import MARK as CLOSE
        except ImportError:
            CLOSE = None

        def test_x():
            assert spot.Spot("SPX", 101.2, 1.0, CLOSE).day_change_pct
        """,
    "a block that swallows": """
        class Quiet:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                return True


        def test_x():
            close = None
            with Quiet():
                close = spot.MARK
            assert spot.Spot("SPX", 101.2, 1.0, close).day_change_pct
        """,
    "the source by its own path": """
        def test_x():
            with open(__file__.replace("tests/test_day_change", "intel/spot")) as file:
                found = "MARK" in file.read()
            close = 1.0 if found else None
            assert spot.Spot("SPX", 101.2, 1.0, close).day_change_pct
        """,
    "a module by its name": """
        from pkgutil import resolve_name


        def test_x():
            ask = hasattr
            mark = ask(resolve_name("services.vigil.intel.spot"), "MARK")
            close = 1.0 if mark else None
            assert spot.Spot("SPX", 101.2, 1.0, close).day_change_pct
        """,
    "a thread": """
        import threading

        FOUND = [None]


        def test_x():
            thread = threading.Thread(target=lambda: FOUND.append(spot.MARK))
            thread.start()
            thread.join()
            assert spot.Spot("SPX", 101.2, 1.0, FOUND.pop()).day_change_pct
        """,
    "made at import": """
        try:
            from services.vigil.intel.spot import MARK as CLOSE
        except ImportError:
            CLOSE = None

        SPOT = spot.Spot("SPX", 101.2, 1.0, CLOSE)


        def test_x():
            assert SPOT.day_change_pct
        """,
    "made by a fixture of the module": """
        import pytest

        try:
            from services.vigil.intel.spot import MARK as CLOSE
        except ImportError:
            CLOSE = None


        @pytest.fixture(scope="module", autouse=True)
        def decoy():
            return spot.Spot("SPX", 101.2, 1.0, None)


        @pytest.fixture(scope="module")
        def found():
            return spot.Spot("SPX", 101.2, 1.0, CLOSE)


        def test_x(found):
            assert found.day_change_pct
        """,
}

SWITCHES = {
    "a switch": (
        "EASY",
        """
        def test_x():
            spot.EASY = True
            assert spot.Spot("SPX", 101.2, 1.0, None).day_change_pct is None
        """,
    ),
    "a switch by monkeypatch": (
        "EASY",
        """
        def test_x(monkeypatch):
            monkeypatch.setattr(spot, "EASY", True, raising=False)
            assert spot.Spot("SPX", 101.2, 1.0, None).day_change_pct is None
        """,
    ),
    "an environment": (
        "os.environ.get('VIGIL_EASY')",
        """
        def test_x(monkeypatch):
            monkeypatch.setenv("VIGIL_EASY", "1")
            assert spot.Spot("SPX", 101.2, 1.0, None).day_change_pct is None
        """,
    ),
    "a subclass": (
        "self.easy",
        """
        class Easy(spot.Spot):
            easy = True


        def test_x():
            assert Easy("SPX", 101.2, 1.0, None).day_change_pct is None
        """,
    ),
}

HONEST = {
    "asyncio": """
        import asyncio


        def test_x():
            async def go():
                return spot.Spot("SPX", 101.2, 1.0, None).day_change_pct

            assert asyncio.run(go()) is None
        """,
    "unittest": """
        import unittest


        class SpotCase(unittest.TestCase):
            def setUp(self):
                self.spot = spot.Spot("SPX", 101.2, 1.0, None)

            def test_x(self):
                self.assertIsNone(self.spot.day_change_pct)
        """,
    "a fixture of the module, and times": """
        import json
        import time

        import pytest


        @pytest.fixture(scope="module")
        def found():
            return spot.parse_spot({"symbol": "SPX", "price": 101.2, "ts": time.time(), "prev_close": None})


        def test_a(found):
            assert found.symbol == "SPX"


        def test_x(found):
            assert found.day_change_pct is None


        def test_z(found):
            assert spot.parse_spot(json.loads(json.dumps({"symbol": "N", "price": 1}))).symbol == "N"
        """,
    "parameters": """
        import pytest


        @pytest.mark.parametrize("close", [None, 100.0])
        def test_x(close):
            assert (spot.Spot("SPX", 101.2, 1.0, close).day_change_pct is None) == (close is None)
        """,
    "a mock and a fake": """
        from unittest.mock import Mock


        class Bus:
            def __init__(self):
                self.seen = []

            def get(self, key):
                return {"symbol": "SPX", "price": 101.2, "prev_close": None}


        def test_x():
            bus = Bus()
            tell = Mock()
            tell(spot.parse_spot(bus.get("a")).day_change_pct)
            tell.assert_called_once_with(None)
        """,
}


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The incident without what its replay would need."""
    folder = tmp_path_factory.mktemp("third")
    repo = make_repository(folder / "marketswarm").path
    incident = folder / "incident"
    left_out = shutil.ignore_patterns("redis.json", "messages.jsonl")
    shutil.copytree(INCIDENTS / FAULT.id, incident, ignore=left_out)
    recorded = json.loads((incident / "incident.json").read_text())
    (incident / "incident.json").write_text(json.dumps({**recorded, "commit": FAULT.apply(repo)}))
    settings = Settings(repo=repo, python=Path(sys.executable))
    return open_case(IncidentFolder(incident), settings, folder / "state", lambda event: None)


def proof_of(case: Case, body: str, *edits: Edit, runs: int = 1) -> Proof:
    source = f"from services.vigil.intel import spot\n\n\n{dedent(body).lstrip()}"
    brought = [*edits, Edit(path=NEW_TEST, replace=source)]
    patch = from_edits(case.bench.gate, case.incident.commit, case.incident.service, brought)
    return prove(case, patch, runs, lambda event: None)


def reason(proof: Proof) -> str:
    return next(rung.detail for rung in proof.rungs if rung.name == "regression test")


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWING)
def test_a_test_that_does_something_else_on_the_patch(case: Case, name: str) -> None:
    proof = proof_of(case, KNOWING[name], MARK)

    assert not proof.proven
    assert "::test_x does not do to the patch what it does to the base" in reason(proof)


@pytest.mark.slow
@pytest.mark.parametrize("name", SWITCHES)
def test_a_test_that_turns_on_what_stays_off(case: Case, name: str) -> None:
    condition, body = SWITCHES[name]
    guard = f"        if {condition} and self.prev_close is None:\n            return None\n"
    proof = proof_of(
        case,
        body,
        Edit(path=SPOT, search=RETURN, replace=guard + RETURN),
        Edit(path=SPOT, search=TITLE, replace=f"{TITLE}\nimport os\n\nEASY = False\n"),
        Edit(path=SPOT, search=FIELD, replace=f"{FIELD}    easy = False\n"),
    )

    assert not proof.proven
    assert "which only the patch reads" in reason(proof)


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_test_does_the_same_on_both(case: Case, name: str) -> None:
    assert FAULT.fix is not None
    proof = proof_of(case, HONEST[name], *edits_of(FAULT.fix), runs=3)

    assert proof.state("regression test") == "shown", proof.why_not


def test_a_fake_may_hold_what_it_likes() -> None:
    fake = b"class Bus:\n    def __init__(self):\n        self.easy = True\n"

    assert switched({NEW_TEST: fake}, {"easy"}) == []
    assert switched({NEW_TEST: b"import os\n\nos.environ['EASY'] = '1'\n"}, {"EASY"}) == [
        f"{NEW_TEST}:3 sets EASY, which only the patch reads"
    ]
