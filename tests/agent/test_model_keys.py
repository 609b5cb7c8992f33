"""Keys by the triple fall-back, and what a request cost."""

from __future__ import annotations

import pytest

from agent.model.keys import KeyRing
from agent.model.prices import billed, family, priced
from agent.model.protocol import NoKey, Usage
from agent.model.spec import Prices

NAMES = ("XAI_API_KEY", "GROK_KEY")


def test_the_component_comes_first_then_its_env_block_then_the_shell() -> None:
    component = {"XAI_API_KEY": "one", "env": {"XAI_API_KEY": "two"}}
    shell = {"XAI_API_KEY": "three"}

    found = [
        KeyRing(component, shell).find(NAMES),
        KeyRing({"env": component["env"]}, shell).find(NAMES),
        KeyRing({"env": "broken"}, shell).find(NAMES),
    ]

    assert [(key.value, key.source) for key in found if key] == [
        ("one", "XAI_API_KEY from the Truth component"),
        ("two", "XAI_API_KEY from the env block of the Truth component"),
        ("three", "XAI_API_KEY from the environment"),
    ]


@pytest.mark.parametrize(
    "value",
    ["${XAI_API_KEY}", " ${XAI_API_KEY} ", "", "  ", None, 7, True, "<your key>", "[REDACTED:api_key]", "****",
     "key with spaces", "sch\u00fcssel", "line\nbreak"],
)  # fmt: skip
def test_what_is_no_key_is_passed_over(value: object) -> None:
    key = KeyRing({"XAI_API_KEY": value}, {"XAI_API_KEY": "real"}).find(NAMES)

    assert key is not None
    assert (key.value, key.source) == ("real", "XAI_API_KEY from the environment")


def test_every_name_is_tried_in_one_place_before_the_next_place() -> None:
    key = KeyRing({"GROK_KEY": "in-truth"}, {"XAI_API_KEY": "in-shell"}).find(NAMES)

    assert key is not None
    assert key.value == "in-truth"


def test_a_key_shows_its_source_and_never_its_value() -> None:
    ring = KeyRing({"XAI_API_KEY": "xai-secret"}, {"OTHER": "other-secret"})

    assert "secret" not in f"{ring!r} {ring.find(NAMES)!r} {ring.find(NAMES)}"


def test_no_key_says_where_it_was_looked_for() -> None:
    with pytest.raises(NoKey, match=r"grok-4: no key: XAI_API_KEY or GROK_KEY is not in the Truth component"):
        KeyRing(None, {}).require("grok-4", NAMES)


def test_the_provider_s_own_bill_counts() -> None:
    assert billed({"cost_in_usd_ticks": 25_000_000}) == pytest.approx(0.0025)
    assert billed({"cost_in_usd_ticks": 0}) == 0
    assert billed({}) is None
    assert billed({"cost_in_usd_ticks": "much"}) is None


def test_cached_input_is_cheaper_and_reasoning_is_output() -> None:
    usage = Usage(
        input_tokens=1_000_000, cached_tokens=400_000, output_tokens=100_000, reasoning_tokens=90_000
    )

    assert priced(usage, "gpt-4o-mini-2024-07-18", "gpt-4o-mini") == pytest.approx(0.09 + 0.03 + 0.06)


def test_the_model_that_answered_is_paid() -> None:
    usage = Usage(input_tokens=1_000_000)

    assert priced(usage, "grok-4.3", "grok-4") == pytest.approx(1.25)
    assert priced(usage, "", "grok-4") == pytest.approx(3.0)


def test_an_unknown_price_is_none_and_a_given_one_counts() -> None:
    usage = Usage(input_tokens=1_000_000, cached_tokens=2_000_000, output_tokens=1_000_000)

    assert priced(usage, "llama-9", "llama-9") is None
    assert priced(usage, "llama-9", "llama-9", Prices(1.0, 0.5, 2.0)) == pytest.approx(3.0)


def test_usages_add_up_and_an_unknown_cost_stays_unknown() -> None:
    known = Usage(1, 2, 3, 4, 0.5)

    assert known + known == Usage(2, 4, 6, 8, 1.0)
    assert known + Usage(1) == Usage(2, 2, 3, 4, 0.5)
    assert (Usage() + Usage()).cost_usd is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("grok-4-0709", "grok-4"),
        ("grok-4-latest", "grok-4"),
        ("xai/grok-4", "grok-4"),
        ("grok-4.3", "grok-4.3"),
    ],
)
def test_a_dated_snapshot_belongs_to_its_family(model: str, expected: str) -> None:
    assert family(model) == expected
