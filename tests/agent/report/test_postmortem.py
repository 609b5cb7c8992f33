"""`autohealer show ID --postmortem`: the usual headings, filled in as far as a machine knows."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from agent.cli import main

HEADINGS = (
    "Summary", "Impact", "Root cause", "Trigger", "Detection", "Resolution",
    "Timeline (UTC)", "Lessons learned", "Action items", "Supporting information",
)  # fmt: skip


@pytest.fixture(scope="module")
def text(healed) -> str:
    told = CliRunner().invoke(
        main, ["--state", str(healed.store.root), "show", healed.result.incident, "--postmortem"]
    )
    assert told.exit_code == 0, told.output
    return told.output


def test_it_has_the_usual_headings_in_their_order(text):
    places = [text.index(f"\n## {heading}\n") for heading in HEADINGS]
    assert places == sorted(places)
    assert "TODO" in text


def test_what_is_known_is_filled_in(text):
    for part in (
        "vigil died. DayMoveRule divides",
        "`services/vigil/intel/spot.py:20` in `day_change_pct`",
        "**down**",
        "**proof",
        "rungs of the proof were shown",
    ):
        assert (part in text) == (part != "**proof"), part


def test_hostile_words_are_words_and_a_secret_is_gone(healed, text):
    assert "A1b2C3d4A1b2C3d4" not in text
    assert "\x1b" not in text
    assert "\\<script\\>" in text
    assert str(healed.repo) not in text


def test_it_is_json_too(healed):
    words = ["--state", str(healed.store.root), "show", healed.result.incident, "--postmortem", "--json"]
    told = json.loads(CliRunner().invoke(main, words).output)
    assert told["postmortem"].startswith("# Post-mortem: vigil on ")


def test_an_incident_without_a_finished_run_says_so(healed, tmp_path):
    from agent.store import Store

    store = Store(tmp_path)
    store.prepare()
    store.add(healed.folder)
    told = CliRunner().invoke(
        main, ["--state", str(tmp_path), "show", healed.result.incident, "--postmortem"]
    )
    assert told.exit_code == 1
    assert "autohealer heal" in told.stderr
