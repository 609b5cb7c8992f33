"""What goes beyond a plain repair is told, whatever it is for; a plain repair is not."""

from __future__ import annotations

import pytest

from agent.proof.labels import Crashed
from agent.proof.labels.plain import beyond, words_in, words_of

PATH = "services/vigil/intel/spot.py"
BASE = """import json
import logging

from shared.redis_io import publish

CLOSES = {"SPX": 1.0, "NDX": 2.0}
logger = logging.getLogger("vigil")


class Spot:
    def __init__(self, price, prev_close):
        self.price = price
        self.prev_close = prev_close
        self.seen = []

    def change(self):
        return (self.price - self.prev_close) / self.prev_close * 100

    def of(self, quote):
        return quote["price"] - self.price

    async def tell(self, bus, rows):
        rows = list(rows)
        bus = bus.market
        high, low = rows > [], rows < []
        for row in rows:
            if row in CLOSES:
                row = dict(row)
            await publish(bus, "vigil:events", json.dumps(row))


def known(symbol):
    return symbol in CLOSES
"""
SHARED = "async def publish(bus, channel, document):\n    await bus.publish(channel, document)\n"
CHANGE = "        return (self.price - self.prev_close) / self.prev_close * 100\n"
OF = '        return quote["price"] - self.price\n'
TELL = "        for row in rows:\n"
GIVEN = "        if not self.prev_close:\n            return None\n"

