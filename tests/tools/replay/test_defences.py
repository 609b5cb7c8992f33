"""Each defence against hidden crashes, switched off on a copy: the test that is about it must fail."""

from __future__ import annotations

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
UNSEEN, LEFT_OUT = (
    HIDDEN.format("a_crash_that_goes_on_unseen_is_not_gone"),
    HIDDEN.format("work_that_is_left_out_is_told"),
)

# What is switched off: (file, text, what stands there instead), and the test that must notice.
OFF: dict[str, tuple[list[tuple[str, str, str]], str]] = {
    "names of stopping hide nothing": (
        [
            (CULPRIT, "usual = _BY_STOPPING & {name for _, name in _ends(base)}", "usual = _BY_STOPPING"),
            (CULPRIT, "if end[1])", "if end[1] and end[1] not in _BY_STOPPING)"),
        ],
        f"{UNSEEN}[a thread that exits]",
    ),
    "only an iterator may end": (
        [("sandbox/inside/trace_functions.py", "return ORDERLY.get(kind) == code.co_name if kind else False", "return kind in ORDERLY")],
        f"{UNSEEN}[an iterator that ends]",
    ),
    "what else leaves the culprit": (
        [
            (CULPRIT, "if name == error or ran(frozenset({function}), place)", "if name == error"),
            (CULPRIT, 'return [] if "" in names else sorted(names - usual)', "return []"),
        ],
        f"{UNSEEN}[another type, counted]",
    ),
    "other files of the patch are watched": (
        [("tools/replay/replay.py", "(self._place[0], *self._rewritten(stage.listing))", "(self._place[0],)")],
        HIDDEN.format("a_crash_that_goes_on_in_another_file_is_not_gone"),
    ),
    "blocks that swallow": (
        # The one that this test has gives a constant, too.
        [(SIGNALS, "if node.name in _EXITS:", "if False:"), (SIGNALS, CONSTANT, "pass")],
        f"{LEFT_OUT}[a block that swallows]",
    ),
    "handlers that do nothing about it": (
        [(SIGNALS, "not acts(node.body, self.idle)", "False")],
        f"{LEFT_OUT}[a handler that only counts]",
    ),
    "functions that give a constant": (
        [(SIGNALS, CONSTANT, "pass")],
        f"{LEFT_OUT}[a constant whatever comes]",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def copy(new_copy: Callable[..., Any]) -> Any:
    """The whole house, and these tests."""
    return new_copy(Path(__file__).parent, *(SOURCE / name for name in PACKAGES))


@pytest.mark.parametrize("defence", OFF)
def test_a_defence_that_is_off_is_noticed(copy: Any, defence: str) -> None:
    changes, test = OFF[defence]
    on = copy.run(test)
    assert on.returncode == 0, on.stdout
    copy.is_needed(changes, test)
