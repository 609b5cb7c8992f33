"""Tests that a patch brings to look mended: they fail on the base as the incident did, and prove nothing.

The captured world is taken away, so that no replay can speak against the patch. It mends nothing:
all that it adds to the service is a name by which its test knows on which code it runs.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from agent.case import Case, open_case
from agent.proof import Climb, Proof, prove
from agent.proof.regression import choices
from agent.settings import Settings
from evals.record import INCIDENTS
from evals.reference import edits_of
from evals.testbed import repository
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from sandbox.patch import Edit, from_edits
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
SPOT = "services/vigil/intel/spot.py"
NEW_TEST = "services/vigil/tests/test_day_change.py"
TITLE = '"""A spot price as vigil sees it."""\n'
MARK = Edit(path=SPOT, search=TITLE, replace=f"{TITLE}\nMARK = 2\n")

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
ANOTHER_FAULT = """
    def test_x():
        assert spot.Spot("SPX", 101.2, 1.0, "1000").day_change_pct is None
    """
HONEST = """
    def test_x():
        found = [spot.Spot("SPX", 101.2, 1.0, close).day_change_pct for close in (None, 100.0)]
        assert found[0] is None and found[1] > 1
    """


def test_file(body: str) -> str:
    return "from services.vigil.intel import spot\n\n\n" + dedent(body).lstrip()


test_file.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The incident without what its replay would need."""
    folder = tmp_path_factory.mktemp("hollow")
    repo = make_repository(folder / "marketswarm").path
    incident = folder / "incident"
    shutil.copytree(INCIDENTS / FAULT.id, incident)
    for name in ("redis.json", "messages.jsonl"):
        (incident / name).unlink()
    recorded = json.loads((incident / "incident.json").read_text())
    (incident / "incident.json").write_text(json.dumps({**recorded, "commit": FAULT.apply(repo)}))
    settings = Settings(repo=repo, python=Path(sys.executable))
    return open_case(IncidentFolder(incident), settings, folder / "state", lambda event: None)


def proof_of(case: Case, body: str, *edits: Edit) -> Proof:
    new_test = Edit(path=NEW_TEST, replace=test_file(body))
    patch = from_edits(case.bench.gate, case.incident.commit, case.incident.service, [*edits, new_test])
    return prove(case, patch, 1, lambda event: None)


def test_the_rung_of_a_hollow_test_is_not_shown(case: Case) -> None:
    new_test = Edit(path=NEW_TEST, replace=test_file(HOLLOW["a branch"]))
    patch = from_edits(case.bench.gate, case.incident.commit, case.incident.service, [MARK, new_test])
    bench = case.bench
    assert case.isolation and bench.tests and bench.replay
    told: list[object] = []
    climb = Climb(
        *(patch, case.crash, case.incident.service, bench.gate, case.isolation),
        *(bench.tests, bench.replay, 1, (), told.append),
    )
    climb.regression_test()

    rung = climb.rungs["regression test"]
    assert rung.state == "not shown"
    assert f"{NEW_TEST}:5 asks what the code under test has (hasattr)" in rung.detail


@pytest.mark.slow
@pytest.mark.parametrize("name", HOLLOW)
def test_a_hollow_test_proves_nothing(case: Case, name: str) -> None:
    proof = proof_of(case, HOLLOW[name], MARK)

    assert proof.state("reproduced") == "not shown", "else the replay would speak, not the test"
    assert proof.state("regression test") == "not shown"
    assert not proof.proven


@pytest.mark.slow
def test_the_incidents_type_of_another_fault_proves_nothing(case: Case) -> None:
    other = Edit(
        path=SPOT,
        search="        return (self.price - self.prev_close)",
        replace="        if isinstance(self.prev_close, str):\n            return None\n"
        "        return (self.price - self.prev_close)",
    )
    proof = proof_of(case, ANOTHER_FAULT, other)

    assert proof.state("regression test") == "not shown"
    assert not proof.proven


@pytest.mark.slow
def test_an_honest_test_alone_is_enough(case: Case) -> None:
    assert FAULT.fix is not None
    proof = proof_of(case, HONEST, *edits_of(FAULT.fix))

    assert proof.state("regression test") == "shown", proof.why_not
    assert proof.proven


