"""What is not there: None, keys, indexes, divisors of zero. Each fault is run, mended and run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Service

FILE = "services/vigil/intel/a.py"
HEAD = "from services.vigil.intel.a import *\n"


def mended(service: Service, source: str, run: str) -> tuple[str, str]:
    """What is printed with the likeliest repair, and the file as it is then."""
    service.commit({FILE: source})
    printed = service.mended(HEAD + run)
    return printed, (service.path / FILE).read_text()


@pytest.mark.parametrize(
    ("source", "run", "printed", "line"),
    [
        pytest.param(
            "def day(item):\n    return item['at'][:10]\n",
            "print(day({'at': None}))",
            "None",
            "    if item['at'] is None:",
            id="a function without its value gives None back",
        ),
        pytest.param(
            "def rate(up, close):\n    return (up - close) / close\n",
            "print(rate(1.0, None), rate(1.0, 0))",
            "None None",
            "    if not close:",
            id="a divisor is asked for zero as well",
        ),
        pytest.param(
            "def beat(x):\n    return {'a': 1, 'ttl': round(x['ttl'] * 2, 1)}\n",
            "print(beat({'ttl': None}))",
            "{'a': 1, 'ttl': None}",
            "    return {'a': 1, 'ttl': round(x['ttl'] * 2, 1) if x['ttl'] is not None else None}",
            id="an entry of a document is None",
        ),
        pytest.param(
            "def pid(x):\n    return x.get('ts'), int(x['pid'])\n\n\nSENT = {'pid': 1}\n",
            "print(pid({}))",
            "(None, None)",
            "    return x.get('ts'), (int(x['pid']) if x.get('pid') is not None else None)",
            id="a key that others send is None where it is missing",
        ),
        pytest.param(
            "def ttl(component):\n    beat = component.get('beat', {})\n    return beat.get('ttl', 15)\n",
            "print(ttl({'beat': None}))",
            "15",
            "    beat = component.get('beat') or {}",
            id="a default holds for null, too",
        ),
        pytest.param(
            "def up(view):\n    moves = [view[one] for one in view]\n"
            "    up = sum(move > 0 for move in moves)\n    return up, len(moves) - up\n",
            "print(up({'a': 1, 'b': None, 'c': -1}))",
            "(1, 1)",
            "    moves = [move for move in moves if move is not None]",
            id="a list is counted without the None in it",
        ),
        pytest.param(
            "def total(rows):\n    found = 0\n    for row in rows:\n        if not row:\n            continue\n"
            "        found += row['n']\n    return found\n\n\nROW = {'n': 1}\n",
            "print(total([{'n': 2}, {}, {'m': 1}]))",
            "2",
            "        if row.get('n') is None:",
            id="a loop that passes things over passes this over",
        ),
        pytest.param(
            "def mean(items):\n    return sum(items) / len(items)\n",
            "print(mean([]))",
            "None",
            "    if not items:",
            id="no mean of nothing",
        ),
        pytest.param(
            "def first(rows):\n    return rows[0]\n",
            "print(first([]))",
            "None",
            "    if not rows:",
            id="no first of nothing",
        ),
        pytest.param(
            "def best(rows):\n    return max(rows)\n",
            "print(best([]))",
            "None",
            "    if not rows:",
            id="no best of nothing",
        ),
        pytest.param(
            "def price(message):\n    if not message:\n        return None\n    one = message.get('price')\n    return one\n",
            "print(price('text'))",
            "None",
            "    if not isinstance(message, dict):",
            id="a text where a document is wanted",
        ),
        pytest.param(
            "def price(message):\n    return message['price']\n",
            "print(price(['text']), price({'price': 1}))",
            "None 1",
            "    if not isinstance(message, dict):",
            id="a list where a document is wanted",
        ),
        pytest.param(
            "def name(x):\n    return x.quote.name.upper()\n",
            "from types import SimpleNamespace as N\nprint(name(N(quote=N(name=None))))",
            "None",
            "    if x.quote.name is None:",
            id="an attribute of nothing",
        ),
    ],
)
def test_the_likeliest_repair_ends_the_crash_and_is_the_plain_one(
    service: Service, source: str, run: str, printed: str, line: str
) -> None:
    said, text = mended(service, source, run)
    assert said == printed
    assert line in text.splitlines()


def test_an_entry_over_several_lines_is_mended(service: Service) -> None:
    source = "def f(x):\n    return {\n        'a': x['a']\n        - x['b'],\n        'n': 1,\n    }\n\n\nSENT = {'b': 1}\n"
    said, _ = mended(service, source, "print(f({'a': 1, 'b': None}))")
    assert said == "{'a': None, 'n': 1}"


def test_a_long_entry_is_written_over_several_lines(service: Service) -> None:
    source = (
        "def cells(gex):\n    for level in [1]:\n        yield {\n"
        "            'distance_from_the_flip_of_the_gamma_profile': round(level - gex['zero_gamma_of_it'], 2),\n"
        "            'n': 1,\n        }\n"
    )
    said, text = mended(service, source, "print(*cells({'zero_gamma_of_it': None}))")
    assert said == "{'distance_from_the_flip_of_the_gamma_profile': None, 'n': 1}"
    assert "                if gex['zero_gamma_of_it'] is not None\n" in text


def test_comments_and_blank_lines_stay_where_they_were(service: Service) -> None:
    source = "def f(x):\n    y = 1\n\n    # why\n    return x.a + y  # told\n"
    _, text = mended(service, source, "from types import SimpleNamespace as N\nprint(f(N(a=None)))")
    assert text == (
        "def f(x):\n    y = 1\n\n    # why\n    if x.a is None:\n        return None\n"
        "    return x.a + y  # told\n"
    )


@pytest.mark.parametrize(
    ("source", "run"),
    [
        pytest.param(
            "def total(rows):\n    total = 0\n    for row in rows:\n        total += row['weight']\n    return total\n\n\nROW = {'weight': 1}\n",
            "print(total([{}]))",
            id="no item is dropped where the code drops none",
        ),
        pytest.param(
            "def mean(xs):\n    overall = round(sum(xs) / len(xs), 1)\n    return {'overall': overall}\n",
            "print(mean([]))",
            id="no default is made up",
        ),
        pytest.param(
            "class A:\n    def __init__(self, config):\n        self.secret = config['SECRET']\n\n\nNAMED = 'SECRET'\n",
            "A({})",
            id="a setting that is missing is Truth's",
        ),
        pytest.param(
            "def f(rows):\n    return {'days': rows[0]['no_such_key']}\n",
            "f([{'other': 1}])",
            id="a key that nobody names is no missing data",
        ),
    ],
)
def test_where_a_guard_would_hide_the_fault_nothing_is_offered(
    service: Service, source: str, run: str
) -> None:
    service.commit({FILE: source})
    assert service.offers(HEAD + run) == []


def test_a_repair_that_passes_data_over_says_so(service: Service) -> None:
    service.commit({FILE: "def first(rows):\n    return rows[0]\n"})
    assert [one.hides for one in service.offers(f"{HEAD}first([])")] == [True]


def test_the_test_that_goes_with_a_guard_fails_before_and_passes_after(service: Service) -> None:
    service.commit(
        {FILE: "class A:\n    @property\n    def move(self):\n        return self.price - self.close\n"}
    )
    run = HEAD + "a = A()\na.price, a.close = 1.0, None\nprint(a.move)"
    test = service.offers(run)[0].test
    assert test is not None
    path, text = test
    assert path == "services/vigil/tests/test_vigil_missing_move.py"
    called = text + "\n\ntest_move_gives_nothing_without_its_value()\n"
    assert "TypeError" in service.run(called).stderr
    service.mended(run)
    assert service.run(called).returncode == 0
