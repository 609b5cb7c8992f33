"""The steps of a run in the terminal, as they happen; nothing here is needed for the run itself."""

from __future__ import annotations

from functools import singledispatchmethod
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.status import Status
from rich.syntax import Syntax
from rich.table import Table

from agent.events import (
    Asked,
    BranchMade,
    Captured,
    Climbed,
    Diagnosed,
    Event,
    LookedBack,
    Noted,
    Proposed,
    PublishFailed,
    PullRequestOpened,
    Pushed,
    SandboxChosen,
    Started,
    ToolUsed,
    Triaged,
)
from agent.publish.markdown import visible
from agent.report import answered, headline, next_step, told_cost
from agent.result import HealResult

MARKS = {"shown": "[green]✓[/]", "failed": "[red]✗[/]", "not shown": "[yellow]–[/]"}
WIDE = 110


class Terminal:
    """Listens to a run and tells each step in a line."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    def __call__(self, event: Event) -> None:
        """Show one event."""
        self.tell(event)

    @singledispatchmethod
    def tell(self, event: Event) -> None:
        """Events without a line of their own are in the journal only."""

    @tell.register
    def _(self, event: Started) -> None:
        self._line("incident", f"[bold]{escape(event.incident)}[/] · {event.service} at {event.commit[:12]}")
        self._wait("reading the captured world")

    @tell.register
    def _(self, event: Captured) -> None:
        self._line("crash", escape(event.crash))

    @tell.register
    def _(self, event: SandboxChosen) -> None:
        told = f"{event.name}: {event.why}" if event.name else f"[red]none[/]: {escape(event.why)}"
        self._line("sandbox", told)

    @tell.register
    def _(self, event: Triaged) -> None:
        self._line(
            "rules", f"{event.category}, {event.verdict} ({event.confidence:.2f}): {escape(event.why)}"
        )
        self._wait("asking the model")

    @tell.register
    def _(self, event: Asked) -> None:
        cost = "price unknown" if event.cost_usd is None else f"${event.cost_usd:.4f}"
        cached = f", {event.cached_tokens} cached" if event.cached_tokens else ""
        tokens = f"{event.input_tokens} tokens in{cached}, {event.output_tokens} out"
        self._line("model", f"[dim]{event.served} · {tokens} · {cost}[/]")

    @tell.register
    def _(self, event: ToolUsed) -> None:
        mark = "[red]✗[/]" if event.error else "[green]✓[/]"
        first = next((line for line in event.answer.splitlines() if line.strip()), "")
        arguments = _short(event.arguments, 48)
        self._line(
            "tool", f"{mark} [cyan]{event.name}[/] [dim]{escape(arguments)}[/] → {escape(_short(first, 64))}"
        )

    @tell.register
    def _(self, event: Proposed) -> None:
        self._wait("climbing the proof ladder")

    @tell.register
    def _(self, event: Climbed) -> None:
        self._line("proof", f"{MARKS[event.state]} {event.rung}: {escape(_short(event.detail, WIDE))}")

    @tell.register
    def _(self, event: Diagnosed) -> None:
        self._line("cause", f"{event.category}: {escape(event.root_cause)}")

    @tell.register
    def _(self, event: LookedBack) -> None:
        self._line("history", escape(event.told))

    @tell.register
    def _(self, event: Noted) -> None:
        self._line("note", f"[yellow]{escape(event.text)}[/]")

    @tell.register
    def _(self, event: BranchMade) -> None:
        self._line(
            "branch", f"[bold green]{escape(event.ref.removeprefix('refs/heads/'))}[/] at {event.commit[:12]}"
        )

    @tell.register
    def _(self, event: Pushed) -> None:
        self._line("pushed", f"to {escape(event.remote)}")

    @tell.register
    def _(self, event: PullRequestOpened) -> None:
        self._line("request", f"[bold green]{escape(event.url)}[/] {event.how}")

    @tell.register
    def _(self, event: PublishFailed) -> None:
        self._line(event.step, f"[red]{escape(event.text)}[/]")

    def close(self) -> None:
        """Stop whatever still moves on the screen."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _line(self, topic: str, text: str) -> None:
        self._console.print(f"[dim]{topic:>9}[/]  {visible(text)}", highlight=False, soft_wrap=True)

    def _wait(self, what: str) -> None:
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = self._console.status(what)
            self._status.start()
        else:
            self._status.update(what)


def show_result(console: Console, result: HealResult) -> None:
    """The end of a run: outcome, evidence, diff, proof, cost and where the report lies."""
    folder = Path(result.folder)
    console.print()
    colour = "green" if result.branch else "yellow"
    console.print(f"[bold {colour}]{result.service}: {headline(result)}[/]")
    if result.diagnosis:
        for line in result.diagnosis.evidence:
            console.print(f"[dim] evidence[/]  {escape(visible(line))}", highlight=False, soft_wrap=True)
    diff = folder / "patch.diff"
    if diff.exists():
        _show_diff(console, diff.read_text(encoding="utf-8"))
    if result.proof:
        console.print(_ladder(result))
    for topic, told in (
        ("branch", result.branch or "none"),
        *(("by hand", command) for command in result.by_hand),
        *(("label", label) for label in result.labels),
        *(("risk", told) for told in _risk(result)),
        ("next", next_step(result)),
        ("answered", f"by {answered(result)}"),
        ("cost", told_cost(result)),
        ("report", str(folder / "report.md")),
    ):
        console.print(f"[dim]{topic:>9}[/]  {escape(visible(told))}", highlight=False, soft_wrap=True)


def _risk(result: HealResult) -> list[str]:
    """What the diagnosis says against its own patch."""
    risk = result.diagnosis.risk if result.diagnosis and result.proof else None
    return [risk] if risk else []


def _show_diff(console: Console, diff: str) -> None:
    """In colour where somebody looks; elsewhere as it is, so that it can be applied."""
    if console.is_terminal:
        console.print(Syntax(visible(diff), "diff", background_color="default", word_wrap=True))
    else:
        console.print(diff, markup=False, highlight=False, soft_wrap=True)


def _ladder(result: HealResult) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("rung")
    table.add_column("")
    table.add_column("how", overflow="fold")
    for rung in result.proof:
        table.add_row(rung.name, MARKS[rung.state], escape(visible(rung.detail)))
    return table


def _short(text: str, width: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
