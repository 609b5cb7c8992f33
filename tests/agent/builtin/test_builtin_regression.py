"""The test that comes with a repair: it is red on the crash that was, by its error, and green on what is mended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Pulse, Service

FILE = "services/vigil/intel/a.py"
HEAD = "import asyncio\nfrom types import SimpleNamespace\nfrom unittest.mock import AsyncMock, Mock\nimport services.vigil.intel.a as a\n"
BUS = "class Bus:\n    def __init__(self, bus):\n        self.bus = bus\n        self.seen = {}\n\n"
LOGGER = "class Logger:\n    def error(self, text):\n        pass\n\n\n"


KINDS = {
    "constants": (
        'import json\n\nLAST_KEY = "vigil:last"\n\n\n' + BUS
        + "    async def read(self, name):\n        raw = await self.bus.get(LAST_KEY)\n        try:\n            return json.loads(raw)\n"
        "        except ValueError:\n            await self.bus.lpush(BROKEN_KEY, raw[:80])\n            return None\n",
        "asyncio.run(a.Bus(SimpleNamespace(get=AsyncMock(return_value='{'), lpush=AsyncMock())).read('x'))",
        "bus.bus.lpush.assert_awaited_once()",
    ),
    "undefined": (
        "def f(row):\n    if row['live']:\n        return time.time() - row['ts']\n    return 0\n",
        "a.f({'live': True, 'ts': 1.0})",
        'assert f({"live": 1.0, "ts": 1.0}) is not None',
    ),
    "undefined in a handler": (
        "def f(text):\n    try:\n        return float(text)\n    except ValueError:\n        return str(exc)[:9]\n",
        "a.f('x')",
        'assert f("x") is not None',
    ),
    "attribute": (
        "class Row:\n    def __init__(self):\n        self.price = 2.0\n\n\ndef f(row, factor):\n    return row.prise * factor\n",
        "a.f(a.Row(), 2)",
        "assert f(SimpleNamespace(price=1.0), 1.0) is not None",
    ),
    "attribute of a logger": (
        LOGGER + BUS + "    def post(self, url, logger):\n        try:\n            self.bus.post(url)\n"
        "        except OSError:\n            logger.exception('no answer')\n",
        "a.Bus(SimpleNamespace(post=Mock(side_effect=OSError('x')))).post('u', a.Logger())",
        "logger.error.assert_called_once()",
    ),
    "keyword": (
        "def weigh(rows, factor=1.0):\n    return len(rows) * factor\n\n\ndef f(rows):\n    return weigh(rows, factr=2.0)\n",
        "a.f([1])",
        "assert f([]) is not None",
    ),
    "like_key behind what is waited for": (
        "import asyncio\n\n\n" + BUS + "    async def work(self, stop, row):\n        await asyncio.wait_for(stop.wait(), 1)\n"
        "        return row['prise']\n\n\ndef g(row):\n    return row['price']\n",
        "asyncio.run(a.Bus(1).work(SimpleNamespace(wait=AsyncMock()), {'price': 1.0}))",
        "wait=AsyncMock()",
    ),
    "like_key beside what is spread": (
        "def f(rest, row, rows, names):\n    told = [' '.join(names), *rows, {**rest}]\n    return told, row['prise']\n\n\n"
        "def g(row):\n    return row['price']\n",
        "a.f({}, {'price': 1.0}, [], [])",
        'assert f({}, {"price": 1.0}, [], []) is not None',
    ),
    "like_key": (
        "def f(rows):\n    return [row['prise'] for row in rows if row['price'] > 0]\n\n\ndef g(row):\n    return row['price']\n",
        "a.f([{'price': 1.0}])",
        'assert f([{"price": 1.0}]) is not None',
    ),
    "zones": (
        "from datetime import datetime\n\n\ndef age(since):\n    return (datetime.utcnow() - since).total_seconds()\n",
        "from datetime import datetime, timezone\na.age(datetime(2026, 3, 2, tzinfo=timezone.utc))",
        "assert age(datetime(2026, 3, 2, tzinfo=timezone.utc)) is not None",
    ),
    "zones of a text": (
        "from datetime import datetime\n\n\ndef age(row):\n    since = datetime.fromisoformat(row['since'])\n"
        "    return (datetime.utcnow() - since).total_seconds()\n",
        "a.age({'since': '2026-03-02T10:00:00+00:00'})",
        'assert age({"since": "2026-03-02T10:00:00+00:00"}) is not None',
    ),
    "undefined in a constructor": (
        "class Rule:\n    def __init__(self, config):\n        self.window = float(config['WINDOW'])\n        self.since = time.time()\n",
        "a.Rule({'WINDOW': 1})",
        'assert Rule({"WINDOW": 1.0}) is not None',
    ),
    "undefined in a stream that is read": (
        BUS + "    async def work(self):\n        async for name, row in self.bus.rows():\n            self.bus.told(name, row['n'] * 2, time.time())\n\n\n"
        "class Rows:\n    async def rows(self):\n        yield 'x', {'n': 1}\n\n    def told(self, *row):\n        pass\n",
        "asyncio.run(a.Bus(a.Rows()).work())",
        "bus.bus.told.assert_called()",
    ),
    "undefined in a stream that is given": (
        BUS + "    async def rows(self):\n        for name in await self.bus.names():\n            yield name, time.time()\n\n\n"
        "class Names:\n    async def names(self):\n        return ['x']\n\n\n"
        "async def main():\n    return [row async for row in Bus(Names()).rows()]\n",
        "asyncio.run(a.main())",
        "assert asyncio.run(scenario()) != []",
    ),
    "encoded": (
        "import hashlib\n\n\ndef digest(row):\n    return hashlib.sha256(row).hexdigest()\n",
        "a.digest('x')",
        'assert digest("x") is not None',
    ),
    "bad_text": (
        "def number(row):\n    return float(row['n'])\n",
        "a.number({'n': 'x'})",
        'assert number({"n": "x"}) is None',
    ),
    "bad_text in a loop": (
        "import json\n\n\ndef rows(raws):\n    found = []\n    for raw in raws:\n        if not raw:\n            continue\n"
        "        found.append(json.loads(raw))\n    return found\n",
        "a.rows(['{', '[1]'])",
        'assert rows(["{"]) is not None',
    ),
    "unserialisable": (
        "import json\nfrom datetime import date\n\n\ndef write(row):\n    return json.dumps({'day': row['day']})\n",
        "from datetime import date\na.write({'day': date(2026, 3, 2)})",
        'assert write({"day": date(2026, 3, 2)}) is not None',
    ),
    "text_number": (
        "def left(row):\n    return row['n'] - 1\n",
        "a.left({'n': '3'})",
        'assert left({"n": "2"}) is not None',
    ),
    "forgotten_await": (
        BUS + "    async def work(self):\n        row = self.bus.load()\n        return row['n']\n",
        "asyncio.run(a.Bus(SimpleNamespace(load=AsyncMock(return_value={'n': 1}))).work())",
        'load=AsyncMock(return_value={"n": 1.0})',
    ),
    "an await of what is no coroutine": (
        BUS + "    async def work(self):\n        row = await self.bus.load()\n        return row['n']\n",
        "asyncio.run(a.Bus(SimpleNamespace(load=Mock(return_value={'n': 1}))).work())",
        "load=Mock(",
    ),
    "changed_while_read": (
        BUS + "    def sweep(self, now):\n        for name in self.seen:\n            if self.seen[name] < now:\n"
        "                self.seen.pop(name)\n        return len(self.seen)\n",
        "b = a.Bus(None)\nb.seen = {'x': 1, 'y': 2}\nb.sweep(5)",
        "is not None",
    ),
    "changed_while_read, a set": (
        "def sweep(names, now):\n    for name in names:\n        names.discard(name)\n    return len(names)\n",
        "a.sweep({1, 2}, 5)",
        "assert sweep({1.0, 2.0, 3.0}, 1.0) is not None",
    ),
    "own_cancel": (
        BUS + "    async def close(self):\n        self.task.cancel()\n        await self.task\n        self.seen.clear()\n",
        "async def go():\n    b = a.Bus(None)\n    b.task = asyncio.create_task(asyncio.sleep(9))\n    await b.close()\nasyncio.run(go())",
        "async def scenario():",
    ),
    "missing, a coroutine": (
        BUS + "    async def pct(self, name):\n        quote = await self.bus.get(name)\n        last = quote['last']\n"
        "        if last < 0:\n            return None\n        return (quote['price'] - quote['close']) / 2\n",
        "asyncio.run(a.Bus(SimpleNamespace(get=AsyncMock(return_value={'last': 1, 'price': 1.0, 'close': None}))).pct('x'))",
        "is None",
    ),
    "missing, not in the first statement": (
        "def f(rows):\n    if not rows:\n        return None\n    first = rows[0]\n    return first['bid'] + first['ask']\n",
        "a.f([{'bid': 1.0, 'ask': None}])",
        '"ask": None',
    ),
    "missing, no items": (
        "def mean(prices):\n    kept = [each for each in prices if each > 0]\n    return sum(kept) / len(kept)\n",
        "a.mean([])",
        "assert mean([]) is None",
    ),
    "defaults of null": (
        "def ttl(row):\n    beat = row.get('beat', {})\n    return beat.get('ttl', 15)\n",
        "a.ttl({'beat': None})",
        'assert ttl({"beat": None})',
    ),
    "text_number, read by the caller": (
        "def left(now, most):\n    return min(now * 2, most)\n\n\ndef f(row):\n    return left(3.0, row.get('most', 60))\n",
        "a.f({'most': '5'})",
        'f({"most": "2"})',
    ),
    "lost_await, made by the caller": (
        BUS + "    async def load(self):\n        return {}\n\n    async def work(self):\n        return count(self.load())\n\n\n"
        "def count(rows):\n    return len(rows)\n",
        "asyncio.run(a.Bus(None).work())",
        "Bus.work(",
    ),
    "a method of a class": (
        "class Limit:\n    @classmethod\n    def of(cls, row):\n        return row['n'] - 1\n",
        "a.Limit.of({'n': '3'})",
        'Limit.of({"n": "2"})',
    ),
}  # fmt: skip


def call_of(text: str) -> str:
    """A test file that runs its test."""
    name = re.search(r"^def (test_\w+)\(\)", text, re.MULTILINE)
    assert name is not None, text
    return f"{text}\n\n{name[1]}()\n"


@pytest.mark.parametrize("kind", KINDS)
def test_a_test_of_the_culprit_is_red_before_and_green_after(service: Service, kind: str) -> None:
    source, crash, claim = KINDS[kind]
    service.commit({FILE: source})
    run = HEAD + crash
    candidate, tests = service.tests(run)
    error = service.run(run).stderr.splitlines()[-1].partition(":")[0]
    assert tests, "no test"
    shown = []
    for text in tests:
        (service.path / FILE).write_text(source)
        before = service.run(call_of(text)).stderr
        (service.path / FILE).write_text(candidate.files[FILE])
        after = service.run(call_of(text))
        if after.returncode == 0:
            assert before, text
            assert before.splitlines()[-1].partition(":")[0] == error, f"{before}\n{text}"
            shown.append(text)
    assert shown, f"{after.stderr}\n{candidate.files[FILE]}\n{text}"
    assert claim in shown[0], shown[0]


OTHER = "services/vigil/intel/b.py"
TABLE = 'VOICES = {"scout": 1, "anchor": 2}\n'
WEIGHT = "def weight(row):\n    return float(row.get('weight') or 1.0)\n"
LIMIT = "LIMIT = 5\n\n\ndef f(rows):\n    return len(rows) > LIMIT\n"
CLEAN = "def f(row):\n    return str(row['name']).upper()\n"
ROUTE = "class Server:\n    def __init__(self, name):\n        self.routes = []\n\n    def route(self, {}):\n        self.routes.append(code + 0)\n"
ROUTES = "class Desk:\n    def __init__(self, server):\n        self.server = server\n\n    def add(self):\n        self.server.route('/x', 200)\n"
CHANGES: dict[str, tuple[dict[str, str | None], dict[str, str | None], str, str]] = {
    "renamed_literal": (
        {OTHER: TABLE, FILE: "from services.vigil.intel.b import VOICES\n\n\ndef f():\n    return VOICES[\"scout\"]\n"},
        {OTHER: TABLE.replace("scout", "spotter")},
        "a.f()",
        "assert f() is not None",
    ),
    "earlier_default": (
        {FILE: WEIGHT},
        {FILE: WEIGHT.replace("row.get('weight') or 1.0", "row['weight']")},
        "a.weight({})",
        "assert weight({}) is not None",
    ),
    "forgotten_name": (
        {FILE: LIMIT}, {FILE: LIMIT.replace("LIMIT = 5\n", "MOST = 5\n", 1)}, "a.f([])", "assert f([]) is not None"
    ),
    "reversed_hunk": (
        {FILE: CLEAN},
        {FILE: CLEAN.replace("str(row['name'])", "row['name']")},
        "a.f({'name': 5})",
        "",
    ),
    "signature": (
        {"shared/httpd.py": ROUTE.format("path, code"), FILE: ROUTES},
        {"shared/httpd.py": ROUTE.format("code, path")},
        "from shared.httpd import Server\na.Desk(Server('x')).add()",
        "server=Server(",
    ),
    "renamed_name": (
        {OTHER: "def load(row):\n    return row['a'] + row['b']\n", FILE: "from services.vigil.intel.b import load\n"},
        {OTHER: "def load_row(row):\n    return row['a'] + row['b']\n"},
        "",
        "import services.vigil.intel.a",
    ),
    "lost_module": (
        {OTHER: "WORD = 1\n", FILE: "from services.vigil.intel import b as other\nfrom services.vigil.intel.b import WORD\n"},
        {OTHER: None, FILE: "from services.vigil.intel.b import WORD\n"},
        "",
        "import services.vigil.intel.a",
    ),
    "circle": (
        {FILE: "def short(text):\n    return text[:5]\n", OTHER: "WORD = 1\n"},
        {
            FILE: "from services.vigil.intel.b import WORD\n\n\ndef short(text):\n    return text[:WORD]\n",
            OTHER: "from services.vigil.intel.a import short\n\nWORD = 1\n\n\ndef f(text):\n    return short(text)\n",
        },
        "",
        "import services.vigil.intel.a",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CHANGES)
def test_what_a_change_broke_comes_with_a_test(service: Service, kind: str) -> None:
    first, second, crash, claim = CHANGES[kind]
    service.commit(first)
    broken = service.commit(second)
    run = HEAD + crash
    culprit = f"\nCulprit: {FILE}:2 in f (owner: service)"
    candidate, tests = service.tests(run, culprit)
    error = service.run(run).stderr.splitlines()[-1].partition(":")[0]
    assert tests, "no test"
    before = service.run(call_of(tests[0])).stderr
    assert before.splitlines()[-1].partition(":")[0] == error, f"{before}\n{tests[0]}"
    for name, text in candidate.files.items():
        (service.path / name).write_text(text)
    for name, commit in candidate.restores.items():
        service.git("checkout", "-q", commit, "--", name)
    assert service.git("rev-parse", "HEAD").strip() == broken
    after = service.run(call_of(tests[0]))
    assert after.returncode == 0, f"{after.stderr}\n{tests[0]}"
    assert claim in tests[0]


LATE = "async def main():\n    await asyncio.wait_for(asyncio.sleep(1), 0.01)\n"
WAITS = {
    "swallowed_cancel": (
        BUS + "    async def run(self):\n        while True:\n            try:\n                await self.bus.step()\n"
        "                await asyncio.sleep(self.pause)\n            except BaseException as error:\n                self.bus.warn(error)\n",
        "assert done",
    ),
    "swallowed_cancel, for itself": (
        BUS + "    async def run(self, stop):\n        while not stop.is_set():\n            try:\n                await self.bus.step()\n"
        "                await asyncio.sleep(1)\n            except asyncio.CancelledError:\n                self.bus.warn('again')\n",
        "assert done",
    ),
    "blocking, a pause": (
        "import time\n\n\n" + BUS + "    async def work(self):\n        await self.bus.get('x')\n        time.sleep(0.3)\n",
        "assert len(ticks) > 4",
    ),
    "blocking, what its own function does": (
        "import subprocess\n\n\n" + BUS + "    def look_up(self):\n        subprocess.run(['true'])\n\n    async def work(self):\n        self.look_up()\n",
        "assert len(ticks) > 4",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", WAITS)
def test_what_waits_comes_with_a_test_of_its_claim(service: Service, kind: str) -> None:
    source, claim = WAITS[kind]
    service.commit({FILE: f"import asyncio\n\n\n{LATE}", OTHER: f"import asyncio\n{source}"})
    candidate, tests = service.tests(f"{HEAD}asyncio.run(a.main())")
    assert claim in tests[0]
    before = service.run(call_of(tests[0])).stderr
    assert "AssertionError" in before, f"{before}\n{tests[0]}"
    (service.path / OTHER).write_text(candidate.files[OTHER])
    after = service.run(call_of(tests[0]))
    assert (after.returncode, after.stderr) == (0, ""), f"{after.stderr}\n{tests[0]}"


LEVELS = "intel/levels.py"
READ = "        levels = await self.read()\n"
IMPORTS = "from types import SimpleNamespace\nfrom unittest.mock import AsyncMock, Mock\n\nfrom services.pulse.intel import a\n"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_rung_of_the_test_is_shown_for_a_heal(pulse: Pulse, kind: str) -> None:
    source, crash, _ = KINDS[kind]
    inside = "".join(f"        {line}\n" for line in crash.replace("asyncio.run(", "await (").splitlines())
    pulse.commit(
        ("intel/a.py", "", source.replace("vigil", "pulse")),
        (LEVELS, "import json\n", f"import json\n{IMPORTS}"),
        (LEVELS, READ, f"{inside}{READ}"),
    )
    healed = pulse.healed()
    assert healed.result.outcome == "branch", healed.told
    (rung,) = [one for one in healed.result.proof if one.name == "regression test"]
    assert rung.state == "shown", f"{rung.detail}\n{healed.told}"
    assert "_crash.py" in rung.detail
