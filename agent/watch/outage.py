"""The report of an outage: what people read where no heal was run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from agent.watch.correlate import Outage


def report_of(outage: Outage, members: Sequence[Mapping[str, object]]) -> str:
    """The report in Markdown. Each member has `service`, `at` (Unix seconds) and `reason`."""
    ended = f"until {_moment(outage.ended)}" if outage.ended is not None else "and is down as this is written"
    lines = [
        f"# {outage.bus} was down",
        "",
        f"It stopped answering at {_moment(outage.began)}, {ended}. This is an outage of the",
        "infrastructure: no service's code was looked at, no model was asked, no branch was made.",
        "",
        "## Services that fell with it",
        "",
        *(f"- {_moment(float(str(member['at'])))}: {member['reason']}" for member in members),
        *([] if members else ["None was seen to fall."]),
        "",
        "## What to do",
        "",
        f"1. Start {outage.bus} again, and see in its own log why it went.",
        "2. Restart those of the services above that do not come back by themselves.",
        "3. If it came back empty, publish Truth again (`scripts/ms-build-truth.sh`).",
    ]
    return "\n".join(lines) + "\n"


def _moment(ts: float) -> str:
    return datetime.fromtimestamp(ts, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
