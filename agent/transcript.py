"""A conversation as JSON: what `trajectory.json` holds, one object an item."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Sequence
from dataclasses import fields, is_dataclass
from operator import is_
from typing import Any

from agent.model.protocol import Item
from agent.store import Run

NAME = "trajectory.json"
END = b"\n]\n"


class Transcript:
    """The `trajectory.json` of a run. What was added since the last time is written behind the rest.

    One write replaces the end of the list, so a kill leaves the list as it was or as it is.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._kept: list[Item] = []
        self._size = 0

    def save(self, items: Sequence[Item]) -> None:
        """Make the file hold these items. Raises OSError."""
        kept, self._kept = self._kept, []
        if kept and len(kept) <= len(items) and all(map(is_, kept, items)):
            self._append(items[len(kept) :])
        else:
            text = "[\n" + ",\n".join(map(_written, items)) + END.decode()
            self._size = self._run.write(NAME, text).stat().st_size
        self._kept = list(items)

    def _append(self, items: Sequence[Item]) -> None:
        data = "".join(f",\n{_written(item)}" for item in items).encode("utf-8", "replace") + END
        descriptor = os.open(self._run.path / NAME, os.O_WRONLY)
        try:
            if os.pwrite(descriptor, data, self._size - len(END)) < len(data):
                raise OSError(errno.ENOSPC, "no room for the conversation", str(self._run.path / NAME))
        finally:
            os.close(descriptor)
        self._size += len(data) - len(END)


def _written(item: Item) -> str:
    """One item on a line of its own; `item` names its kind, the rest are its fields."""
    return json.dumps({"item": type(item).__name__, **_fields(item)}, ensure_ascii=False, default=_fields)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass by name, not copied."""
    if not is_dataclass(value):
        raise TypeError(f"a conversation holds no {type(value).__name__}")
    return {one.name: getattr(value, one.name) for one in fields(value)}
