"""Scores of the models."""

import time

from services.copilot.intel.market import MarketView
from services.copilot.intel.mel import MelScorer, band, coverage, freshness


def view(age=0.0, rows=21):
    now = time.time()
    levels = [{"strike": 6000 + 5 * row, "net": 10 - row} for row in range(rows)]
    cells = [{"strike": 6000 + 5 * row, "intensity": row / 21, "volume": 100} for row in range(rows)]
    return MarketView(
        spot={"ts": now - age, "symbols": {"SPX": {"price": 6118.5}, "NDX": {"price": 22104.0}}},
        gex={"ts": now - age, "symbols": {"SPX": {"net": 1, "levels": levels}}, "regime": "positive"},
        heatmaps={"SPX": {"ts": now - age, "rows": rows, "cells": cells}},
        read_at=now,
    )


def test_freshness_falls_from_100_to_0():
    assert freshness(1.0) == 100.0
    assert freshness(32.5) == 50.0
    assert freshness(600) == 0.0
    assert freshness(None) == 0.0


def test_coverage_is_capped():
    assert coverage(21) == 100.0
    assert coverage(42) == 100.0
    assert coverage(0) == 0.0


def test_bands():
    assert [band(score) for score in (80, 60, 30, 3)] == ["high", "medium", "low", "off"]


def test_fresh_and_complete_models_score_high():
    snapshot = MelScorer().snapshot(view())
    assert snapshot["symbols"]["SPX"]["gamma"]["score"] > 75
    assert snapshot["missing"] == ["chain"]


def test_an_empty_market_scores_low_and_does_not_fail():
    snapshot = MelScorer().snapshot(MarketView())
    assert snapshot["band"] in ("low", "off")
    assert snapshot["missing"] == ["spot", "chain", "gex", "heatmaps"]


def test_stale_models_score_less():
    scorer = MelScorer()
    assert scorer.snapshot(view(age=50))["overall"] < scorer.snapshot(view())["overall"]
