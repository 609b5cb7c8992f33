"""A conversation as JSON: what `trajectory.json` holds, one object an item."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from agent.model.protocol import Item


def trajectory(items: Sequence[Item]) -> str:
    """The items as a JSON list; `item` names the kind, the rest are its fields."""
    return json.dumps([_one(item) for item in items], ensure_ascii=False, indent=1)


def _one(item: Item) -> dict[str, Any]:
    return {"item": type(item).__name__, **asdict(item)}
