"""`autohealer eval` and `autohealer record`, found by the entry points: light enough for `--help`."""

from __future__ import annotations

from agent.cli.main import LazyGroup

__all__ = ["evaluate", "record"]

_EVAL = {
    "run": "Run cases and judge what came of them.",
    "show": "Show everything about one case: what is true, what was answered, how to run it again.",
    "compare": "Compare two runs: what became better, what worse.",
    "report": "Write the reports of a run anew and print the table.",
}
_RECORD = {
    "incident": "Break the testbed for real and keep the crash as an incident folder.",
    "answers": "Keep what a model answers to a case, for `eval run --model recorded`.",
}
_PLACES = {
    "run": "evals.commands.run:command",
    "show": "evals.commands.look:show",
    "compare": "evals.commands.look:compare_two",
    "report": "evals.commands.look:report",
    "incident": "evals.commands.incident:command",
    "answers": "evals.commands.answers:command",
}

_HELP = {"help_option_names": ["-h", "--help"]}

evaluate = LazyGroup(
    "eval",
    lazy=_EVAL,
    place=_PLACES.__getitem__,
    help="Does it heal, does it know when not to, and what does it cost?",
    context_settings=_HELP,
)
record = LazyGroup(
    "record",
    lazy=_RECORD,
    place=_PLACES.__getitem__,
    help="Record a crash, or a model's answers.",
    context_settings=_HELP,
)
