"""What is changed where nothing crashed is told, and so is a guard for what did not crash."""

from __future__ import annotations

import ast

import pytest

from agent.proof.labels import Crashed
from agent.proof.labels.plain import beyond, words_of
from agent.proof.labels.plain.message import Message
from agent.proof.labels.plain.same import is_same

PATH, SCRIPT = "services/vigil/intel/spot.py", "services/sse/src/feed.js"
BASE = """from shared.rows import load


def watch(source, limit):
    rows = load(source)
    longest = source.limits.get("longest", 60)
    for row in rows:
        report(row, limit)
        told = change(row, limit)
        publish(source, told)


def change(row, limit):
    close = row["prev_close"]
    return (row["price"] - close) / close * min(longest(row), limit)


def longest(row):
    return row["longest"]


def report(row, limit):
    price = row["price"]
    print(price, limit)
"""
CRASHED = '    return (row["price"] - close) / close * min(longest(row), limit)\n'
CALLED = "        told = change(row, limit)\n"


def line_of(code: str, text: str = BASE) -> int:
    return text.splitlines().index(code.rstrip("\n")) + 1


def told_of(old: str, new: str, said: str = "float division by zero") -> list[str]:
    assert BASE.count(old) == 1, old
    lines = {PATH: frozenset({line_of(CALLED), line_of(CRASHED)})}
    words = words_of({PATH: BASE})
    crashed = Crashed(said, lines, (PATH, line_of(CRASHED)))
    return beyond({PATH: BASE}, {PATH: BASE.replace(old, new)}, words, crashed)


