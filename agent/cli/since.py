"""A time in the past on the command line: an age such as 7d, or a day."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Since(click.ParamType[datetime]):
    """Converts `90m`, `24h`, `7d`, `2w`, `2026-11-01` or an ISO 8601 time (UTC unless it says otherwise)."""

    name = "when"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment, with its time zone."""
        if isinstance(value, datetime):
            return value
        if age := re.fullmatch(r"(\d{1,5})([mhdw])", value):
            return datetime.now(UTC) - timedelta(**{UNITS[age[2]]: int(age[1])})
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither an age such as 24h, 7d or 2w, nor a day such as 2026-11-01")
        return at if at.tzinfo else at.replace(tzinfo=UTC)


SINCE = Since()
