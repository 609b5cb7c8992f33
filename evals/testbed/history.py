"""The testbed's past, as data: who brought which file when, and what some files said before."""

from __future__ import annotations

from dataclasses import dataclass

AUTHORS = {
    "ernie": "Ernie Varitimos <ernie@marketswarm.invalid>",
    "dana": "Dana Okafor <dana@marketswarm.invalid>",
    "li": "Li Wen <li@marketswarm.invalid>",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One commit. `paths` are glob patterns over the tree: the files that arrive with it."""

    id: str
    date: str
    author: str
    message: str
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Earlier:
    """Until the change `until`, `path` said `earlier` where it says `current` today."""

    path: str
    current: str
    earlier: str
    until: str


CHANGES = (
    Change(
        "foundation",
        "2026-01-12T09:14:00-05:00",
        "ernie",
        "shared modules, Truth, start-up scripts",
        (
            "README.md",
            "requirements.txt",
            ".gitignore",
            "shared/*",
            "truth/mm_node.json",
            "scripts/build_truth.py",
            "scripts/ms-lib.sh",
            "scripts/ms-build-truth.sh",
        ),
    ),
    Change(
        "massive",
        "2026-01-14T16:40:00-05:00",
        "ernie",
        "massive: spot, chains, GEX and heatmaps from the provider feed",
        ("services/massive/**", "scripts/ms-massive.sh", "truth/components/massive.json"),
    ),
    Change(
        "node-env",
        "2026-01-15T08:02:00-05:00",
        "ernie",
        "deploy: node defaults",
        (".env", ".pids/*"),
    ),
    Change(
        "mesh",
        "2026-01-19T11:25:00-05:00",
        "li",
        "mesh: roster of the services on a node",
        ("services/mesh/**", "scripts/ms-mesh.sh", "truth/components/mesh.json"),
    ),
    Change(
        "vigil",
        "2026-01-27T15:51:00-05:00",
        "dana",
        "vigil: price moves and VIX spikes as events",
        ("services/vigil/**", "scripts/ms-vigil.sh", "truth/components/vigil.json"),
    ),
    Change(
        "copilot",
        "2026-02-03T10:07:00-05:00",
        "dana",
        "copilot: MEL, ADI, commentary, alerts",
        ("services/copilot/**", "scripts/ms-copilot.sh", "truth/components/copilot.json"),
    ),
    Change(
        "journal",
        "2026-02-05T17:33:00-05:00",
        "ernie",
        "journal: trades, analytics, alerts, leaderboard",
        ("services/journal/**", "scripts/ms-journal.sh", "truth/components/journal.json"),
    ),
    Change(
        "intel",
        "2026-02-10T13:20:00-05:00",
        "li",
        "rss_agg and content_anal: articles in, insights out",
        (
            "services/rss_agg/**",
            "services/content_anal/**",
            "scripts/ms-rss_agg.sh",
            "scripts/ms-content_anal.sh",
            "truth/components/rss_agg.json",
            "truth/components/content_anal.json",
        ),
    ),
    Change(
        "vexy",
        "2026-02-12T19:05:00-05:00",
        "dana",
        "vexy_ai: epochs, events, voices",
        ("services/vexy_ai/**", "scripts/ms-vexy_ai.sh", "truth/components/vexy_ai.json"),
    ),
    Change(
        "vigil-levels",
        "2026-02-13T08:50:00-05:00",
        "dana",
        "vigil: gamma levels are lines, too\n\nCrossing a wall or zero gamma is an event.",
    ),
    Change(
        "sse",
        "2026-02-17T12:00:00-05:00",
        "ernie",
        "sse: gateway to the UI",
        ("services/sse/**", "scripts/ms-sse.sh", "truth/components/sse.json"),
    ),
    Change(
        "healer",
        "2026-02-18T10:44:00-05:00",
        "li",
        "healer: tells people when a heartbeat is gone",
        ("services/healer/**", "scripts/ms-healer.sh", "truth/components/healer.json"),
    ),
    Change(
        "docs",
        "2026-02-20T09:30:00-05:00",
        "ernie",
        "docs: system context for whoever is on call",
        ("docs/**",),
    ),
    Change(
        "journal-utc",
        "2026-02-24T18:12:00-05:00",
        "ernie",
        "journal: days are UTC",
    ),
    Change(
        "mesh-restarts",
        "2026-02-26T11:31:00-05:00",
        "li",
        "mesh: count restarts",
    ),
)

RULES = "services/vigil/intel/rules.py"

EARLIER: tuple[Earlier, ...] = (
    Earlier(
        RULES,
        '''class LevelCrossRule:
    """The price crosses a gamma level of massive's model."""

    kind = "level_cross"

    def check(self, state, market):
        if len(state.samples) < 2:
            return None
        before, now = state.samples[-2][1], state.samples[-1][1]
        for name, strike in market.levels(state.symbol).items():
            if (before < strike) != (now < strike):
                side = "above" if now >= strike else "below"
                return Event(
                    kind=f"{self.kind}.{name}",
                    symbol=state.symbol,
                    severity="notice",
                    value=strike,
                    text=f"{state.symbol} {side} {name.replace('_', ' ')} {strike:g}",
                    ts=state.last.ts,
                    price=now,
                )
        return None


''',
        "",
        "vigil-levels",
    ),
    Earlier(RULES, "        LevelCrossRule(),\n", "", "vigil-levels"),
    Earlier(
        "services/vigil/tests/test_rules.py",
        """def test_crossing_the_call_wall_is_told_once_it_is_crossed():
    gex = {"symbols": {"SPX": {"call_wall": 100.5, "put_wall": 95.0, "zero_gamma": None}}}
    state, market = feed([100.2, 100.6], gex=gex)
    event = LevelCrossRule().check(state, market)
    assert event.kind == "level_cross.call_wall"
    assert "above call wall" in event.text


def test_no_levels_no_crossing():
    state, market = feed([100.2, 100.6], gex=None)
    assert LevelCrossRule().check(state, market) is None


""",
        "",
        "vigil-levels",
    ),
    Earlier(
        "services/vigil/tests/test_rules.py",
        "    LevelCrossRule,\n",
        "",
        "vigil-levels",
    ),
    Earlier(
        "services/journal/intel/analytics.py",
        '''    """Profit per UTC day of the exit: {"2026-03-02": 125.0}."""
    days = defaultdict(float)
    for trade in closed(trades):
        day = datetime.fromtimestamp(trade.exit_time, timezone.utc).strftime("%Y-%m-%d")
''',
        '''    """Profit per day of the exit in New York: {"2026-03-02": 125.0}."""
    days = defaultdict(float)
    for trade in closed(trades):
        local = timezone(timedelta(hours=-5))
        day = datetime.fromtimestamp(trade.exit_time, local).strftime("%Y-%m-%d")
''',
        "journal-utc",
    ),
    Earlier(
        "services/journal/intel/analytics.py",
        "from datetime import datetime, timezone\n",
        "from datetime import datetime, timedelta, timezone\n",
        "journal-utc",
    ),
    Earlier(
        "services/journal/tests/test_analytics.py",
        "    # Red since the move to UTC (see by_day): 22:00 UTC is still the same day in New York.\n",
        "    # 22:00 UTC is still the same day in New York.\n",
        "journal-utc",
    ),
    Earlier(
        "services/mesh/intel/roster.py",
        "            member.restarts += 1\n",
        "",
        "mesh-restarts",
    ),
    Earlier(
        "services/mesh/intel/roster.py",
        '            "restarts": self.restarts,\n',
        "",
        "mesh-restarts",
    ),
    Earlier("services/mesh/intel/roster.py", "    restarts: int = 0\n", "", "mesh-restarts"),
)
