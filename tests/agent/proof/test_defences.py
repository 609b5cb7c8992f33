"""Each defence against hollow tests, switched off on a copy: the test that is about it must fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import agent

pytestmark = pytest.mark.slow

SOURCE = Path(agent.__file__).parents[1]
PACKAGES = ("agent", "evals", "prompts", "sandbox", "tools")
CALLS = "sandbox/inside/testrun/calls.py"
KNOWS = "test_hollow_calls.py::test_a_test_that_does_something_else_on_the_patch"
COMPUTES = "test_hollow_calls.py::test_an_object_of_the_test_that_computes_as_it_likes"

# What is switched off: (file, text, what stands there instead), and the test that must notice.
OFF: dict[str, tuple[tuple[str, str, str], str]] = {
    "what the text of a test chooses": (
        ("agent/proof/climb.py", "chosen = choices(contents(self.repo, new_tests)) if new_tests else []", "chosen = []"),
        "test_hollow_tests.py::test_the_rung_of_a_hollow_test_is_not_shown",
    ),
    "what a test switches on": (
        ("agent/proof/climb.py", "switches(self.repo, self.patch) if failing else []", "[]"),
        "test_hollow_tests.py::test_a_test_that_turns_on_what_stays_off[a subclass]",
    ),
    "what the exception lacks": (
        ("agent/proof/regression.py", "return told <= set(_TELLING.findall(outcome.failure.message))", "return True"),
        "test_hollow_tests.py::test_the_incidents_type_of_another_fault_proves_nothing",
    ),
    "the same calls on both": (
        ("agent/proof/regression.py", "made <= own | shared", "True"),
        f"{KNOWS}[a module by its name]",
    ),
    "calls in imports": (
        ("sandbox/inside/testrun/recorder.py", "self._calls.start(shared=True)", "pass"),
        f"{KNOWS}[made at import]",
    ),
    "constructors that nobody wrote": (
        (CALLS, "self._is_code(code.co_filename) or self._makes(frame, code)", "self._is_code(code.co_filename)"),
        f"{KNOWS}[try import from]",
    ),
    "an object's numbers by its class": (
        (CALLS, "self._computing or any(map(self._makes_up_numbers, kind.__mro__))", "False"),
        f"{COMPUTES}[a class that computes without code]",
    ),
    "objects that compute": (
        ("agent/proof/regression.py", "if any(call.endswith(COMPUTES) for call in before.calls | own):", "if False:"),
        f"{COMPUTES}[a fake None that computes one way]",
    ),
    "a mock that computes": (
        (CALLS, 'if event == "call" and self._is_computed_with(frame):', "if False:"),
        f"{COMPUTES}[a mock under a false name]",
    ),
    "what a script hands on": (
        ("agent/proof/script_choices.py", "elif _takes_what_it_has(whole, line, loaded):", "elif False:"),
        "test_choices.py::test_a_script_that_takes_what_only_the_patch_has[a spread]",
    ),
    "what a helper of a test is given": (
        ("agent/proof/choices.py", "code |= _handed(node, own, code)", "pass"),
        "test_choices.py::test_a_choice_is_found[what a helper is given]",
    ),
    "what a test replaces": (
        ("agent/proof/labels/plain/tests.py", "yield from replaced(node, own, words)", "yield from ()"),
        "test_labels_own_tests.py::test_what_is_more_than_a_plain_test_is_told[replaces `json.dumps`]",
    ),
    "what of a test hangs on the machine": (
        ("agent/proof/labels/plain/tests.py", "yield from limits(node)", "yield from ()"),
        "test_labels_own_tests.py::test_what_is_more_than_a_plain_test_is_told[repeats `'x' * spot.many`]",
    ),
    "what a test runs that asks the machine": (
        ("agent/proof/labels/plain/surroundings.py", "return frozenset(there)", "return frozenset()"),
        "test_labels_own_tests.py::test_what_is_more_than_a_plain_test_is_told[runs Setup, which asks the machine or a server]",
    ),
    "what no plain script test needs": (
        ("agent/proof/script_choices.py", ", *unplain(text, path)", ""),
        "test_script_choices_plain.py::test_what_is_told_has_its_line_and_stands_beside_what_is_chosen",
    ),
    "a script's lines token by token": (
        ("agent/proof/labels/plain/scripts.py", "yield from mended(", "mended("),
        "test_labels_script_lines.py::test_what_is_told_is_told_of_the_patch_as_a_whole",
    ),
    "guards for what crashed in the same block": (
        ("agent/proof/labels/plain/script_lines.py", "and self._is_met(i, found[1])", ""),
        "test_labels_script_lines.py::test_a_statement_that_no_plain_repair_adds_is_told[another subject]",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(new_copy: Callable[..., Any]) -> Any:
    """The whole house, and these tests."""
    return new_copy(Path(__file__).parent, *(SOURCE / name for name in PACKAGES))


@pytest.mark.parametrize("defence", OFF)
def test_a_defence_that_is_off_is_noticed(copy: Any, defence: str) -> None:
    change, test = OFF[defence]
    on = copy.run(test)
    assert on.returncode == 0, on.stdout
    copy.is_needed([change], test)