PLAIN = {
    "leaves out what is missing": (CHANGE, GIVEN + CHANGE),
    "gives None": (CHANGE, CHANGE.replace("\n", " if self.prev_close else None\n")),
    "gives on what is missing": (OF, "        if quote is None:\n            return quote\n" + OF),
    "another key": (OF, OF.replace('"price"', '"change_pct"')),
    "a default for a key": (OF, OF.replace('["price"]', '.get("price", 0.0)')),
    "a number of a text": (OF, OF.replace('quote["price"]', 'float(quote["price"])')),
    "skips a row": (TELL, TELL + "            if row is None:\n                continue\n"),
    "sifts": (TELL, TELL.replace("in rows", "in [row for row in rows if row is not None]")),
    "skips what lacks a key that it reads": (
        TELL,
        TELL
        + '            if row.get("price") is None:\n                continue\n            row = {"price": row["price"]}\n',
    ),
    "tells the log": (TELL, '        logger.warning(f"{len(rows)} rows")\n' + TELL),
    "a helper": (
        "def known(symbol):\n",
        "def close_of(quote):\n    return quote.get('price')\n\n\ndef known(symbol):\n",
    ),
    "a list of its own": (
        TELL,
        "        kept = []\n        for each in rows:\n            kept.append(each)\n"
        + TELL.replace("rows", "kept"),
    ),
    "everyday modules": ("import json\n", "import json\nfrom datetime import datetime, timezone\n"),
    "a constant": ('CLOSES = {"SPX"', 'STEP = 1.0\nCLOSES = {"SPX"'),
}
BEYOND = {
    "a lambda": (OF, "        ask = lambda: quote\n        return ask()\n"),
    "a try": (OF, "        try:\n    " + OF + "        finally:\n            logger.info(quote)\n"),
    "a with": (OF, "        with quote:\n    " + OF),
    "a while": (OF, "        while quote:\n    " + OF),
    "a match": (OF, "        match quote:\n            case None:\n                return None\n" + OF),
    "a yield": (OF, "        yield quote\n"),
    "a generator": (OF, "        rows = (row for row in quote)\n        return rows\n"),
    "a global": (OF, "        global logger\n" + OF),
    "a del": (OF, "        del quote\n"),
    "an assignment within an expression": (OF, "        return (price := self.price) - price\n"),
    "a decorator of of": ("    def of(", "    @known\n    def of("),
    "the class Price": ("class Spot:", "class Price(float):\n    pass\n\n\nclass Spot:"),
    "__getattr__()": ("    def of(", "    def __getattr__(self, name):\n        return None\n\n    def of("),
    "of() with arguments of any number": ("of(self, quote)", "of(self, quote, **rest)"),
    "ask() within a function": (
        OF,
        "        def ask():\n            return self.price\n\n        return ask()\n",
    ),
    "getattr": (OF, '        return getattr(quote, "price")\n'),
    "__dict__": (OF, "        return self.__dict__\n"),
    "a choice, `(self.price, self.prev_close)[0]`": (
        OF,
        "        return (self.price, self.prev_close)[0]\n",
    ),
    "a choice, `(self.price, self.prev_close)`": (
        OF,
        "        return max(each for each in (self.price, self.prev_close))\n",
    ),
    "a made-up `{'price': 1.0}` for self.of()": (OF, '        return self.of({"price": 1.0})\n'),
    "publish under the name known": ("import publish", "import publish as known"),
    "waits in `bus.wait()`": (TELL, "        await asyncio.gather(bus.wait())\n" + TELL),
    "sets self.price": (OF, "        self.price = 1.0\n" + OF),
    "changes quote in place": (OF, '        quote["price"] = 1.0\n' + OF),
    "changes rows by clear()": (TELL, "        rows.clear()\n" + TELL),
    "does self.of and uses nothing of it": (OF, "        self.of(quote)\n" + OF),
    "does self.price and uses nothing of it": (OF, "        self.price\n" + OF),
    "keeps asked for nothing": (OF, "        asked = self.change()\n" + OF),
    "gives known a second meaning": ("def known(", "known = publish\n\n\ndef known("),
    "gives of a second meaning": (
        "    def of(",
        "    def of(self, quote):\n        return None\n\n    def of(",
    ),
    "gives round another meaning": (OF, "        round = self.price\n        return round\n"),
    "asks whether `quote['symbol'] == 'SPX'`": (
        OF,
        '        if quote["symbol"] == "SPX":\n            return None\n' + OF,
    ),
    "asks whether `self.price > 1000000.0`": (
        CHANGE,
        "        if self.prev_close is None or self.price > 1.0e6:\n            return None\n" + CHANGE,
    ),
    "leaves where there is `self.price`": (
        CHANGE,
        "        if self.price:\n            return None\n" + CHANGE,
    ),
    "asks for `self.seen` and does not use it": (
        CHANGE,
        GIVEN.replace("prev_close", "seen") + CHANGE,
    ),
    "asks for `row.get('ts')` and does not use it": (
        TELL,
        TELL + '            if row.get("ts") is None:\n                continue\n',
    ),
    "depends on `quote.isdigit()`": (OF, "        if quote.isdigit():\n            return None\n" + OF),
    "works out `self.price - self.price` where data is missing": (
        CHANGE,
        GIVEN.replace("None", "self.price - self.price") + CHANGE,
    ),
    "works out `self.price` where data is missing": (
        CHANGE,
        CHANGE.replace("/ self.prev_close", "/ (self.prev_close or self.price)"),
    ),
    "ends a loop in tell()": (TELL, TELL + "            if row is None:\n                return\n"),
    "leaves out 'NDX'": (', "NDX": 2.0', ""),
    "no publish any more": (
        '            await publish(bus, "vigil:events", json.dumps(row))\n',
        "            json.dumps(row)\n",
    ),
    "sets self.seen no more": ("        self.seen = []\n", ""),
    "no longer asks `row in CLOSES`": (
        "            if row in CLOSES:\n                row = dict(row)\n",
        "",
    ),
    "no longer goes through rows": (TELL, TELL.replace("rows", "CLOSES")),
    "works out `Sub` no more": (OF, OF.replace(" - self.price", "")),
    "no 2.0 any more": ('"NDX": 2.0', '"NDX": 1.0'),
    "the key 'typ'": (OF, OF.replace('"price"', '"typ"')),
    "a part of a list": (TELL, TELL.replace("in rows", "in rows[:1]")),
    "a break": (TELL, TELL + "            if row is None:\n                break\n"),
    "a loop of one round": (
        '            await publish(bus, "vigil:events", json.dumps(row))\n',
        '            await publish(bus, "vigil:events", json.dumps(row))\n            return\n',
    ),
    "nothing behind `return None`": (OF, "        return None\n" + OF),
    "`x = 2` on the line of another": (OF, "        x = 1; x = 2\n" + OF),
    "asks whether `1 is not True`": (OF, "        if 1 is not True:\n            return None\n" + OF),
    "depends on `quote is None or self.price`": (
        OF,
        "        if quote is None or self.price:\n            return None\n" + OF,
    ),
    "depends on `not isinstance(quote, str)`": (
        OF,
        "        if not isinstance(quote, str):\n            return None\n" + OF,
    ),
    "depends on `max`": (OF, "        if max:\n            return None\n" + OF),
    "gives max another meaning": ("    def change(", "    max = 0\n\n    def change("),
    "does `self.of(quote)` where data is missing": (
        OF,
        "        if quote is None:\n            self.of(quote)\n" + OF,
    ),
    "asks for `CLOSES[symbol]` and does not use it": (
        "    return symbol in CLOSES\n",
        "    if symbol not in CLOSES:\n        return False\n    return symbol in CLOSES\n",
    ),
    "asks for `self.seen` and does not use it behind the guard": (
        CHANGE,
        "        self.seen += [1]\n" + GIVEN.replace("prev_close", "seen") + CHANGE,
    ),
    "gives price another value": (
        OF,
        '        price = quote["price"]\n        price = self.price\n        return price\n',
    ),
    "never reads rest": ("of(self, quote)", "of(self, quote, rest)"),
    "a default in of()": ("of(self, quote)", "of(self, quote, rest=None)"),
    "asks whether `self.price <= 0`": (
        CHANGE,
        "        if self.prev_close is None or self.price <= 0:\n            return None\n" + CHANGE,
    ),
    "'SPX': without 1.0": ('{"SPX": 1.0, "NDX": 2.0}', '{"SPX": 2.0, "NDX": 1.0}'),
    "high = without the operator Gt": (
        "        high, low = rows > [], rows < []\n",
        "        high, low = rows < [], rows > []\n",
    ),
    "leaves only where all hold: `quote is None and (not self.seen)`": (
        OF,
        "        if quote is None and not self.seen:\n            return None\n" + OF,
    ),
    "asks for `self.seen` and does not use it, but for the log": (
        CHANGE,
        "        logger.info(self.seen)\n" + GIVEN.replace("prev_close", "seen") + CHANGE,
    ),
    "asks for `quote.get('price')` and does not use it": (
        CHANGE.strip(),
        CHANGE.strip() + ' if quote.get("price") else None',
    ),
    "`return self.price` within a try": (
        "    async def tell",
        "    def safe(self):\n        try:\n            return self.price\n        except ValueError:\n"
        "            return None\n\n    async def tell",
    ),
    "`await publish(bus, 'vigil:events', json.dumps(row))` stands elsewhere": (
        '            await publish(bus, "vigil:events", json.dumps(row))\n',
        '        await publish(bus, "vigil:events", json.dumps(row))\n',
    ),
    "`bus = bus.market` stands elsewhere": (
        "        rows = list(rows)\n        bus = bus.market\n",
        "        bus = bus.market\n        rows = list(rows)\n",
    ),
    "`return (self.price - self.prev_close) / self.prev_close * 100` without price": (
        CHANGE,
        CHANGE.replace("self.price", "self.prev_close"),
    ),
    "of() gives nothing back": (OF, "        return None\n"),
    "the module operator": ("import json\n", "import json\nimport operator\n"),
    "the name settrace": (OF, "        return logging.settrace(None)\n"),
    "another known()": ("    def of(", "    def known(self):\n        return None\n\n    def of("),
}


