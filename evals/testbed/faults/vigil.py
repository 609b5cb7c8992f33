"""Faults of vigil."""

from __future__ import annotations

from evals.testbed.faults.fault import Edit, Fault, Step

SPOT, RULES, STATE = (f"services/vigil/intel/{name}.py" for name in ("spot", "rules", "state"))

DAY_MOVE = Fault(
    id="vigil-relative-move",
    service="vigil",
    title="a rule that needs the previous close meets an instrument that has none",
    symptom="TypeError: unsupported operand type(s) for -: 'float' and 'NoneType'",
    steps=(
        Step(
            "dana",
            "vigil: moves against yesterday's close, louder VIX\n\n"
            "Whoever looks at the day and not at the last minute wants to hear of whole steps.\n"
            "VIX above 30 is critical whatever its threshold says. State shows the day, too.",
            (
                Edit(
                    SPOT,
                    "    @property\n    def is_volatility(self):\n",
                    "    @property\n"
                    "    def day_change_pct(self):\n"
                    '        """Change since the previous close in per cent."""\n'
                    "        return (self.price - self.prev_close) / self.prev_close * 100\n\n"
                    "    @property\n    def is_volatility(self):\n",
                ),
                Edit(
                    RULES,
                    "class LevelCrossRule:\n",
                    "class DayMoveRule:\n"
                    '    """The day passes another whole step away from the previous close."""\n\n'
                    '    kind = "day_move"\n\n'
                    "    def __init__(self, step_pct):\n"
                    "        self.step_pct = step_pct\n"
                    "        self._steps = {}\n\n"
                    "    def check(self, state, market):\n"
                    "        change = state.last.day_change_pct\n"
                    "        steps = int(abs(change) // self.step_pct)\n"
                    "        told = self._steps.setdefault(state.symbol, steps)\n"
                    "        if state.last.is_volatility or steps <= told:\n"
                    "            return None\n"
                    "        self._steps[state.symbol] = steps\n"
                    '        direction = "up" if change > 0 else "down"\n'
                    "        return Event(\n"
                    "            kind=self.kind,\n"
                    "            symbol=state.symbol,\n"
                    "            severity=severity_of(change, self.step_pct),\n"
                    "            value=round(change, 3),\n"
                    '            text=f"{state.symbol} is {direction} {abs(change):.2f}% on the day",\n'
                    "            ts=state.last.ts,\n"
                    "            price=state.last.price,\n"
                    "        )\n\n\n"
                    "class LevelCrossRule:\n",
                ),
                Edit(
                    RULES,
                    "            symbol=state.symbol,\n"
                    "            severity=severity_of(move, self.threshold_pct),\n"
                    "            value=round(move, 3),\n"
                    '            text=f"{state.symbol} spikes',
                    "            symbol=state.symbol,\n"
                    "            severity=self.severity(state.last.price, move),\n"
                    "            value=round(move, 3),\n"
                    '            text=f"{state.symbol} spikes',
                ),
                Edit(
                    RULES,
                    '    kind = "vix_spike"\n\n'
                    "    def __init__(self, threshold_pct):\n"
                    "        self.threshold_pct = threshold_pct\n",
                    '    kind = "vix_spike"\n'
                    "    critical_level = 30.0\n\n"
                    "    def __init__(self, threshold_pct):\n"
                    "        self.threshold_pct = threshold_pct\n\n"
                    "    def severity(self, level, move):\n"
                    "        if level >= self.critical_level:\n"
                    '            return "critical"\n'
                    "        return severity_of(move, self.threshold_pct)\n",
                ),
                Edit(
                    RULES,
                    "        VixSpikeRule(spike),\n",
                    "        VixSpikeRule(spike),\n"
                    '        DayMoveRule(float(config.get("VIGIL_DAY_STEP_PCT", 1.0))),\n',
                ),
                Edit(
                    STATE,
                    '            "range_pct": round(self.range_pct(), 3),\n',
                    '            "range_pct": round(self.range_pct(), 3),\n'
                    '            "day_pct": round(self.last.day_change_pct, 3),\n',
                ),
                Edit(
                    "services/vigil/tests/test_rules.py",
                    "from services.vigil.intel.rules import (\n",
                    "from services.vigil.intel.rules import (\n    DayMoveRule,\n",
                ),
                Edit(
                    "services/vigil/tests/test_rules.py",
                    "def test_no_levels_no_crossing():\n",
                    "def test_a_new_step_of_the_day_is_told_once():\n"
                    "    rule = DayMoveRule(1.0)\n"
                    "    state, market = feed([100.5])\n"
                    "    assert rule.check(state, market) is None\n"
                    '    market.update(Spot("SPX", 101.2, 1010.0, 100.0))\n'
                    '    assert "up 1.20% on the day" in rule.check(state, market).text\n'
                    "    assert rule.check(state, market) is None\n\n\n"
                    "def test_vix_above_30_is_critical():\n"
                    '    state, market = feed([29, 29.5, 30, 30.5, 31], symbol="VIX", kind="volatility")\n'
                    '    assert VixSpikeRule(4.0).check(state, market).severity == "critical"\n\n\n'
                    "def test_no_levels_no_crossing():\n",
                ),
                Edit(
                    "truth/components/vigil.json",
                    '    "VIGIL_MOVE_PCT": "0.35",\n',
                    '    "VIGIL_MOVE_PCT": "0.35",\n    "VIGIL_DAY_STEP_PCT": "1.0",\n',
                ),
            ),
        ),
    ),
    fix=(
        Edit(
            SPOT,
            '        """Change since the previous close in per cent."""\n',
            '        """Change since the previous close in per cent; None where there is no such close."""\n'
            "        if not self.prev_close:\n"
            "            return None\n",
        ),
        Edit(
            RULES,
            "        change = state.last.day_change_pct\n",
            "        change = state.last.day_change_pct\n"
            "        if change is None:\n"
            "            return None\n",
        ),
        Edit(
            STATE,
            '            "day_pct": round(self.last.day_change_pct, 3),\n',
            '            "day_pct": self.day_pct(),\n',
        ),
        Edit(
            STATE,
            '    def summary(self):\n        return {\n            "price"',
            "    def day_pct(self):\n"
            '        """Change on the day in per cent; None where the previous close is not known."""\n'
            "        change = self.last.day_change_pct if self.last else None\n"
            "        return None if change is None else round(change, 3)\n\n"
            '    def summary(self):\n        return {\n            "price"',
        ),
    ),
)

FAULTS = (DAY_MOVE,)
