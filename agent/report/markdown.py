"""The report of a run as Markdown: what, why, proof, next step first."""

from __future__ import annotations

import re

from agent.report.later import NOTHING, Later
from agent.report.words import answered, headline, next_step, told_cost
from agent.result import HealResult
from agent.texts import fill_template


def render_report(result: HealResult, *, crash: str, triage: str, diff: str, later: Later = NOTHING) -> str:
    """`report.md`; the texts must be redacted already. `later` is what came after the run."""
    fence = "`" * (3 + max((len(run) for run in _fences(crash + diff)), default=0))
    text = fill_template(
        "report.md",
        result=result,
        headline=headline(result, later),
        later=later,
        diagnosis=result.diagnosis,
        cost=told_cost(result),
        answered=answered(result),
        crash=crash.strip() or "(the log shows no crash)",
        triage=triage.strip() or "(the run ended before the rules were asked)",
        diff=diff.strip(),
        notes=result.notes,
        next_step=next_step(result, later),
        fence=fence,
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _fences(text: str) -> list[str]:
    """The runs of backticks that a fence has to be longer than, less the usual two."""
    return [word[2:] for word in text.split() if word.startswith("```")]
