"""Where a model's key comes from: the Truth component, its env block, then the shell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agent.model.protocol import NoKey

PLACEHOLDER = re.compile(r"\$\{.*\}|<.*>|\[REDACTED.*\]|\*+|changeme", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found. Its value is in no repr, so it reaches no log by accident."""

    value: str = field(repr=False)
    source: str


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The three places, in order. `component` is a Truth component, or None where there is none."""

    component: Mapping[str, Any] | None = field(default=None, repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find(self, names: Sequence[str]) -> Key | None:
        """The first usable value under one of the names; an unresolved `${VAR}` is none."""
        component = self.component or {}
        block = component.get("env")
        places = (
            ("the Truth component", component),
            ("the env block of the Truth component", block if isinstance(block, Mapping) else {}),
            ("the environment", self.environment),
        )
        for where, values in places:
            for name in names:
                if value := _usable(values.get(name)):
                    return Key(value, f"{name} from {where}")
        return None

    def require(self, model: str, names: Sequence[str]) -> Key:
        """The key of a model.

        Raises:
            NoKey: none of the three places has one.
        """
        key = self.find(names)
        if key is None:
            told = " or ".join(names)
            raise NoKey(
                model, f"no key: {told} is not in the Truth component, its env block or the environment"
            )
        return key


def _usable(value: object) -> str | None:
    """The value if it can be a key: header-safe text that is no placeholder."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if not text or PLACEHOLDER.fullmatch(text) or not text.isascii() or not text.isprintable() or " " in text:
        return None
    return text
