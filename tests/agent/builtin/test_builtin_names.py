"""Names, keys, modules and arguments that changed. Each fault is run, mended and run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Service

FILE = "services/vigil/intel/a.py"
OTHER = "services/vigil/intel/b.py"
SHARED = "shared/c.py"
RUN = "import services.vigil.intel.a as a\nprint(a.f())"


@pytest.mark.parametrize(
    ("before", "now", "printed"),
    [
        pytest.param(
            {SHARED: "def fetch(x):\n    '''Doc.'''\n    return x * 2 + 1\n"},
            {
                SHARED: "def pull(x):\n    '''Doc.'''\n    return x * 2 + 1\n\n\ndef fetched():\n    return 0\n",
                FILE: "from shared.c import fetch\n\n\ndef f():\n    return fetch(2)\n",
            },
            "5",
            id="renamed: history knows the new name",
        ),
        pytest.param(
            {SHARED: "OLD = 1\n"},
            {
                SHARED: "def put(a, b, c):\n    return 0\n\n\ndef doubled(x):\n    return 2 * x\n",
                FILE: "from shared.c import double_of\n\n\ndef f():\n    return double_of(4)\n",
            },
            "8",
            id="renamed: only one function takes such a call",
        ),
        pytest.param(
            {OTHER: "X = 1\n"},
            {
                SHARED: "Y = 2\n",
                OTHER: "def helper():\n    return 7\n\n\nX = 1\n",
                FILE: "from shared.c import Y, helper\n\n\ndef f():\n    return helper() + Y\n",
            },
            "9",
            id="moved to another module",
        ),
        pytest.param(
            {OTHER: "def helper():\n    return 7\n"},
            {
                OTHER: None,
                FILE: "from services.vigil.intel.b import helper\n\n\ndef f():\n    return helper()\n",
            },
            "7",
            id="a lost file comes back out of history",
        ),
        pytest.param(
            {OTHER: "def helper():\n    return 7\n"},
            {FILE: "from intel.b import helper\n\n\ndef f():\n    return helper()\n"},
            "7",
            id="a module without its package",
        ),
        pytest.param(
            {OTHER: "from services.vigil.intel.a import f\n\nLIMIT = 3\n"},
            {
                FILE: "from services.vigil.intel.b import LIMIT\n\n\ndef f():\n    '''Doc.'''\n    return LIMIT\n"
            },
            "3",
            id="a circle of imports",
        ),
        pytest.param(
            {OTHER: "X = 1\n"},
            {FILE: "import os\n\n\ndef f():\n    return os.sep + json.dumps([1])\n"},
            "/[1]",
            id="a module of Python's that was never imported",
        ),
        pytest.param(
            {OTHER: "from shared.c import double\n", SHARED: "def double(x):\n    return 2 * x\n"},
            {FILE: '"""Doc."""\n\nZ = 1\n\n\ndef f():\n    return double(Z)\n'},
            "2",
            id="a name that a neighbour imports",
        ),
        pytest.param(
            {
                OTHER: "class Store:\n    def __init__(self):\n        self.price = 4\n\n    def stop(self):\n        pass\n"
            },
            {FILE: "from services.vigil.intel.b import Store\n\n\ndef f():\n    return Store().prices\n"},
            "4",
            id="an attribute much like the one that is asked for",
        ),
        pytest.param(
            {OTHER: "class Log:\n    def error(self, text, emoji=None):\n        print(text)\n"},
            {
                FILE: "from services.vigil.intel.b import Log\n\n\ndef f():\n    try:\n        1 / 0\n"
                "    except ArithmeticError:\n        Log().exception('it failed')\n        return 'on'\n"
            },
            "it failed: division by zero\non",
            id="a logger without exception()",
        ),
        pytest.param(
            {OTHER: "def get(name, timeout_sec=1):\n    return timeout_sec\n"},
            {FILE: "from services.vigil.intel.b import get\n\n\ndef f():\n    return get('x', timeout=5)\n"},
            "5",
            id="a keyword that is called otherwise",
        ),
        pytest.param(
            {SHARED: "def route(method, path, handler):\n    return method, path, handler\n"},
            {
                SHARED: "def route(path, handler, *methods):\n    for one in methods:\n"
                "        if not isinstance(one, str):\n            raise TypeError('methods are names')\n"
                "    return path, handler, methods\n",
                FILE: "from shared.c import route\n\n\ndef f():\n    return route('POST', '/x', 4)\n",
            },
            "('/x', 4, ('POST',))",
            id="arguments in another order",
        ),
        pytest.param(
            {OTHER: "NAMES = {'scout': 1, 'anchor': 2}\n"},
            {
                OTHER: 'NAMES = {"spotter": 1, "anchor": 2}\n',
                FILE: 'from services.vigil.intel.b import NAMES\n\nDAY = ("anchor", "scout")\n\n\n'
                "def f():\n    return [NAMES[one] for one in DAY]\n",
            },
            "[2, 1]",
            id="a word of a table that was renamed, at every use",
        ),
        pytest.param(
            {OTHER: "X = 1\n"},
            {
                FILE: 'def f():\n    rows = [{"expiration": 3}]\n    return rows[0]["expiration"] + rows[0]["expiry"]\n'
            },
            "6",
            id="a key much like one that the same thing is read by",
        ),
    ],
)
def test_the_likeliest_repair_is_the_right_one(
    service: Service, before: dict[str, str], now: dict[str, str | None], printed: str
) -> None:
    service.commit(before)
    service.commit(now)
    assert service.mended(RUN) == printed


def test_the_name_that_triage_knows_is_written_where_the_wrong_one_stands(service: Service) -> None:
    source = 'NAME = "vi-gil"\n\n\ndef f():\n    if NAME != "vigil":\n        raise RuntimeError(f"no component \'{NAME}\'")\n    return NAME\n'
    service.commit({FILE: source})
    told = f"\nCulprit: {FILE}:1 in <module> (owner: service)\nLook-alikes:\n- the name is wrong; meant is 'vigil'"
    assert service.mended(RUN, told) == "vigil"


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(
            {OTHER: "X = 1\n"},
            {FILE: "KEPT = 3\n\n\ndef f():\n    return print(KEP, KEPT)\n"},
            id="two names in one statement are two things",
        ),
        pytest.param(
            {OTHER: "class A:\n    def alerts(self):\n        return 1\n"},
            {
                FILE: "from services.vigil.intel.b import A\n\n\ndef f():\n    a = A()\n    return a.alerts, a.alerts_history\n"
            },
            id="a method that was lost is not its neighbour",
        ),
        pytest.param(
            {
                "services/massive/x.py": "X = 1\n",
                "services/mesh/y.py": "from services.massive.x import double\n",
            },
            {FILE: "def f():\n    return double(1)\n"},
            id="nothing is imported from another service",
        ),
        pytest.param(
            {SHARED: "def publish(x):\n    return 1\n"},
            {FILE: "from shared.c import write_down\n\n\ndef f():\n    return write_down(1)\n"},
            id="a function that takes as much is not the one that is meant",
        ),
        pytest.param(
            {OTHER: "SENT = {'change': 1, 'change_pct': 2}\n"},
            {
                FILE: "def f():\n    quote = {'change': 1}\n    day = quote['change'] + quote['change_pct']\n    return {'day': day}\n"
            },
            id="a key that others send is missing data, not its neighbour",
        ),
        pytest.param(
            {OTHER: "X = 1\n"},
            {FILE: "from services.vigil.intel.never_written import g\n\n\ndef f():\n    return g()\n"},
            id="a module that no commit has",
        ),
    ],
)
def test_where_the_rules_do_not_know_nothing_is_offered(
    service: Service, before: dict[str, str], now: dict[str, str | None]
) -> None:
    service.commit(before)
    service.commit(now)
    assert service.offers(RUN) == []