NEAR = {
    "the operand that is missing": (CRASHED, f"    if not close:\n        return None\n{CRASHED}"),
    "where the operand came from": (
        CRASHED,
        f'    if not row.get("prev_close"):\n        return None\n{CRASHED}',
    ),
    "what gave the operand": (
        '    close = row["prev_close"]\n',
        '    close = row.get("prev_close")\n    if not close:\n        return None\n',
    ),
    "a new name for it": (
        CRASHED,
        '    price = row["price"]\n    if price is None:\n        return None\n' + CRASHED,
    ),
    "what the caller was given": (
        CALLED,
        f"{CALLED}        if told is None:\n            continue\n",
    ),
    "an import of what it asks": (
        CRASHED,
        f"    from math import isnan\n\n    if isnan(close):\n        return None\n{CRASHED}",
    ),
    "another word, of which the crash speaks": (
        '    return row["longest"]\n',
        '    return row["limit"]\n',
    ),
}  # fmt: skip
AWAY = {
    "adds `spot(price).debug('a row')`": (CRASHED, f"    spot(price).debug('a row')\n{CRASHED}"),
    "adds `if not close:`  ": (CRASHED, f"    if not close:\n        row[spot()] += 1\n        return None\n{CRASHED}"),
    "the head of change is another ": (
        "def change(row, limit):\n",
        "def change(row, limit) -> print(limit):\n",
    ),
    "adds `if not close:`": (CRASHED, f"    if not close:\n        return True\n{CRASHED}"),
    "adds `logging.debug(f'{close:>9}')`": (CRASHED, f"    logging.debug(f'{{close:>9}}')\n{CRASHED}"),
    "asks for `report(row, limit)`, which is not what crashed": (
        CRASHED,
        f"    if close is None or report(row, limit) is None:\n        return None\n{CRASHED}",
    ),
    "asks for `row.get('prev_close', report(row, limit))`, which is not what crashed": (
        CRASHED,
        f"    if row.get('prev_close', report(row, limit)) is None:\n        return None\n{CRASHED}",
    ),
    "adds `from math import isnan`": (CRASHED, f"    from math import isnan\n\n{CRASHED}"),
    "adds `import math`": ("from shared.rows import load\n", "import math\n\nfrom shared.rows import load\n"),
    "adds `first = limit`": (
        '    close = row["prev_close"]\n' + CRASHED,
        '    first = limit\n    limit = limit + 1\n    close = row["prev_close"]\n' + CRASHED.replace("limit)", "first)"),
    ),
    "adds `source = [each for each in source]`": (
        "    rows = load(source)\n",
        "    source = [each for each in source]\n    rows = load(source)\n",
    ),
    "works out `row['price']` where data is missing": (
        CRASHED,
        f'    if close is None or row["price"] is None:\n        return row["price"]\n{CRASHED}',
    ),
    "works out `close` where data is missing": (CRASHED, f"    if len(close) == 0:\n        return close\n{CRASHED}"),
    "adds `print('a close', 1 / close)`": (CRASHED, f"    print('a close', 1 / close)\n{CRASHED}"),
    "adds `print(row['longest'])`": (CRASHED, f"    print(row['longest'])\n{CRASHED}"),
    "adds `many = longest(row)`": (
        CRASHED,
        f"    many = longest(row)\n    if many is None:\n        return None\n{CRASHED}",
    ),
    "adds `price = row['price']`": (
        CRASHED,
        '    price = row["price"]\n    price = price + 0 * limit\n' + CRASHED.replace('row["price"]', "price"),
    ),
    "adds `longest = row['price']`": (CRASHED, '    longest = row["price"]\n' + CRASHED.replace('row["price"]', "longest")),
    "adds `from shared.rows import load as longest`": (CRASHED, f"    from shared.rows import load as longest\n{CRASHED}"),
    "adds `print(row, told=load(row))`": (CRASHED, f"    print(row, told=load(row))\n{CRASHED}"),
    "asks for `row`, which is not what crashed": (CALLED, f"        if row is None:\n            continue\n{CALLED}"),
    "ends a loop in watch()": (
        CALLED,
        f"{CALLED}        if told is None:\n            return None\n",
    ),
    "gives close another meaning": (
        CRASHED,
        CRASHED.replace('row["price"]', 'sum([close for close in row["price"] if close])'),
    ),
    "`return (row['price'] - close) / close * min(longest(row), limit)` is something else now": (
        CRASHED,
        CRASHED.replace("/ close", "/ max(close, limit)"),
    ),
    "`told = change(row, limit)` is something else now": (CALLED, CALLED.replace("row, limit", "limit, row")),
    "adds `publish(source, limit)`": (CALLED, f"        publish(source, limit)\n{CALLED}"),
    "adds `price = load(row)`": (CRASHED, f"    price = load(row)\n    if price is None:\n        return None\n{CRASHED}"),
    "the head of change is another": ("def change(row, limit):", "def change(limit, row):"),
    "adds `if close:`": (
        CRASHED,
        f"    if close:\n        return None\n    else:\n        return close\n{CRASHED}",
    ),
    "adds `close = close and limit`": (CRASHED, f"    close = close and limit\n{CRASHED}"),
    "adds `close += limit`": (CRASHED, f"    close += limit\n{CRASHED}"),
    "adds `assert limit`": (CRASHED, f"    assert limit\n{CRASHED}"),
    "takes a `row['price']` of 0 or nothing for missing": (
        CRASHED,
        f'    if not row["price"]:\n        return None\n{CRASHED}',
    ),
    "no `report(row, limit)` any more": (
        f"        report(row, limit)\n{CALLED}",
        f"{CALLED}        report(row, limit)\n",
    ),
    "adds shorten()": ("def longest(", "def shorten(row):\n    return row\n\n\ndef longest("),
    "`price = row['price']` is changed, and did not crash": (
        '    price = row["price"]\n    print',
        '    price = float(row["price"])\n    print',
    ),
    "`return row['longest']` is changed, and did not crash": (
        '    return row["longest"]\n',
        '    return row["price"]\n',
    ),
    "asks for `row['price']`, which is not what crashed": (
        '    price = row["price"]\n    print',
        '    if row["price"] is None:\n        return\n    price = row["price"]\n    print',
    ),
    "asks for `source.limits`, which is not what crashed": (
        CALLED,
        f"        if source.limits is None:\n            continue\n{CALLED}",
    ),
    "`report(row, limit)` is changed, and did not crash": ("        report(row, limit)\n", "        report(row, row)\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", NEAR)
def test_what_crashed_may_be_mended_in_silence(name: str) -> None:
    said = "'longest'" if "speaks" in name else "float division by zero"
    assert [one for one in told_of(*NEAR[name], said) if "crash" in one] == []


@pytest.mark.parametrize("told", AWAY)
def test_what_did_not_crash_is_told_when_it_is_changed(told: str) -> None:
    assert told.strip() in told_of(*AWAY[told])


ORDER = """class Member:
    pid: int = 0
    last: float = 0.0


def kind(old, new):
    if new:
        return new - old
    if old:
        return old
    return None
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "    pid: int = 0\n    last: float = 0.0\n",
            "    last: float = 0.0\n    pid: int = 0\n",
            "no `pid: int = 0` any more",
        ),
        (
            "        return old\n    return None\n",
            "        return None\n    return old\n",
            "`return old` is changed, and did not crash",
        ),
    ],
)
def test_what_is_in_another_order_is_told(old: str, new: str, told: str) -> None:
    crashed = Crashed("unsupported operand", {PATH: frozenset({8})})
    assert ORDER.splitlines()[7] == "        return new - old"
    assert told in beyond({PATH: ORDER}, {PATH: ORDER.replace(old, new)}, words_of({PATH: ORDER}), crashed)


READS = "def days(row):\n    return row['expiry'] - 1\n"


@pytest.mark.parametrize(
    ("known", "mended", "told"),
    [
        ("", "row.get('expiry') and row['expiry'] - 1", "still reads 'expiry', which nothing else knows"),
        ("", "row['expirys'] - 1", ""),
        ("", "row['open'] - 1", "puts open in the place of expiry"),
        ("def made():\n    return {'expiry': 1}\n", "row.get('expiry') and row['expiry'] - 1", ""),
    ],
)
def test_a_key_that_nothing_writes_and_a_word_unlike_the_one_that_was(
    known: str, mended: str, told: str
) -> None:
    base = READS + known
    crashed = Crashed("'expiry'", {PATH: frozenset({2})})
    new = base.replace("row['expiry'] - 1", mended)
    found = beyond({PATH: base}, {PATH: new}, words_of({PATH: base}), crashed)
    assert [one for one in found if one.startswith(("still", "puts"))] == ([told] if told else [])


def test_a_guard_for_nothing_where_nothing_is_the_cause() -> None:
    base = "def mean(rows, total):\n    return total / len(rows)\n"
    guard = "    if not {}:\n        return None\n    return"
    crashed = Crashed("division by zero", {PATH: frozenset({2})}, (PATH, 2))
    told = {
        name: beyond(
            {PATH: base},
            {PATH: base.replace("    return", guard.format(name))},
            words_of({PATH: base}),
            crashed,
        )
        for name in ("rows", "total")
    }
    assert told["rows"] == []
    assert told["total"] == ["takes a `total` of 0 or nothing for missing"]


SAME = {
    "a default that stands there": ("close / total", "close / (total or 1.0)"),
    "a conversion": ("close / total", "float(close) / total"),
    "a key that is read by get()": ("quote['close']", "quote.get('close')"),
    "a guard beside it": ("close / total", "close / total if total else None"),
    "an await": ("load(row)", "await load(row)"),
    "a word of which the crash speaks": ("quote['close']", "quote['price']"),
    "how what the crash is about is called": ("add(row, limit=1)", "add(row)"),
}
OTHER = {
    "a default for what is worked out": ("round(close, 2)", "round(close, 2) or None"),
    "a text of a number": ("quote['open']", "str(quote['open'])"),
    "defaults exchanged": ("row.get('a', 1) - row.get('b', 2)", "row.get('a', 2) - row.get('b', 1)"),
    "gives on what is empty": ("round(close / total)", "close and round(close / total)"),
    "swapped": ("close / total", "total / close"),
    "an operand more": ("close / total", "close / total * 2"),
    "rounded": ("close / total", "int(close) / total"),
    "a default that is worked out": ("close / total", "close / (total or close)"),
    "another key": ("quote['open']", "quote['price']"),
    "a guard that gives a False": ("close / total", "total is not None and close / total"),
    "no await": ("await load(row)", "load(row)"),
    "another function": ("load(row)", "save(row)"),
}


def is_kept(old: str, new: str) -> bool:
    (one,), (other,) = ast.parse(f"x = {old}").body, ast.parse(f"x = {new}").body
    said = "'close'" if "quote" in old else "unsupported operand type(s) for /: 'str' and 'float'"
    said = "add() got an unexpected keyword argument 'limit'" if "add" in old else said
    return is_same(one, other, {}, Message.of(said))


@pytest.mark.parametrize("name", SAME)
def test_a_mended_statement_works_out_what_it_did(name: str) -> None:
    assert is_kept(*SAME[name])


@pytest.mark.parametrize("name", OTHER)
def test_a_statement_that_works_out_something_else_is_no_repair_of_it(name: str) -> None:
    assert not is_kept(*OTHER[name])


def test_calls_that_are_alike_may_be_mended_alike() -> None:
    routes = "def routes(add):\n    add('/a', 1)\n    add('/b', 2)\n    other('/c', 3)\n"
    mended = routes.replace("', ", "', limit=").replace("add('/c", "other('/c")
    crashed = Crashed("add() takes 1 positional argument but 2 were given", {PATH: frozenset({2})})
    told = beyond({PATH: routes}, {PATH: mended}, words_of({PATH: routes}), crashed)
    assert [one for one in told if "crash" in one] == ["`other('/c', 3)` is changed, and did not crash"]


def test_a_crash_without_lines_says_of_no_place_that_nothing_crashed_there() -> None:
    old, new = AWAY["`report(row, limit)` is changed, and did not crash"]
    told = beyond({PATH: BASE}, {PATH: BASE.replace(old, new)}, words_of({PATH: BASE}), Crashed("x", {}))
    assert [one for one in told if "did not crash" in one] == []


NODE = "".join(f"const row{number} = rows[{number}];\n" for number in range(20)) + "send(row1.close);\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("send(row1.close);", "send(row1?.close);", []),
        ("send(row1.close);", "if (row1 === null) return;\nsend(row1.close);", []),
        ("rows[3];", "rows[4];", ["changes `const row3 = rows[3];`, which did not crash"]),
        ("const row2 =", "send(row1);\nconst row2 =", ["adds `send(row1);` where nothing crashed"]),
    ],
)
def test_the_same_of_lines_of_a_script(old: str, new: str, told: list[str]) -> None:
    crashed = Crashed("x", {SCRIPT: frozenset({21})})
    found = beyond({SCRIPT: NODE}, {SCRIPT: NODE.replace(old, new, 1)}, words_of({SCRIPT: NODE}), crashed)
    assert [one for one in found if "crash" in one] == told


def test_a_key_that_did_not_crash_is_not_taken_for_missing() -> None:
    base = 'def cells(rows, gex):\n    for row in rows:\n        told = {\n            "net": row["net"],\n            "far": row["at"] - gex["zero"],\n        }\n        publish(told)\n'
    guarded = base.replace(
        'row["at"] - gex["zero"]', 'None if gex["zero"] is None else row["at"] - gex["zero"]'
    )
    crashed = Crashed("unsupported operand: NoneType", {PATH: frozenset({5})}, (PATH, 5))

    def told(new: str) -> list[str]:
        return beyond({PATH: base}, {PATH: new}, words_of({PATH: base}), crashed)

    assert told(guarded) == []
    assert "takes it that row['net'] is missing" in told(guarded.replace('row["net"]', 'row.get("net")'))


@pytest.mark.parametrize(
    ("named", "secret"), [("source.name", False), ("source.api_key", True), ("token", True)]
)
def test_a_word_to_the_log_that_names_a_secret_is_told(named: str, secret: bool) -> None:
    base = "def mean(source, rows, token):\n    return len(rows) / rows[0]\n"
    mended = base.replace(
        "    return", f"    if not rows[0]:\n        self.log.warn({named})\n        return None\n    return"
    )
    crashed = Crashed("division by zero", {PATH: frozenset({2})}, (PATH, 2))
    known = words_of({PATH: base, "other.py": "source.name = source.api_key\n"})
    found = beyond({PATH: base}, {PATH: mended}, known, crashed)
    assert any(one.startswith("adds") for one in found) is secret


@pytest.mark.parametrize(
    ("word", "plain"),
    [
        ("logger.debug('one row')", True),
        ("self.logger.debug('one row')", True),
        ("logger.debug('of %s', rows)", True),
        ("logger.debug('of %s', rows.count)", False),
        ("rows.debug('one row')", False),
        ("rows.logger.debug('one row')", False),
    ],
)
def test_a_word_to_the_log_that_is_no_guard_s_names_what_crashed(word: str, plain: bool) -> None:
    base = "def mean(self, rows):\n    first = rows[0]\n    later = len(rows)\n    return later / first\n"
    mended = base.replace("    later", f"    {word}\n    later", 1)
    known = words_of({PATH: base, "other.py": "logger.debug(self.logger, rows.count)\n"})
    found = beyond({PATH: base}, {PATH: mended}, known, Crashed("by zero", {PATH: frozenset({4})}, (PATH, 4)))
    assert [one for one in found if one.startswith("adds")] == ([] if plain else [f"adds `{word}`"])
