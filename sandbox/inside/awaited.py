"""What a boot waits for beyond its settle time."""

from __future__ import annotations

import re

from sandbox.inside.monitor import Seen


class Awaited:
    """What is worth waiting for: functions by path and name, and what the service served elsewhere.

    `names` are those of keys and channels of whose values fields are waited for.
    """

    def __init__(self, asked: dict[str, list[str]]) -> None:
        """`asked` has "functions" as `path:name`, "served" and "late" as expressions of `bus:name`.

        Its "fields" are of the values of those, as `bus:name path`.
        """
        self._functions = {(path, name) for path, _, name in (f.rpartition(":") for f in asked["functions"])}
        self._served = [re.compile(each) for each in asked["served"]]
        self._late = [re.compile(each) for each in asked["late"]]
        self._fields = frozenset(asked["fields"])
        self.names = frozenset(field.partition(" ")[0] for field in self._fields)

    def met(self, functions: set[str], seen: Seen) -> bool:
        """Whether all of it has happened."""
        served = seen.keys | seen.channels | seen.subscriptions | seen.patterns | seen.consumed
        late = seen.late_keys | seen.late_channels
        return (
            self._functions <= _named(functions)
            and all(any(map(pattern.fullmatch, served)) for pattern in self._served)
            and all(any(map(pattern.fullmatch, late)) for pattern in self._late)
            and self._fields <= seen.fields
        )

    def ran_again(self, first: set[str], late: set[str]) -> bool:
        """Whether those that took the messages the first time took them again."""
        return self._functions & _named(first) <= _named(late)


def _named(functions: set[str]) -> set[tuple[str, str]]:
    """Functions by path and plain name, their classes left out."""
    parts = (each.partition(":") for each in functions)
    return {(path, name.rpartition(".")[2]) for path, _, name in parts}
