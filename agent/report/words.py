"""A result in words: its outcome, its cost, what to do now."""

from __future__ import annotations

import re

from agent.diagnosis import Category
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
    "interrupted": "the run was interrupted",
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


_REVERT = re.compile(r"`(git revert [^`]+)`")
_KEYS = re.compile(r"no key: ([\w ]+?) is not in ")


def headline(result: HealResult, later: Later = NOTHING) -> str:
    """The outcome in a few words, with what became of the branch."""
    unknown = result.outcome == "diagnosed" and _is_unknown(result)
    told = "down, cause unknown" if unknown else HEADLINES[result.outcome]
    return told + (f", {later.fate} since" if later.fate else "")


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
    return _without_branch(result)


def _without_branch(result: HealResult) -> str:
    again, service = f"`autohealer heal {result.incident}`", result.service
    action = result.diagnosis.operator_action if result.diagnosis else None
    revert = _REVERT.search(result.way_back or "")
    back = f"Take back what brought the crash, `{revert[1]}`, and restart {service}" if revert else ""
    if result.outcome == "no_key":
        return _key_to_set(result)
    if result.outcome == "proven":
        return f"The patch is proven and attached: {again} makes the branch."
    if action:
        return action
    if result.outcome == "unproven":
        return (
            f"The attached patch was not proven ({result.summary}): take it as a hint only, and mend "
            f"{service} by hand.{f' Until then: {back}.' if back else ''}"
        )
    if result.outcome == "diagnosed" and result.summary.endswith("as asked"):
        return f"The patch is attached and was not tried: {again} proves it and makes the branch."
    if result.outcome in ("diagnosed", "not_fixable", "limit"):
        return f"{back}, or mend it by hand{_place(result)}." if back else _by_hand(result)
    return result.summary


def _key_to_set(result: HealResult) -> str:
    told = " ".join((*(one.why for one in result.failed_models), *result.notes, result.summary))
    names = list(dict.fromkeys(name for found in _KEYS.findall(told) for name in found.split(" or ")))
    return f"Set {' or '.join(names) or 'the key of the model'}, or leave out --model and --record."


def _by_hand(result: HealResult) -> str:
    """What a person can do where nobody has named a step."""
    if result.outcome == "limit":
        raised = "Raise the limit (--max-steps, --max-cost) and heal it again"
        return f"{raised}, or mend it by hand{_place(result)}."
    if _is_unknown(result):
        return (
            f"Look at the end of the log in `autohealer show {result.incident}`, start {result.service} "
            "by hand and see how it ends."
        )
    if result.outcome == "not_fixable":
        return (
            f"Look at what the evidence names before you restart {result.service}; its code stays as it is."
        )
    return f"Mend {result.service} by hand{_place(result)}; the evidence says why."


def _place(result: HealResult) -> str:
    culprit = result.diagnosis.culprit if result.diagnosis else None
    if culprit is None:
        return ""
    return f" at {culprit.file}{f':{culprit.line}' if culprit.line else ''}"


def _is_unknown(result: HealResult) -> bool:
    return result.diagnosis is not None and result.diagnosis.category is Category.UNKNOWN
