"""Whether an incident may be healed now: pure rules over the tickets of earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

from agent.watch.tickets import TAKEN_AWAY, Ticket

DAY_S = 86_400.0
DECLINED_S = 30 * DAY_S
"""How long a branch that was taken away unmerged counts as a no for that fault."""


@dataclass(frozen=True, slots=True)
class Restraint:
    """What holds heals back. Times are seconds, money is US dollars a day; None is no bound.

    `breaker` is how many heals of one fault of one service a day are enough. `quiet` are local
    hours in which nothing is started, such as 22:00 to 06:00.
    """

    cooldown_s: float = 600.0
    breaker: int = 3
    budget_usd: float | None = None
    service_budget_usd: float | None = None
    quiet: tuple[time, time] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`start` it, let it `wait`, or `refuse` it; the last two for a reason."""

    do: Literal["start", "wait", "refuse"]
    reason: str = ""


START = Verdict("start")


def judge(
    ticket: Ticket,
    earlier: Sequence[Ticket],
    rules: Restraint,
    now: float,
    *,
    enabled: bool,
    healing: Collection[str],
    full: bool,
) -> Verdict:
    """May this incident be healed now?

    Args:
        earlier: the tickets of all other incidents.
        enabled: the operators' switch.
        healing: services that are being healed; `full` says that no more may be.
    """
    if not ticket.attempts:
        reason = _why_not(ticket, earlier, rules, now, enabled)
        if reason is not None:
            return Verdict("refuse", reason)
    if ticket.service in healing:
        return Verdict("wait", f"another heal of {ticket.service} runs")
    if full:
        return Verdict("wait", "as many heals run as may")
    if rules.quiet is not None and _is_quiet(rules.quiet, now):
        return Verdict("wait", f"quiet hours until {rules.quiet[1]:%H:%M}")
    return START


def _why_not(
    ticket: Ticket, earlier: Sequence[Ticket], rules: Restraint, now: float, enabled: bool
) -> str | None:
    service = ticket.service
    begun = [other for other in earlier if other.started and now - other.started < DAY_S]
    own = [other for other in begun if other.service == service]
    same = [other for other in own if ticket.signature and other.signature == ticket.signature]
    past = [other.started for other in earlier if other.service == service and other.started <= now + 1]
    last = max(past, default=float("-inf"))
    left = rules.cooldown_s - (now - last)
    if not enabled:
        return "healing is switched off (autohealer:enabled)"
    if rules.dry_run:
        return f"dry run: {service} would be healed now"
    if left > 0:
        return f"{service} was healed a while ago: {left:.0f} s of its cooldown are left"
    refusals = [other.reason for other in earlier if _is_no(other, ticket, now)]
    if refusals:
        why = "" if refusals[-1] in ("", TAKEN_AWAY) else f" ({refusals[-1]})"
        return f"people took away the branch for this fault unmerged{why}: that is a no"
    if len(same) >= rules.breaker:
        return f"{len(same)} heals of this fault within a day were no cure: it is left to people"
    if rules.budget_usd is not None and _cost(begun) >= rules.budget_usd:
        return f"the day's budget of ${rules.budget_usd:g} is spent"
    if rules.service_budget_usd is not None and _cost(own) >= rules.service_budget_usd:
        return f"the day's budget of ${rules.service_budget_usd:g} for {service} is spent"
    return None


def _is_no(other: Ticket, ticket: Ticket, now: float) -> bool:
    same = other.service == ticket.service and other.signature == ticket.signature is not None
    return same and other.state == "declined" and now - other.opened < DECLINED_S


def _cost(tickets: Sequence[Ticket]) -> float:
    return sum(ticket.cost_usd for ticket in tickets)


def _is_quiet(hours: tuple[time, time], now: float) -> bool:
    begin, end = hours
    clock = datetime.fromtimestamp(now).time()
    return begin <= clock < end if begin <= end else clock >= begin or clock < end