def told_of(old: str, new: str) -> list[str]:
    assert old in BASE
    words = words_of({PATH: BASE, "shared/redis_io.py": SHARED}, words_in(['{"fields": ["change_pct"]}']))
    return beyond({PATH: BASE}, {PATH: BASE.replace(old, new, 1)}, words, Crashed("'price'"))


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_repair_is_told_as_nothing_more(name: str) -> None:
    assert told_of(*PLAIN[name]) == []


@pytest.mark.parametrize("told", BEYOND)
def test_what_is_more_is_told(told: str) -> None:
    assert told.removesuffix(", but for the log").removesuffix(" behind the guard") in told_of(*BEYOND[told])


def test_what_only_moves_is_not_new() -> None:
    helper = "\n\ndef first(rows):\n    return min(rows, key=lambda row: row['ts'])\n"
    other = "services/vigil/intel/rows.py"
    words = words_of({PATH: BASE + helper})
    assert beyond({PATH: BASE + helper}, {PATH: BASE, other: helper}, words, Crashed()) == []


SCRIPT = "services/sse/src/transform.js"
TICK = "  return { symbol: quote.symbol, close_text: quote.prev_close.toFixed(2) };\n"
NODE = f"const MAX = 60;\n\nfunction tick(quote) {{\n{TICK}}}\n\nmodule.exports = {{ tick, MAX }};\n"
CLOSE = "quote.prev_close.toFixed(2)"
PLAIN_SCRIPTS = {
    "asks for missing data": CLOSE.replace(".toFixed", "?.toFixed") + " ?? null",
    "sifts": "[quote.prev_close].filter(Boolean).map((close) => close.toFixed(2))",
}
BEYOND_SCRIPTS = {
    "a constant that is asked for": "quote.symbol === 'NEWX' && " + CLOSE,
    "a ternary": "quote.prev_close ? MAX : MAX",
    "another datum": "(quote.prev_close ?? quote.symbol).toFixed(2)",
    "what makes 0 of null": "Number(quote.prev_close).toFixed(2)",
    "a name that is not in use": "Quotes.text(quote)",
    "what is built in": "Reflect.get(quote, 'symbol')",
    "a result that is thrown away": "[quote.prev_close].filter((close) => !close)",
    "nothing in the place of data": "tick(null)",
    "nothing behind data": CLOSE + " && null",
    "a part of it": "[quote.prev_close].slice(0, 0)",
    "a change in place": "(quote.prev_close = MAX)",
    "a template": "`${quote.prev_close}`",
    "a member by a name that is worked out": "quote[quote.symbol]",
    "a text that names what makes code": "quote.prev_close['constructor']",
    "a comment within a regular expression": "quote.symbol.replace(/[//]/, ''), ...tick({ symbol: MAX }",
    "a regular expression that hides the rest of a line": "/'/.test(quote) + tick(quote) + '/'",
}


