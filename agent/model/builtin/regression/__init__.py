"""Regression tests that come with a repair: what crashed is called again, in the service's own tests."""

from agent.model.builtin.regression.derive import derived, with_other_numbers
from agent.model.builtin.regression.imports import Test, import_test
from agent.model.builtin.regression.missing import gap_test
from agent.model.builtin.regression.numbers import number_test
from agent.model.builtin.regression.started import Care, Started, task_test
from agent.model.builtin.regression.waiting import cancel_test, turn_test

__all__ = [
    "Care",
    "Started",
    "Test",
    "cancel_test",
    "derived",
    "gap_test",
    "import_test",
    "number_test",
    "task_test",
    "turn_test",
    "with_other_numbers",
]
