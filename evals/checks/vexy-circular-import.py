# ruff: noqa: N999
import importlib
import sys

from harness import config, logger
from services.vexy_ai.intel.playbyplay import PlayByPlay
from services.vexy_ai.intel.voices import VOICES, speak_template


def check_either_can_be_imported_first():
    for first in ("services.vexy_ai.intel.voices", "services.vexy_ai.intel.playbyplay"):
        for name in [name for name in sys.modules if name.startswith("services.vexy_ai")]:
            del sys.modules[name]
        importlib.import_module(first)


def check_a_template_that_runs_over_is_cut():
    text = speak_template(VOICES["anchor"], " ".join(["word"] * 200))
    assert len(text.split()) <= 61
    assert text.endswith("...")
    assert "four" in speak_template(VOICES["anchor"], "four words of fact")


def check_the_play_by_play_can_be_made():
    import inspect

    assert PlayByPlay
    assert "shorten(" in inspect.getsource(sys.modules[PlayByPlay.__module__])
    assert config() and logger("vexy_ai")
