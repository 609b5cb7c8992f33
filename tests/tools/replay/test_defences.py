"""Each defence against hidden crashes, switched off on a copy: the test that is about it must fail."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tools

pytestmark = pytest.mark.slow

SOURCE = Path(tools.__file__).parents[1]
PACKAGES = ("agent", "evals", "prompts", "sandbox", "tools")
CULPRIT, SIGNALS = "tools/replay/culprit.py", "sandbox/python_signals.py"
CONSTANT = 'self.counts["adds-default"] += is_constant(node, self.idle)'
HIDDEN = "test_replay_hidden_crashes.py::test_{}"
BLINDED = "test_replay_blinded.py::test"
UNSEEN, LEFT_OUT = (
    HIDDEN.format("a_crash_that_goes_on_unseen_is_not_gone"),
    HIDDEN.format("work_that_is_left_out_is_told"),
)

NOTES, GUARD, TRIED = (
    "sandbox/inside/trace_notes.py",
    "sandbox/inside/trace_guard.py",
    "tools/replay/tried.py",
)
NO_SWITCH = (TRIED, "if name not in steady.data and told != UNTOLD", "if False")
TRIED_TEST = "test_replay_tried.py::test"
AT_ONCE = ("tools/replay/site.py", "return left or taken(", "return left or [] and taken(")
"""What is taken where it comes up tells of nearly all of these, too."""
COMES_BACK = (CULPRIT, "vanished = ENTERED in fared", "vanished = not fared")

# What is switched off: (file, text, what stands there instead), and the test that must notice.
OFF: dict[str, tuple[list[tuple[str, str, str]], str]] = {
    "names of stopping hide nothing": (
        [
            (CULPRIT, "usual = _BY_STOPPING & {how for _, how in _ends(base)}", "usual = _BY_STOPPING"),
            (CULPRIT, "for function, name in found\n", "for function, name in found if name not in _BY_STOPPING\n"),
            AT_ONCE,
        ],
        f"{UNSEEN}[a thread that exits]",
    ),
    "only an iterator may end": (
        [(NOTES, "ORDERLY.get(kind) != code.co_name", "kind not in ORDERLY"), COMES_BACK, AT_ONCE],
        f"{UNSEEN}[an iterator that ends]",
    ),
    "what else leaves the culprit": (
        [
            (CULPRIT, "if name == error or culprit.ran_as(function) or", "if name == error or"),
            (CULPRIT, "if errors - usual and RETURNED", "if not errors and RETURNED"),
            COMES_BACK,
            AT_ONCE,
        ],
        f"{UNSEEN}[another type, counted]",
    ),
    "other files of the patch are watched": (
        [("tools/replay/replay.py", "(self._place[0], *self._rewritten(stage.listing))", "(self._place[0],)")],
        HIDDEN.format("a_crash_that_goes_on_in_another_file_is_not_gone"),
    ),
    "blocks that swallow": (
        # The one that this test has gives a constant, too.
        [(SIGNALS, "if node.name in _EXITS:", "if False:"), (SIGNALS, CONSTANT, "pass"), AT_ONCE],
        f"{LEFT_OUT}[a block that swallows]",
    ),
    "what is taken where it comes up": ([AT_ONCE], f"{BLINDED}_an_error_that_is_hidden_in_another_way_is_told[finally and return]"),
    "who comes back": ([COMES_BACK], f"{BLINDED}_a_culprit_that_never_comes_back_is_not_gone[as a generator]"),
    "who writes the notes": (
        [("sandbox/inside/python_service.py", "if signature == self._board.signature(told):", "if not told[:1].isdigit():\n                continue\n            if True:")],
        f"{BLINDED}_who_takes_the_place_of_the_tracer_is_told[left.write({{line}})-the service wrote where only what traces it writes]",
    ),
    "what it was tried on": (
        [(TRIED, "call for call in self.backs if call.has(steady)", "call for call in self.backs"), NO_SWITCH],
        f"{BLINDED}_a_culprit_that_was_not_tried_on_what_crashed_it_is_told[a decoy-ran, but never on what crashed it]",
    ),
    "times are told as they are": (
        [("sandbox/inside/trace_plain.py", "if any(since - 1 <= value / scale <= time() for scale in (1, 1e3, 1e6, 1e9)):", "if 1e9 < value < 1e11:")],
        f"{TRIED_TEST}_a_call_on_something_else_is_told[another time]",
    ),
    "nobody switches": ([NO_SWITCH], f"{TRIED_TEST}_a_call_on_something_else_is_told[a switch of a class]"),
    "what is too large is said to be": (
        [(TRIED, 'return "tried" if any(map(_is_told, found)) else "cannot be told"', 'return "tried"')],
        f"{TRIED_TEST}_of_data_that_are_too_large_it_is_said_that_it_cannot_be_told",
    ),
    "large data are told whole": (
        [("sandbox/inside/trace_digest.py", "{ARGUMENT: 20_000, FIELD: 20_000", "{ARGUMENT: 300, FIELD: 300")],
        f"{TRIED_TEST}_data_of_some_size_are_told_whole",
    ),
    "what lives on is tried, too": (
        [(CULPRIT, "if lives_on and RETURNED not in culprit.fared(base):", "if lives_on:")],
        f"{TRIED_TEST}_a_call_that_lives_on_counts_where_it_did_on_the_base[base2-patched2-told2]",
    ),
    "who turns the tracer off": (
        [(GUARD, "if not is_ours(frame_of(1)):", "if False:")],
        f"{TRIED_TEST}_who_turns_the_tracer_off_is_told[by another name]",
    ),
    "no room left for the tracer": (
        [("sandbox/inside/trace_functions.py", "return called(frame)\n        except RecursionError:", "return called(frame)\n        except ZeroDivisionError:"),
         (GUARD, "sys.addaudithook(hook)", "return")],
        f"{TRIED_TEST}_a_thread_is_not_let_out_of_sight[in a deep thread]",
    ),
    "who names how to turn it off": (
        [(GUARD, "return not TOUCHING.isdisjoint(code.co_names)", "return False"),
         ("sandbox/inside/trace_functions.py", "back.f_trace is not left", "False")],
        f"{TRIED_TEST}_who_turns_the_tracer_off_is_told[of a frame]",
    ),
    "threads are traced while they load": (
        [("sandbox/inside/trace_loading.py", "        if self._ident() != self._main:\n            return self._trace\n", ""),
         ("sandbox/inside/trace_loading.py", "self.connected = True", "pass")],
        f"{TRIED_TEST}_a_thread_is_not_let_out_of_sight[in a browser]",
    ),
    "handlers that do nothing about it": (
        [(SIGNALS, "not acts(node.body, self.idle)", "False"), AT_ONCE],
        f"{LEFT_OUT}[a handler that only counts]",
    ),
    "functions that give a constant": (
        [(SIGNALS, CONSTANT, "pass")],
        f"{LEFT_OUT}[a constant whatever comes]",
    ),
}  # fmt: skip

BEFORE_MONITORING = {
    "who turns the tracer off",
    "no room left for the tracer",
    "threads are traced while they load",
}
"""What only a trace function needs, which there is no more from 3.12 on."""


@pytest.fixture(scope="module")
def copy(new_copy: Callable[..., Any]) -> Any:
    """The whole house, and these tests."""
    return new_copy(Path(__file__).parent, *(SOURCE / name for name in PACKAGES))


@pytest.mark.parametrize(
    "defence", OFF if sys.version_info < (3, 12) else sorted(OFF.keys() - BEFORE_MONITORING)
)
def test_a_defence_that_is_off_is_noticed(copy: Any, defence: str) -> None:
    changes, test = OFF[defence]
    on = copy.run(test)
    assert on.returncode == 0, on.stdout
    copy.is_needed(changes, test)
