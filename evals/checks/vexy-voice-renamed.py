# ruff: noqa: N999
from datetime import UTC, datetime

from services.vexy_ai.intel.epochs import EPOCHS, check_voices, epoch_at, minutes
from services.vexy_ai.intel.voices import VOICES, voice_for_event


def check_every_epoch_has_a_voice():
    assert "spotter" in check_voices()
    assert all(epoch.voice in VOICES for epoch in EPOCHS)


def check_the_open_is_the_spotter_s():
    assert VOICES[epoch_at(datetime(2026, 3, 2, 14, 40, tzinfo=UTC)).voice].name == "spotter"


def check_events_have_their_voices():
    assert voice_for_event("price_move").name == "spotter"
    assert voice_for_event("anything").name == "spotter"
    assert voice_for_event("level_cross.call_wall").name == "analyst"


def check_nobody_is_called_scout():
    assert all(voice.name != "scout" for voice in VOICES.values())


def check_epochs_say_how_long_they_last():
    assert sum(minutes(epoch) for epoch in EPOCHS) == 24 * 60
