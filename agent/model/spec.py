"""Which model, where it answers and how it is spoken to: plain values, made from the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Api = Literal["responses", "chat"]
Effort = Literal["low", "medium", "high"]

BUILTIN = "builtin"
"""The id of the rule-based model, which answers here and needs no key."""
RULE_BASED = "rule-based, no model"
"""How a branch or a report names it."""

NO_REASONING = ("gpt-4o", "gpt-4.1", "gpt-4-", "gpt-3.5")
"""Families that refuse requests which ask for their reasoning."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars per million tokens: fresh input, input from the cache, output."""

    input: float
    cached: float
    output: float


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of a chain.

    `key_names` are the names of its key in Truth or the environment; with none, no key is sent.
    `timeout_s` is the wall-clock time of one request, its last byte included.
    """

    id: str
    base_url: str
    api: Api = "responses"
    key_names: tuple[str, ...] = ()
    provider: str = ""
    timeout_s: float = 300.0
    connect_s: float = 10.0
    effort: Effort | None = None
    prices: Prices | None = None
    answer_format: bool = True

    @property
    def reasons(self) -> bool:
        """Whether the reasoning of earlier turns is asked for and given back."""
        return not self.id.startswith(NO_REASONING)


GROK = ModelSpec("grok-4", "https://api.x.ai/v1", key_names=("XAI_API_KEY",), provider="xAI", timeout_s=900.0)
MINI = ModelSpec(
    "gpt-4o-mini",
    "https://api.openai.com/v1",
    key_names=("OPENAI_API_KEY",),
    provider="OpenAI",
    timeout_s=120.0,
)
DEFAULT_CHAIN = (GROK, MINI)


def told_name(model: str) -> str:
    """A model's id as a reader is told it: the rule-based one is not taken for a model."""
    return RULE_BASED if model == BUILTIN else model
