"""Heatmap snapshots: one cell per strike, coloured by its share of the largest exposure."""


def build_heatmap(gex, chain):
    """`massive:heatmap:model:{symbol}:latest`.

    {"symbol", "spot", "cells": [{"strike", "distance_pct", "net", "intensity", "volume"}], "rows"};
    intensity is -1 to 1.
    """
    volumes = {row["strike"]: _volume(row) for row in chain["strikes"]}
    peak = max((abs(level["net"]) for level in gex["levels"]), default=0)
    cells = []
    for level in gex["levels"]:
        cells.append(
            {
                "strike": level["strike"],
                "distance_pct": round((level["strike"] - gex["spot"]) / gex["spot"] * 100, 3),
                "net": level["net"],
                "intensity": round(level["net"] / peak, 4) if peak else 0.0,
                "volume": volumes.get(level["strike"], 0),
            }
        )
    return {"symbol": gex["symbol"], "spot": gex["spot"], "rows": len(cells), "cells": cells}


def _volume(row):
    return sum((row.get(side) or {}).get("volume", 0) for side in ("call", "put"))


def hottest(heatmap, count=3):
    """Strikes with the strongest exposure, strongest first."""
    ranked = sorted(heatmap["cells"], key=lambda cell: -abs(cell["intensity"]))
    return [cell["strike"] for cell in ranked[:count]]
