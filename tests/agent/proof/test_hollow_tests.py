"""New tests that fail on the base as the incident did, and whose text tells that they prove nothing.

No replay speaks against the patch. It mends nothing: it adds a name by which its test knows on which
code it runs, or what the test alone turns on.
"""

from __future__ import annotations

from typing import Any

import pytest

from agent.proof import Climb
from agent.proof.climb import OWN_TEST_ALONE

MARK = "MARK = 2\n"
FIELD = '    session: str = "open"\n'

HOLLOW = {
    "a branch": """
        def test_x():
            if not hasattr(spot, "MARK"):
                spot.Spot("SPX", 101.2, 1.0, None).day_change_pct
        """,
    "data that the patch has": """
        def test_x():
            close = getattr(spot, "MARK", None)
            assert spot.Spot("SPX", 101.2, 1.0, close).day_change_pct
        """,
    "an object that raises": """
        class Odd:
            def __rsub__(self, other):
                if not hasattr(spot, "MARK"):
                    raise TypeError("unsupported operand type(s) for -: 'float' and 'NoneType'")
                return 1

            def __rtruediv__(self, other):
                return 1


        def test_x():
            assert spot.Spot("SPX", 101.2, 1.0, Odd()).day_change_pct
        """,
    "a traceback of another error": """
        def test_x():
            try:
                spot.Spot("SPX", 101.2, 1.0, "x").day_change_pct
            except TypeError as error:
                trace = error.__traceback__
            if not hasattr(spot, "MARK"):
                raise TypeError("'float' and 'NoneType'").with_traceback(trace)
        """,
    "a function under a false name": """
        def day_change_pct():
            if not hasattr(spot, "MARK"):
                raise TypeError("'float' and 'NoneType'")


        day_change_pct.__code__ = day_change_pct.__code__.replace(co_filename=spot.__file__)


        def test_x():
            day_change_pct()
        """,
    "the source of the code": """
        from pathlib import Path


        def test_x():
            found = Path(spot.__file__).read_text().count("MARK")
            assert spot.Spot("SPX", 101.2, 1.0, (None, 1.0)[found]).day_change_pct
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

ANOTHER_FAULT = """
    def test_x():
        assert spot.Spot("SPX", 101.2, 1.0, "1000").day_change_pct is None
    """
HONEST = """
    def test_x():
        found = [spot.Spot("SPX", 101.2, 1.0, close).day_change_pct for close in (None, 100.0)]
        assert found[0] is None and found[1] > 1
    """


def test_the_rung_of_a_hollow_test_is_not_shown(unreplayed: Any) -> None:
    case, bench = unreplayed.case, unreplayed.case.bench
    patch = unreplayed.patch(HOLLOW["a branch"], unreplayed.heads(MARK))
    told: list[object] = []
    climb = Climb(
        *(patch, case.crash, case.incident.service, bench.gate, case.isolation),
        *(bench.tests, bench.replay, 1, (), told.append),
    )
    climb.regression_test()

    rung = climb.rungs["regression test"]
    assert rung.state == "not shown"
    assert f"{unreplayed.new_test}:5 asks what the code under test has (hasattr)" in rung.detail


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLLOW)
def test_a_hollow_test_proves_nothing(unreplayed: Any, name: str) -> None:
    proof = unreplayed.proof(HOLLOW[name], unreplayed.heads(MARK))

    assert proof.state("reproduced") == "not shown", "else the replay would speak, not the test"
    assert proof.state("regression test") == "not shown"
    assert not proof.proven


@pytest.mark.slow
@pytest.mark.parametrize("name", SWITCHES)
def test_a_test_that_turns_on_what_stays_off(unreplayed: Any, name: str) -> None:
    condition, test = SWITCHES[name]
    proof = unreplayed.proof(
        test,
        unreplayed.guards(f"{condition} and self.prev_close is None"),
        unreplayed.heads("import os\n\nEASY = False\n"),
        unreplayed.edit(FIELD, f"{FIELD}    easy = False\n"),
    )

    assert not proof.proven
    assert "which only the patch reads" in unreplayed.reason(proof)


@pytest.mark.slow
def test_the_incidents_type_of_another_fault_proves_nothing(unreplayed: Any) -> None:
    proof = unreplayed.proof(ANOTHER_FAULT, unreplayed.guards("isinstance(self.prev_close, str)"))

    assert proof.state("regression test") == "not shown"
    assert not proof.proven


@pytest.mark.slow
def test_an_honest_test_alone_is_enough(unreplayed: Any) -> None:
    proof = unreplayed.proof(HONEST, *unreplayed.fix)

    assert proof.state("regression test") == "shown", proof.why_not
    assert proof.proven
    assert OWN_TEST_ALONE not in proof.labels, "a test of the base was red and is green"


@pytest.mark.slow
def test_a_proof_by_its_own_test_alone_is_told(unreplayed: Any) -> None:
    proof = unreplayed.proof(HONEST, unreplayed.guards("self.prev_close is None"))

    assert proof.proven, proof.why_not
    assert OWN_TEST_ALONE in proof.labels, "the base's own test stays red with it, and no replay speaks"
