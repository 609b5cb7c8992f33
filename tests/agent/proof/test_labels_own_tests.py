"""What a patch's own test does beyond a plain test is told; what tests do every day is not."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agent.proof.labels.plain import asking, beyond_in_tests, loading, words_of

PATH = "services/vigil/tests/test_spot.py"
SPOT = "from pathlib import Path\nfrom urllib.parse import quote\n\nHERE = Path(__file__)\n\n\nclass Spot:\n    def __init__(self, price, prev_close):\n        self.price = price\n"
SETUP = """
import json
import os


class Setup:
    def __init__(self, defaults):
        self.env = {**defaults, **os.environ}

    def port(self):
        return self._all()["port"]

    def _all(self):
        return json.loads(open("truth.json").read())

    def name(self):
        return self.env["name"]


def port_of(defaults):
    return Setup(defaults).port()


def rounded(price):
    return round(price)
"""
HEAD = "from services.vigil.intel import spot\n"


def told_of(source: str) -> list[str]:
    house = {"services/vigil/intel/spot.py": SPOT, "shared/setup_base.py": SETUP}
    tests = {PATH: HEAD + dedent(source)}
    return beyond_in_tests(tests, words_of(house), asking(tests, house))


PLAIN = {
    "what the service has is replaced, and what waits": """
        import asyncio
        from datetime import UTC, datetime

        import pytest


        async def test_spot(monkeypatch, caplog):
            made = spot.Spot(1.0, 10**6)
            made.price = None
            monkeypatch.setattr(asyncio, "sleep", None)
            monkeypatch.setattr(spot.Spot, "price", 3.0, raising=False)
            monkeypatch.setattr("services.vigil.intel.spot.Spot.price", 4.0)
            monkeypatch.setattr("redis.asyncio.from_url", None)
            assert sorted({"b", "a"}) == ["a", "b"] and {"a", "b"} == {"b", "a"} and list({"a"}) == ["a"]
            task = asyncio.create_task(made.run())
            assert f"{await task} {task.done()}" == f"{made.price} {len(caplog.records)}"
            with pytest.raises(TypeError):
                spot.Spot("x" * 90, datetime(2026, 1, 2, tzinfo=UTC).timestamp())
        """,
    "values and a claim": """
        def test_spot():
            assert spot.Spot(1.0, None).price == 1.0
        """,
    "mocks, a fixture and parameters": """
        import asyncio
        from unittest.mock import AsyncMock, Mock

        import pytest


        @pytest.fixture
        def bus(monkeypatch):
            monkeypatch.setattr("services.vigil.intel.spot.Spot", Mock())
            return Mock(price=AsyncMock(side_effect=ValueError("x")))


        @pytest.mark.parametrize("price", [1.0, 2.0])
        def test_spot(bus, price):
            with pytest.raises(ValueError):
                asyncio.run(bus.price(price))
            bus.price.assert_awaited_once()
        """,
    "modules by their whole names": """
        import services.vigil.intel.spot as first
        from services.vigil import intel


        def test_spot():
            assert intel.spot.Spot is first.Spot
            assert services.vigil.intel.spot is first
        """,
    "what is patched, and a variable that may be set": """
        def test_spot(monkeypatch):
            monkeypatch.delenv("VIGIL_KEY", raising=False)
            monkeypatch.setenv("VIGIL_KEY", "x")
            monkeypatch.setattr("services.vigil.intel.spot.load", lambda path: "{} of {}".format(path, 1))
            assert spot.Spot(1, 2)
        """,
    "a stand-in of its own": """
        class Bus:
            def __init__(self):
                self.rows = []

            async def __aenter__(self):
                return self

            async def publish(self, row):
                self.rows.append(row)


        def test_spot(tmp_path):
            assert Bus().rows == []
        """,
}
RECORD = "import asyncio\n\n\nclass Record:\n    {}\n\n\ndef test_spot(caplog):\n    assert {}\n"
BEYOND = {
    "__file__": "def test_spot():\n    assert __file__\n",
    "open": "def test_spot():\n    open('x')\n",
    "the name nodeid": "import pytest\n\nown = pytest.Item.nodeid\n",
    "the hook pytest_generate_tests": "def pytest_generate_tests(metafunc):\n    pass\n",
    "the class Price out of float": "class Price(float):\n    pass\n",
    "__sub__": "class Price:\n    pass\n\n\nPrice.__sub__ = None\n",
    "__setattr__": "put = object.__setattr__\n",
    "getattr": "def test_spot():\n    assert getattr(spot, 'Spot')\n",
    "the module pathlib": "import pathlib\n",
    "the module os": "import os\n",
    "a try": "def test_spot():\n    try:\n        spot.Spot()\n    except TypeError:\n        pass\n",
    "claims the one or the other: `spot.Spot(1, 2) or spot`": "def test_spot():\n    assert spot.Spot(1, 2) or spot\n",
    "the name tmp_path": "def test_spot(tmp_path):\n    assert str(tmp_path)\n",
    "the name environ": "import uuid\n\nenviron = 1\n\n\ndef test_spot():\n    assert uuid.os.environ\n",
    "the name pathname": RECORD.format("pathname = ''", "caplog.records[0].pathname"),
    "the name process": RECORD.format("process = 1", "caplog.records[0].process < 9"),
    "the name _sys": RECORD.format("_sys = 1", "asyncio._sys"),
    "the name get_coro": RECORD.format("get_coro = 1", "asyncio.current_task().get_coro()"),
    "Path of the service's imports": "from services.vigil.intel.spot import Path\n\nhere = Path('/etc')\n",
    "HERE of the service's imports": "def test_spot():\n    assert spot.HERE\n",
    "quote of the service's imports": "def test_spot():\n    assert spot.quote('/')\n",
    "the name codecs": RECORD.format("codecs = 1", "asyncio.codecs"),
    "the name subprocess_exec": RECORD.format(
        "subprocess_exec = 1", "asyncio.get_running_loop().subprocess_exec"
    ),
    "the name exec_of": RECORD.format(
        "exec_of = 1\n\n    def __init__(self, loop):\n        self.loop = loop",
        "Record(asyncio).loop.exec_of",
    ),
    "asks whether a variable is set": "def test_spot(monkeypatch):\n    monkeypatch.delenv('_')\n",
    "asks what a variable holds": "def test_spot(monkeypatch):\n    monkeypatch.setenv('A', 'b', prepend=':')\n",
    "looks into what it formats": "def test_spot():\n    assert '{0.sys.path}'.format(spot)\n",
    "replaces `run_tests.main`": "def test_spot(monkeypatch):\n    monkeypatch.setattr('run_tests.main', 1)\n",
    "the method __eq__": RECORD.format("def __eq__(self, other): return True", "Record() == spot"),
    "claims nothing: `1 == 1`": "def test_spot():\n    spot.Spot(1, 2)\n    assert 1 == 1\n",
    "claims nothing: `[spot.Spot]`": "def test_spot():\n    assert [spot.Spot]\n",
    "claims nothing: `spot == spot`": "def test_spot():\n    assert spot == spot\n",
    "claims nothing: `spot.Spot(1, 2) == ANY`": "from unittest.mock import ANY\n\n\ndef test_spot():\n    assert spot.Spot(1, 2) == ANY\n",
    "expects any failure: Exception": "import pytest\n\n\ndef test_spot():\n    with pytest.raises(Exception):\n        spot.Spot()\n",
    "another service's services.healer.main": "import services.healer.main\n",
    "runs Setup, which asks the machine or a server": "from shared.setup_base import Setup\n",
    "runs _all, which asks the machine or a server": "from shared import setup_base\n\n\ndef test_spot():\n    assert spot.made._all()\n",
    "runs port_of, which asks the machine or a server": "from shared import setup_base\n\n\ndef test_spot():\n    assert setup_base.port_of({}) == 1\n",
    "goes by the order of the set `{'a', 'b'}`": "def test_spot():\n    assert list({'a', 'b'})[0] != 'b'\n",
    "goes by the order of the set `names`": "def test_spot():\n    names = set('ab')\n    one, _ = names\n    assert spot.Spot(one, 2)\n",
    "goes by the order of the set `{*'ab', 'c'}`": "def test_spot():\n    for one in {*'ab', 'c'}:\n        assert spot.Spot(one, 2)\n",
    "hands on the module spot": "def test_spot():\n    assert 'x' not in f'{spot}'\n",
    "hands on the module asyncio": "import asyncio\n\n\ndef test_spot():\n    assert '/' not in str([asyncio])\n",
    "writes out `caplog.records`": "def test_spot(caplog):\n    assert 'x' not in repr(caplog.records)\n",
    "writes out `one`": "def test_spot(caplog):\n    for one in caplog.records:\n        assert 'x' not in f'{one}'\n",
    "writes out `asyncio.create_task(spot.Spot())`": "import asyncio\n\n\nasync def test_spot():\n    assert '/' not in '%s' % asyncio.create_task(spot.Spot())\n",
    "writes out `bus.mock_calls`": "from unittest.mock import Mock\n\n\ndef test_spot():\n    bus = Mock()\n    assert 'x' not in str(bus.mock_calls)\n",
    "the name current_task": "import asyncio\n\n\nasync def test_spot():\n    assert asyncio.current_task()\n",
    "replaces `json.dumps`": "import json\n\n\ndef test_spot(monkeypatch):\n    monkeypatch.setattr(json, 'dumps', str)\n",
    "replaces `monkeypatch.undo`": "def test_spot(monkeypatch):\n    monkeypatch.setattr(monkeypatch, 'undo', str)\n",
    "replaces `'o' + 's.getpid'`": "def test_spot(monkeypatch):\n    monkeypatch.setattr('o' + 's.getpid', str)\n",
    "replaces `services.vigil.intel.spot.json.dumps`": "def test_spot(monkeypatch):\n    monkeypatch.setattr('services.vigil.intel.spot.json.dumps', str)\n",
    "replaces `spot.json.dumps`": "from unittest.mock import patch\n\n\ndef test_spot():\n    with patch.object(spot.json, 'dumps'):\n        spot.Spot(1, 2)\n",
    "replaces `math.floor`": "import math\n\nmath.floor = str\n",
    "replaces `json.encoder`": "import json\n\njson.encoder['a'] = str\n",
    "expects any failure: MemoryError": "import pytest\n\n\ndef test_spot():\n    with pytest.raises((ValueError, MemoryError)):\n        spot.Spot()\n",
    "expects a failure somewhere in `made = spot.Spot(1, 2)`": "import pytest\n\n\ndef test_spot():\n    with pytest.raises(TypeError):\n        made = spot.Spot(1, 2)\n        made.price()\n",
    "repeats `'x' * spot.many`": "def test_spot():\n    assert spot.Spot('x' * spot.many, 2)\n",
    "repeats `9999999999 * [1]`": "def test_spot():\n    assert spot.Spot(9999999999 * [1], 2)\n",
    "makes a number as large as `10 ** spot.many`": "def test_spot():\n    assert spot.Spot(10**spot.many, 2)\n",
    "makes something of a size, `bytes(spot.many)`": "def test_spot():\n    assert spot.Spot(bytes(spot.many), 2)\n",
    "writes as wide as `9999999d`": "def test_spot():\n    assert spot.Spot(f'{1:9999999d}', 2)\n",
    "hangs on the time zone: `datetime(1970, 1, 2).timestamp()`": "from datetime import datetime\n\n\ndef test_spot():\n    assert spot.Spot(datetime(1970, 1, 2).timestamp(), 2)\n",
    "a while": "def test_spot():\n    while spot:\n        break\n",
    "decides by `spot.Spot(1, 2)`": "def test_spot():\n    if spot.Spot(1, 2):\n        assert spot\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_test_is_told_as_nothing_more(name: str) -> None:
    assert told_of(PLAIN[name]) == []


@pytest.mark.parametrize("told", BEYOND)
def test_what_is_more_than_a_plain_test_is_told(told: str) -> None:
    assert told in told_of(BEYOND[told])


def test_a_package_of_tests_that_does_something_is_told() -> None:
    path = "services/vigil/tests/__init__.py"
    assert beyond_in_tests({path: '"""Tests."""\n'}, words_of({})) == []
    assert f"runs code in {path}" in beyond_in_tests({path: "assert 'x' in 'x'\n"}, words_of({}))


def test_a_file_of_the_tests_by_a_module_s_name_is_told() -> None:
    path = "services/vigil/tests/csv.py"
    assert beyond_in_tests({path: "rows = 1\n"}, words_of({})) == [f"{path} stands in for a module"]


def test_what_cannot_be_read_is_told() -> None:
    assert beyond_in_tests({PATH: "def ("}, words_of({})) == [f"{PATH} cannot be read"]


def test_code_that_asks_nothing_of_the_machine_is_not_told_as_such() -> None:
    house = {"shared/setup_base.py": SETUP, "services/vigil/intel/spot.py": "from shared import setup_base\n"}
    asked = {"Setup", "_all", "port", "port_of"}
    assert asking({PATH: "from shared.setup_base import Setup\n"}, house) == asked
    assert asking({PATH: "from services.vigil.intel import spot\n"}, house) == asked, "by way of another"
    assert asking({PATH: "from services.vigil.intel import rules\n"}, house) == frozenset()
    assert (
        told_of("from shared.setup_base import rounded\n\n\ndef test_it():\n    assert rounded(1.2) == 1\n")
        == []
    )


@pytest.mark.parametrize("asks", ["process.env.PORT", "process['env']", "require('node:os').hostname()"])
def test_a_script_that_loads_what_asks_the_machine_is_told(asks: str) -> None:
    sources = {"services/sse/src/setup.js": f"exports.port = () => {asks};\n"}
    sources |= {"services/sse/src/transform.js": "exports.rows = (of) => of.process;\n"}
    test = "services/sse/test/rows.test.js"
    plain = "const { rows } = require('../src/transform');\n"
    assert list(loading({test: plain}, sources)) == []
    told = ["loads services/sse/src/setup.js, which asks the machine or a server"]
    assert list(loading({test: plain + "const { port } = require('../src/setup');\n"}, sources)) == told
    assert list(loading({test: "import { port } from '../src/setup.js';\n"}, sources)) == told
