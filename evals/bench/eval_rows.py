"""Row of the evals: what a judged case takes, from its incident to the hidden check."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from evals.bench.row import Row
from evals.cases import load_cases
from evals.run.pool import Wanted, jobs_for, run_all
from evals.score.answer import Answer

CASES = (
    "vigil-relative-move",
    "rss-service-name",
    "rss-no-date",
    "vigil-market-redis",
    "journal-conflict-markers",
    "copilot-port-taken",
)
WORKERS = 2
SECONDS = 7.5
"""Eight cases a minute."""


def eval_rows(folder: Path) -> Iterator[Row]:
    """Cases with and without a fix, by the model that knows the truth, as `autohealer eval run` does them."""
    known = load_cases()
    jobs = jobs_for([known[name] for name in CASES], Wanted(["reference"]), folder / "evals")
    started = time.perf_counter()
    answers = run_all(jobs, folder / "evals", WORKERS, _silent)
    seconds = (time.perf_counter() - started) / len(answers)
    right = sum(answer.right for answer in answers)
    yield Row(
        "a judged case", seconds, SECONDS, "s", f"{len(answers)} cases, {right} right, {WORKERS} workers"
    )


def _silent(answer: Answer, number: int, of: int) -> None:
    """The row tells."""
