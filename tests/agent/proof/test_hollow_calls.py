"""New tests whose text tells nothing: what they do to the code under test tells that they prove nothing.

No replay speaks against the patch, which mends nothing. Its test does one thing to the base and
another to the patch, or lets the code compute with an object that gives what the test likes.
"""

from __future__ import annotations

from typing import Any

import pytest

DIFFERS = "::test_x does not do to the patch what it does to the base"
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

COMPUTING = {
    "a fake None that computes one way": """
        class NoneType:
            def __sub__(self, other):
                return 1.0

            def __rtruediv__(self, other):
                return 1.0


        def test_x():
            assert spot.Spot("SPX", 101.2, 1.0, NoneType()).day_change_pct
        """,
    "a mock that computes one way": """
        from unittest.mock import MagicMock


        def test_x():
            odd = MagicMock()
            odd.__rsub__.side_effect = TypeError("'float' and 'NoneType'")
            odd.__sub__.return_value = 1.0
            odd.__rtruediv__.return_value = 1.0
            assert spot.Spot("SPX", 101.2, 1.0, odd).day_change_pct
        """,
    "a mock under a false name": """
        from unittest.mock import MagicMock


        class NoneType(MagicMock):
            pass


        def test_x():
            odd = NoneType()
            del odd.__rsub__
            assert spot.Spot("SPX", 101.2, 1.0, odd).day_change_pct
        """,
    "a class that computes without code": """
        class NoneType:
            __module__ = "builtins"
            __sub__ = float
            __rtruediv__ = float


        def test_x():
            assert spot.Spot("SPX", 101.2, 1.0, NoneType()).day_change_pct
        """,
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


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWING)
def test_a_test_that_does_something_else_on_the_patch(unreplayed: Any, name: str) -> None:
    proof = unreplayed.proof(KNOWING[name], unreplayed.heads("MARK = 2\n"))

    assert not proof.proven
    assert DIFFERS in unreplayed.reason(proof)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPUTING)
def test_an_object_of_the_test_that_computes_as_it_likes(unreplayed: Any, name: str) -> None:
    turned = unreplayed.edit("(self.price - self.prev_close)", "-(self.prev_close - self.price)")
    proof = unreplayed.proof(COMPUTING[name], turned)

    assert not proof.proven
    assert DIFFERS in unreplayed.reason(proof)


@pytest.mark.slow
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_test_does_the_same_on_both(unreplayed: Any, name: str) -> None:
    proof = unreplayed.proof(HONEST[name], *unreplayed.fix, runs=3)

    assert proof.state("regression test") == "shown", proof.why_not
