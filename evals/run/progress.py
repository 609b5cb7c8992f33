"""How a run goes on, on standard error: a bar on a terminal, a line for each answer elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from evals.run.pool import Told
from evals.score.answer import Answer

COLOURS = {"right": "green", "open": "yellow", "wrong": "red", "silent": "magenta", "broke": "bold red"}


@contextmanager
def progress(total: int, console: Console | None = None) -> Iterator[Told]:
    """What is told of each answer. `total` counts the answers that are known from an earlier run, too."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda answer, number, of: console.print(
            f"[{number:>3}/{of}] {line_of(answer)}", markup=False, highlight=False, soft_wrap=True
        )
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TextColumn("left"), TimeRemainingColumn())  # fmt: skip
    with Progress(*columns, console=console) as bar:
        yield _on(bar, total)


def line_of(answer: Answer) -> str:
    """One answer in a line."""
    what = answer.error or answer.unanswered or f"{answer.outcome}, {answer.verdict} {answer.category}"
    return f"{answer.mark:5} {answer.model} {answer.case}: {what} ({answer.seconds:.1f} s)"


def _on(bar: Progress, total: int) -> Told:
    task, counts = bar.add_task("running", total=total), Counter[str]()

    def tell(answer: Answer, number: int, of: int) -> None:
        counts[answer.mark] += 1
        told = " ".join(f"[{COLOURS[mark]}]{counts[mark]} {mark}[/]" for mark in COLOURS if counts[mark])
        bar.update(task, completed=total - of + number, description=told)
        if answer.mark in ("wrong", "silent", "broke"):
            bar.console.print(f"[{COLOURS[answer.mark]}]{escape(line_of(answer))}[/]", highlight=False)

    return tell
