"""A fourth attacker's patches that mend nothing, where no replay can speak against them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from agent.case import Case, open_case
from agent.proof import Proof, prove
from agent.proof.regression import choices
from agent.settings import Settings
from evals.record import INCIDENTS
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository
from sandbox.patch import Edit, from_edits
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
SPOT = "services/vigil/intel/spot.py"
NEW_TEST = "services/vigil/tests/test_day_change.py"
RETURN = "        return (self.price - self.prev_close)"
TURNED = "        return -(self.prev_close - self.price)"

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
            assert spot.Spot("SPX", 101.2, 1.0, NoneType()).day_change_pct
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
SCRIPT = "const assert = require('node:assert');\nconst code = require('../src/transform');\n"
TAKEN = {
    "a default": "const { MARK = null, changeOf } = require('../src/transform');\nchangeOf(MARK);",
    "a default, over several lines": "const {\n  MARK = null,\n  changeOf,\n} = code;\nchangeOf(MARK);",
    "a spread": "code.changeOf({ price: 1, ...code.MARK });",
    "a place": "code.changeOf([null, {}].at(code.changeOf.length));",
    "a parameter's default": "const go = (quote = null) => code.changeOf(quote);\ngo(code.MARK);",
    "a call that may be left out": "code.changeOf(code.mark?.());",
    "a name of its own": "const mark = code.MARK;\ncode.changeOf(mark);",
    "within a claim": "assert.ok(code.changeOf(code.MARK));",
    "without a name": "require('../src/transform').changeOf(require('../src/transform').MARK);",
}
GIVEN = {
    "over several lines": "const {\n  changeOf,\n  frame,\n} = require('../src/transform');\nassert.ok(frame(1));",
    "one after the other": "const event = code.toEvent('a', '{}');\nassert.ok(code.frame(event, 7));",
    "a constant that is claimed": "assert.strictEqual(code.MAX, 60);",
    "a module": "import { changeOf } from '../src/transform.js';\nassert.throws(() => changeOf(1), TypeError);",
    "a class": "const { Hub } = require('../src/hub');\nconst hub = new Hub();\nassert.ok(hub.size);",
}


@pytest.mark.parametrize("name", TAKEN)
def test_a_script_that_takes_what_only_the_patch_has(name: str) -> None:
    assert choices({"services/sse/test/day.test.js": f"{SCRIPT}{TAKEN[name]}\n".encode()})


@pytest.mark.parametrize("name", GIVEN)
def test_a_script_that_calls_and_claims_takes_nothing(name: str) -> None:
    assert choices({"services/sse/test/day.test.js": f"{SCRIPT}{GIVEN[name]}\n".encode()}) == []


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The incident without what its replay would need."""
    folder = tmp_path_factory.mktemp("fourth")
    repo = make_repository(folder / "marketswarm").path
    incident = folder / "incident"
    left_out = shutil.ignore_patterns("redis.json", "messages.jsonl")
    shutil.copytree(INCIDENTS / FAULT.id, incident, ignore=left_out)
    recorded = json.loads((incident / "incident.json").read_text())
    (incident / "incident.json").write_text(json.dumps({**recorded, "commit": FAULT.apply(repo)}))
    settings = Settings(repo=repo, python=Path(sys.executable))
    return open_case(IncidentFolder(incident), settings, folder / "state", lambda event: None)


def proof_of(case: Case, body: str, *edits: Edit) -> Proof:
    source = f"from services.vigil.intel import spot\n\n\n{dedent(body).lstrip()}"
    brought = [*edits, Edit(path=NEW_TEST, replace=source)]
    patch = from_edits(case.bench.gate, case.incident.commit, case.incident.service, brought)
    return prove(case, patch, 1, lambda event: None)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPUTING)
def test_an_object_of_the_test_that_computes_as_it_likes(case: Case, name: str) -> None:
    proof = proof_of(case, COMPUTING[name], Edit(path=SPOT, search=RETURN, replace=TURNED))

    assert not proof.proven, proof
