# ruff: noqa: N999
from harness import config, logger
from services.copilot.intel.market import MarketView
from services.copilot.intel.orchestrator import Copilot


def scorer(**models):
    return Copilot(config(models=models), logger("copilot")).scorer


def check_the_symbols_of_truth_are_scored():
    assert list(scorer(heatmap_symbols=["SPX", "NDX"]).symbols) == ["SPX", "NDX"]
    assert list(scorer(heatmap_symbols=["RUT"]).symbols) == ["RUT"]


def check_a_snapshot_scores_each_of_them():
    snapshot = scorer(heatmap_symbols=["SPX", "NDX"]).snapshot(MarketView())
    assert set(snapshot["symbols"]) == {"SPX", "NDX"}


def check_without_a_list_there_is_still_a_snapshot():
    assert scorer().snapshot(MarketView())["overall"] is not False
