# ruff: noqa: N999
from services.massive.intel.heatmap import build_heatmap

LEVELS = [{"strike": 6100.0, "net": -50}, {"strike": 6110.0, "net": 100}]
CHAIN = {"strikes": [{"strike": 6100.0, "call": {"volume": 7}}, {"strike": 6110.0}]}


def heatmap(zero_gamma):
    return build_heatmap({"symbol": "NDX", "spot": 6105.0, "levels": LEVELS, "zero_gamma": zero_gamma}, CHAIN)


def check_a_profile_that_does_not_cross_zero_has_a_heatmap():
    made = heatmap(None)
    assert [cell["strike"] for cell in made["cells"]] == [6100.0, 6110.0]
    assert [cell["volume"] for cell in made["cells"]] == [7, 0]
    assert all(cell.get("from_flip") is None for cell in made["cells"]), "a distance from nowhere is made up"


def check_others_say_their_distance():
    made = heatmap(6102.5)
    assert [cell["from_flip"] for cell in made["cells"]] == [-2.5, 7.5]
    assert made["peak"] == 100
    assert made["rows"] == 2
