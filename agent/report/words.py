"""A result in words: its outcome, its cost, what to do now."""

from __future__ import annotations

from agent.publish.deliver import WAITS
from agent.report.later import NOTHING, Later
from agent.result import HealResult, told_answer

HEADLINES = {
    "branch": "mended on a branch, with a proof",
    "proven": "a proven patch, no branch made",
    "diagnosed": "diagnosed, no patch",
    "unproven": "a patch that was not proven",
    "not_fixable": "down, but not by its own code",
    "limit": "ended at a limit",
    "refused": "refused by policy",
    "no_key": "no key for the model",
    "failed": "the run failed",
}


NOTICED = {
    "service_down": "seen by the watch",
    "crash_loop": "seen by the watch, dying again and again",
    "heartbeat_lost": "seen by the watch, hanging",
    "redis_down": "seen by the watch",
    "manual": "captured by hand",
    "recorded": "recorded elsewhere",
}
"""How an incident was noticed, by its trigger."""


def headline(result: HealResult, later: Later = NOTHING) -> str:
    """The outcome in a few words, with what became of the branch."""
    return HEADLINES[result.outcome] + (f", {later.fate} since" if later.fate else "")


def told_cost(result: HealResult) -> str:
    """Money and tokens in a line."""
    if not result.steps:
        return "nothing: no model was asked"
    money = "price unknown" if result.cost_usd is None else f"${result.cost_usd:.4f}"
    return (
        f"{money}; {result.steps} requests, {result.input_tokens} input tokens "
        f"({result.cached_tokens} cached), {result.output_tokens} output tokens"
    )


def answered(result: HealResult) -> str:
    """Who answered, and which models failed before and why."""
    return told_answer(result.answered_by, result.failed_models)


def next_step(result: HealResult, later: Later = NOTHING) -> str:
    """What the reader should do now."""
    if later.fate == "merged":
        return f"It is merged: restart {result.service}, if it does not run the merged code yet."
    if later.fate:
        why = f": {later.reason}" if later.reason else ""
        return (
            f"The branch was {later.fate}{why}. The watch does not heal this fault again for thirty days, "
            f"so {result.service} is left to people."
        )
    if result.pull_request:
        return f"Review {result.pull_request}; after merging, restart {result.service}."
    if result.branch and not result.pushed and WAITS in result.notes:
        command = f"autohealer publish {result.incident}"
        return f"Review the branch, then `{command} --approve`, or `{command} --decline --reason WHY`."
    if result.branch:
        return f"Review the branch, then `git merge {result.branch}` and restart {result.service}."
    action = result.diagnosis.operator_action if result.diagnosis else None
    if action:
        return action
    if result.outcome == "unproven":
        return (
            f"The attached patch was not proven ({result.summary}): take it as a hint only, and mend "
            f"{result.service} by hand."
        )
    return result.summary
