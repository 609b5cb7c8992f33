"""Epochs and voices."""

from datetime import datetime, timezone

from services.vexy_ai.intel.context import Context
from services.vexy_ai.intel.epochs import EPOCHS, epoch_at, next_epoch
from services.vexy_ai.intel.voices import VOICES, speak_template, voice_for_event


def at(hour, minute):
    return datetime(2026, 3, 2, hour, minute, tzinfo=timezone.utc)


def test_the_open_is_at_half_past_nine_in_new_york():
    assert epoch_at(at(14, 29)).name == "premarket"
    assert epoch_at(at(14, 30)).name == "open"


def test_the_day_goes_round():
    assert next_epoch(EPOCHS[-1]).name == "overnight"


def test_every_epoch_has_a_voice():
    assert all(epoch.voice in VOICES for epoch in EPOCHS)


def test_kinds_of_events_may_carry_a_suffix():
    assert voice_for_event("level_cross.call_wall").name == "analyst"
    assert voice_for_event("anything").name == "scout"


def test_templates_hold_the_facts():
    assert "SPX 6118" in speak_template(VOICES["anchor"], "SPX 6118")


def test_facts_of_a_full_board():
    context = Context(
        spot={"symbols": {"SPX": {"price": 6118.5, "change_pct": 0.28}, "VIX": {"price": 15.4}}},
        gex={"regime": "positive"},
        insights=[{"headline": "Fed on hold"}],
    )
    assert context.facts() == "SPX 6118.50 (+0.28%), VIX 15.40, gamma positive, Fed on hold"


def test_an_empty_board_has_no_facts():
    assert Context().facts() == ""