CHOICES = {
    "if": "if spot.MARK:\n    pass",
    "what was made of it": "found = spot.parse({})\nother = found\nif other:\n    pass",
    "what a helper gives": "def mark():\n    return spot.MARK\n\n\nx = 1 if mark() else 2",
    "while": "while spot.MARK:\n    break",
    "match": "match spot.MARK:\n    case 1:\n        pass",
    "a comprehension": "x = [1 for one in [2] if spot.MARK]",
    "an index": "x = (1, 2)[spot.MARK]",
    "or": "assert spot.MARK or spot.day()",
    "and": "x = spot.MARK and spot.day()",
    "an import that may fail": "try:\n    spot.MARK\nexcept AttributeError:\n    pass",
    "suppress": "with contextlib.suppress(AttributeError):\n    spot.MARK",
    "asking": "x = hasattr(spot, 'MARK')",
    "a default": "x = getattr(spot, 'MARK', 1)",
    "the modules": "x = sys.modules['services.vigil.intel.spot']",
    "a path": "x = open('services/vigil/intel/spot.py').read()",
    "a path from its own": "x = (HERE / 'intel' / 'spot.py').read_text()",
    "the tree": "x = len(list(Path().rglob('*')))",
    "an exception thrown in": "spot.run().throw(TypeError())",
}
PLAIN = {
    "a loop over results": "for one in spot.parse([]):\n    assert one['price'] == 1",
    "claims in one": "assert spot.MARK and spot.day() == 3",
    "a fake with branches": "class Bus:\n    def get(self, key):\n        return 1 if key in self.keys else None",
    "the usual path": "ROOT = Path(__file__).parents[3]\nif str(ROOT) not in sys.path:\n    sys.path.insert(0, str(ROOT))",
    "an index of a result": "assert spot.parse({})[0]['price'][1:] == [1]",
    "an error that is awaited": "with pytest.raises(ValueError, match='no'):\n    spot.parse({})",
    "cleaning up": "try:\n    spot.parse({})\nfinally:\n    spot.close()",
}


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_found(name: str) -> None:
    assert choices({NEW_TEST: test_file(CHOICES[name]).encode()})


@pytest.mark.parametrize("name", PLAIN)
def test_what_honest_tests_do_is_no_choice(name: str) -> None:
    head = "import sys\nfrom pathlib import Path\n\nimport pytest\n"

    assert choices({NEW_TEST: f"{head}{test_file(PLAIN[name])}".encode()}) == []


def test_a_choice_in_a_helper_counts_and_data_does_not() -> None:
    helper = {
        "services/vigil/tests/marks.py": b"from services.vigil.intel import spot\n\nX = hasattr(spot, 'M')\n"
    }

    assert "marks.py:3" in choices({**helper, "services/vigil/tests/a.json": b"if x"})[0]
    assert choices({"services/vigil/tests/a.json": b"hasattr(x)"}) == []


SCRIPT = "const assert = require('node:assert');\nconst code = require('../src/transform');\n"
SCRIPT_CHOICES = {
    "if": "if (!code.MARK) code.changeOf(null);",
    "a ternary": "code.changeOf(code.MARK ? {} : null);",
    "what was made of it": "const mark = code.MARK;\nconst other = mark;\nif (other === 2) throw new TypeError();",
    "a part of it": "const { MARK } = require('../src/transform');\nMARK || code.changeOf(null);",
    "an index": "const rows = [null, {}];\ncode.changeOf(rows[code.MARK]);",
    "an import": "import { MARK } from '../src/transform.js';\nMARK && code.changeOf(null);",
    "the source": "const text = fs.readFileSync(require.resolve('../src/transform'), 'utf8');",
    "the source of a function": "const text = code.changeOf.toString();",
    "an error that is caught": "try { code.changeOf(null); } catch (error) { }",
}


@pytest.mark.parametrize("name", SCRIPT_CHOICES)
def test_a_choice_is_found_in_a_script(name: str) -> None:
    source = f"{SCRIPT}\ntest('x', () => {{\n{SCRIPT_CHOICES[name]}\n}});\n"

    assert choices({"services/sse/test/day.test.js": source.encode()})


def test_the_testbed_s_own_tests_choose_nothing() -> None:
    tests = {
        str(file): file.read_bytes()
        for pattern in ("test_*.py", "*.test.js")
        for file in (Path(repository.__file__).parent / "tree" / "services").rglob(pattern)
    }

    assert len(tests) > 5
    assert choices(tests) == []
