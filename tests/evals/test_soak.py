"""60 heals in a row, a third of them killed: nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.soak import soaked


@pytest.mark.slow
def test_killed_heals_leave_nothing_behind(tmp_path: Path) -> None:
    soak = soaked(tmp_path, heals=60, seed=7)
    assert soak.problems == []
    assert soak.killed >= 10
