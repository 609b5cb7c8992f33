"""What people read: the terminal and the report, with hostile text in every place."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from agent import events
from agent.diagnosis import Category, Culprit, Diagnosis
from agent.report import render_report
from agent.result import EXIT_OF, HealResult, RungResult
from agent.terminal import Terminal, show_result

HOSTILE = "[bold red]x[/] [/nothing] ``` <script>alert(1)</script>"

EVENTS = [
    events.Started("vigil-1", "vigil", "a" * 40, "/srv", 1),
    events.Captured("/state", HOSTILE),
    events.SandboxChosen(None, HOSTILE),
    events.Triaged("bad_data", "fixable", 0.85, HOSTILE),
    events.Asked(1, "grok-4", "grok-4.3", 100, 50, 10, None, 1.0),
    events.ToolUsed("read_file", HOSTILE, HOSTILE, True, 0.1),
    events.Proposed("b" * 40, ("services/vigil/x.py",)),
    events.Climbed("gone", "failed", HOSTILE),
    events.Diagnosed("bad_data", True, HOSTILE),
    events.LookedBack(HOSTILE),
    events.Noted(HOSTILE),
    events.BranchMade("refs/heads/autoheal/vigil/vigil-1", "c" * 40),
]


def console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=100), out


def result(**changes: object) -> HealResult:
    values: dict[str, object] = {
        "incident": "vigil-1",
        "run": 1,
        "service": "vigil",
        "commit": "a" * 40,
        "outcome": "branch",
        "summary": HOSTILE,
        "branch": "autoheal/vigil/vigil-1",
        "diagnosis": Diagnosis(
            root_cause=HOSTILE,
            category=Category.BAD_DATA,
            culprit=Culprit(file="services/vigil/x.py", line=3, function="f"),
            evidence=(HOSTILE,),
            fixable=True,
            confidence=0.9,
        ),
        "proof": (RungResult(name="gone", state="shown", detail="a | b"),),
        "labels": ("workaround: a broad except",),
        "folder": "/state/runs/1",
        **changes,
    }
    return HealResult.model_validate(values)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_every_event_is_told_in_a_line_and_markup_in_it_is_text(event: events.Event) -> None:
    to, out = console()
    Terminal(to)(event)
    told = out.getvalue()
    if isinstance(event, events.Proposed):
        assert told == ""
        return
    assert told.count("\n") == 1
    if HOSTILE in str(event.record().values()) and not isinstance(event, events.ToolUsed):
        assert "[bold red]x[/] [/nothing]" in told


def test_a_served_model_and_an_unknown_price_are_told() -> None:
    to, out = console()
    Terminal(to)(EVENTS[4])
    assert "grok-4.3" in out.getvalue()
    assert "price unknown" in out.getvalue()


@pytest.mark.parametrize("outcome", EXIT_OF)
def test_every_outcome_can_be_shown_and_reported(outcome: str) -> None:
    branch = "autoheal/vigil/vigil-1" if outcome == "branch" else None
    done = result(outcome=outcome, branch=branch)
    to, out = console()
    show_result(to, done)
    report = render_report(done, crash="a crash", triage="the rules", diff="-a\n+b")
    assert "vigil" in out.getvalue()
    assert "report.md" in out.getvalue()
    assert f"**{outcome}**" in report
    assert "None" not in report


def test_a_diff_that_goes_to_a_file_is_as_it_was(tmp_path: Path) -> None:
    diff = f"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+{'long ' * 60}[bold]end[/]\n"
    (tmp_path / "patch.diff").write_text(diff)
    to, out = console()
    show_result(to, result(folder=str(tmp_path)))
    assert diff in out.getvalue()


def test_a_fence_in_a_log_does_not_end_the_reports_fence() -> None:
    report = render_report(result(), crash="before\n````\nafter", triage="", diff="")
    fence = "`````"
    body = report.split(f"{fence}\n")[1]
    assert "before" in body
    assert "after" in body


def test_a_pipe_in_a_rung_does_not_break_the_table() -> None:
    report = render_report(result(), crash="", triage="", diff="")
    assert "| gone | shown | a \\| b |" in report


def test_the_report_of_a_run_without_a_diagnosis_says_so() -> None:
    report = render_report(
        result(diagnosis=None, outcome="failed", branch=None), crash="", triage="", diff=""
    )
    assert "No diagnosis was reached." in report
    assert "(the log shows no crash)" in report
