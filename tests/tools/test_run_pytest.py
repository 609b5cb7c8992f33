"""run_pytest: what the model is told of the service's tests, on a real repository in a real box."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.isolation import find_isolation
from sandbox.patch import Edit, from_edits
from sandbox.testing import TestBench
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.redact import Redactor
from tools.repository import Repository
from tools.run_pytest import RunPytest
from tools.tool import RESULT_CHARACTERS, ToolError, Workbench

MATHS, FILE = "services/vigil/intel/maths.py", "services/vigil/tests/test_maths.py"
TESTS = """from services.vigil.intel.maths import mean


def test_mean():
    assert mean([1, 3]) == 2


def test_mean_of_nothing():
    assert mean([]) == 0


def test_mean_of_one():
    assert mean([4]) == 4
"""
FILES = {
    MATHS: "def mean(values):\n    return sum(values) / len(values)\n",
    FILE: TESTS,
    "services/vigil/intel/__init__.py": "",
    "services/mesh/main.py": "print('mesh')\n",
}


@dataclass
class Told:
    """What a replay answers with."""

    text: str


class Boots:
    """A replay that crashes on the base and beats on a patch."""

    def of(self, patch: object) -> Told:
        return Told(f"replay::boots_and_beats {'failed' if patch is None else 'passed'}")


def committed(folder: Path) -> str:
    """Write the repository; its only commit."""
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for words in ("init -q", "add -A", "-c user.name=t -c user.email=t@localhost commit -qm first"):
        subprocess.run(["git", *words.split()], cwd=folder, env=os.environ | settings, check=True)
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=folder, text=True).strip()


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    folder = tmp_path_factory.mktemp("run-pytest")
    commit = committed(folder / "target")
    gate = PrivateRepository(folder / "target", folder / "state")
    tests = TestBench(gate, find_isolation(), Path(sys.executable), twins=False)
    repository = Repository(folder / "target", commit)
    return Workbench(IncidentFolder(folder), "vigil", repository, gate, Redactor(["4711-secret"]), tests)


@pytest.fixture
def bench(opened: Workbench) -> Iterator[Workbench]:
    """A workbench for a service with one red test and two green ones; no patch, no replay."""
    return replace(opened)


def propose(bench: Workbench, *edits: Edit) -> None:
    bench.patch = from_edits(bench.gate, bench.repository.commit, bench.service, edits)


def ask(bench: Workbench, on: str = "both", select: tuple[str, ...] = ()) -> str:
    """The answer to a call with these arguments, as a model would send them."""
    return RunPytest.model_validate_json(json.dumps({"select": select, "on": on})).answer(bench)


def refused(bench: Workbench, on: str = "both", select: tuple[str, ...] = ()) -> str:
    with pytest.raises(ToolError) as caught:
        ask(bench, on, select)
    return str(caught.value)


MEND = Edit(path=MATHS, search="/ len(values)", replace="/ len(values) if values else 0")
BREAK = Edit(path=MATHS, search="/ len(values)", replace="/ (len(values) or 1) + 1")


def test_what_failed_on_the_base(bench: Workbench) -> None:
    answer = ask(bench, "base")

    assert "on the base: 2 of 3 passed" in answer
    assert f"FAILED {FILE}::test_mean_of_nothing: ZeroDivisionError at {MATHS}:2 in mean" in answer
    assert "test_mean_of_one" not in answer


def test_before_against_after(bench: Workbench) -> None:
    propose(bench, MEND)

    answer = ask(bench)

    assert "on the base: 2 of 3 passed" in answer
    assert "on the patch: 3 of 3 passed" in answer
    assert f"the patch mends {FILE}::test_mean_of_nothing; it breaks nothing" in answer


def test_what_a_patch_breaks(bench: Workbench) -> None:
    propose(bench, BREAK)

    assert f"it breaks {FILE}::test_mean, {FILE}::test_mean_of_one" in ask(bench)


def test_only_what_was_selected_runs(bench: Workbench) -> None:
    assert "on the base: 1 of 1 passed" in ask(bench, "base", (f"{FILE}::test_mean",))


def test_a_new_test_of_the_patch_runs(bench: Workbench) -> None:
    new = "services/vigil/tests/test_new.py"
    propose(bench, MEND, Edit(path=new, replace=TESTS.replace("mean_of_one", "mean_of_four")))

    assert "on the patch: 3 of 3 passed" in ask(bench, "patch", (new,))


def test_a_changed_test_is_said_to_be_the_base_s(bench: Workbench) -> None:
    propose(bench, Edit(path=FILE, search="mean([]) == 0", replace="mean([1]) == 1"))

    answer = ask(bench, "patch")

    assert "on the patch: 2 of 3 passed" in answer
    assert f"{FILE} was run as the base has it" in answer


def test_tampering_is_told_with_what_to_do_without(bench: Workbench) -> None:
    propose(bench, MEND, Edit(path=MATHS, search="def mean", replace="import gc\n\n\ndef mean"))

    answer = ask(bench, "patch")

    assert "no verdict: tampering: interpreter-hooks" in answer
    assert "(import gc)" in answer


def test_the_replay_is_one_more_test(bench: Workbench) -> None:
    bench.replay = Boots()
    propose(bench, MEND)

    assert "replay::boots_and_beats passed" in ask(bench, "patch")
    assert ask(bench, "patch", ("replay::boots_and_beats",)) == "replay::boots_and_beats passed"
    assert ask(bench, "both", ("replay::boots_and_beats",)).splitlines() == [
        "replay::boots_and_beats failed",
        "replay::boots_and_beats passed",
    ]


def test_a_service_without_tests_is_judged_by_its_replay(bench: Workbench) -> None:
    bench.service, bench.replay = "mesh", Boots()

    assert ask(bench, "base") == "replay::boots_and_beats failed"


def test_a_service_without_tests_and_replay_says_so(bench: Workbench) -> None:
    bench.service = "mesh"

    assert "no tests" in ask(bench, "base")


def test_without_a_sandbox_nothing_runs(bench: Workbench) -> None:
    bench.tests = None

    assert "No sandbox passed its probes" in refused(bench, "base")


def test_without_a_patch_there_is_only_the_base(bench: Workbench) -> None:
    assert "propose_patch first" in refused(bench, "patch")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("services/vigil/tests/test_math.py", FILE),
        (f"{FILE}::test_means", f"{FILE}::test_mean"),
        ("tests/test_maths.py", FILE),
        ("-k nothing", FILE),
        ("", FILE),
        ("../../etc/passwd", FILE),
        ("replay::boots_and_beats", FILE),
    ],
)
def test_an_unknown_test_is_answered_with_the_nearest(bench: Workbench, name: str, nearest: str) -> None:
    assert nearest in refused(bench, "base", (name,))


def test_too_many_at_once(bench: Workbench) -> None:
    assert "at most" in refused(bench, "base", tuple(f"{FILE}::test_{number}" for number in range(99)))


def test_the_answer_is_redacted_and_bounded(bench: Workbench) -> None:
    chatty = "def test_chatty():\n    raise ValueError('4711-secret ' + 'x' * 5_000)\n"
    many = "".join(chatty.replace("chatty", f"chatty_{number}") for number in range(30))
    propose(bench, Edit(path="services/vigil/tests/test_chatty.py", replace=many))

    answer = ask(bench, "patch")

    assert "4711-secret" not in answer
    assert len(answer) <= RESULT_CHARACTERS
    assert "test_chatty_29 failed" in answer