def in_script(close: str) -> list[str]:
    words = words_of({SCRIPT: NODE})
    return beyond({SCRIPT: NODE}, {SCRIPT: NODE.replace(CLOSE, close)}, words, Crashed())


@pytest.mark.parametrize("name", PLAIN_SCRIPTS)
def test_a_plain_repair_of_a_script_is_told_as_nothing_more(name: str) -> None:
    assert in_script(PLAIN_SCRIPTS[name]) == []


@pytest.mark.parametrize("name", BEYOND_SCRIPTS)
def test_what_is_more_in_a_script_is_told(name: str) -> None:
    assert in_script(BEYOND_SCRIPTS[name])


GONE = {
    "a line": ("  hub.publish(tick(quote));\n", ""),
    "where there is data": ("  hub.publish", "  if (quote) return;\n  hub.publish"),
}


@pytest.mark.parametrize("name", GONE)
def test_what_a_script_does_no_more_is_told(name: str) -> None:
    told = NODE + "\nfunction tell(hub, quote) {\n  hub.publish(tick(quote));\n}\n"
    old, new = GONE[name]
    assert beyond({SCRIPT: told}, {SCRIPT: told.replace(old, new)}, words_of({SCRIPT: told}), Crashed())


def test_a_statement_that_only_stands_in_a_comment_is_read_all_the_same() -> None:
    hidden = NODE.replace(TICK, "  const mark = /[/*]/;\n  * Quotes.text(quote);\n" + TICK)
    words = words_of({SCRIPT: NODE})
    assert "the name Quotes" in beyond({SCRIPT: NODE}, {SCRIPT: hidden}, words, Crashed())
