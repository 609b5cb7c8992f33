"""A made-up value in the place of data is told whatever it is written as; None, and a choice, are not."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agent.proof.labels import labels_of

BASE = """
    from dataclasses import dataclass

    @dataclass
    class Spot:
        price: float
        close: float

    def change(spot, raw):
        return raw["close"] / spot.close
"""
RETURN = 'return raw["close"] / spot.close'
DEFAULT = "workaround: a default that hides missing data"


def told(replace: str, top: str = "", search: str = RETURN) -> set[str]:
    """The labels of another body of `change`, and of a new beginning of the file."""
    before = dedent(BASE)
    after = before.replace(search, replace.replace("\n", "\n    "), 1)
    after = after.replace("\n@dataclass", f"\n{top}\n\n@dataclass", 1)
    compile(after, "main.py", "exec")
    return set(map(str, labels_of((), {"main.py": before}, {"main.py": after})))


VALUES = {
    "or a negative number": "spot.close or -1.0",
    "or a positive number": "spot.close or +1.0",
    "or a name": "spot.close or FLAT",
    "or a tuple": "spot.close or (1.0,)",
    "or an empty text": "spot.close or f''",
    "or a call that makes a constant": "spot.close or float()",
    "or a method of a constant": "spot.close or '1'.strip()",
    "or arithmetic": "spot.close or 2 * 50.0",
    "or zero times something": "spot.close or 0.0 * spot.price",
    "and, or": "spot.close is None and 1.0 or spot.close",
    "if, else": "spot.close if spot.close else -1",
    "if, else by a name": "FLAT if spot.close is None else spot.close",
    "next": "next((each for each in [spot.close] if each), 0.0)",
    "next by a name": "next(iter([spot.close]), FLAT)",
    "getattr": "getattr(spot, 'close', 0.0)",
    "get": "raw.get('close', 1.0)",
    "get by a name": "raw.get('close', FLAT)",
    "get by keyword": "raw.get('close', default=1)",
    "pop": "raw.pop('close', 1)",
    "setdefault": "raw.setdefault('close', 1.0)",
    "max of nothing": "max(raw, default=0)",
    "max": "max(spot.close, 0.01)",
    "min": "min(FLAT, spot.close)",
    "a merge": "{**{'close': 1.0}, **raw}['close']",
    "a merge by a name": "{**DEFAULTS, **raw}['close']",
    "a merge into": "{'close': 1.0, **raw}['close']",
    "a merge by dict()": "dict(DEFAULTS, **raw)['close']",
    "a merge by |": "(DEFAULTS | raw)['close']",
    "a merge by update": "dict(DEFAULTS).update(raw)",
    "defaultdict": "collections.defaultdict(float, raw)['close']",
    "a made defaultdict": "collections.defaultdict(lambda: 1.0)['close']",
    "ChainMap": "collections.ChainMap(raw, {'close': 1.0})['close']",
    "one of two": "[1.0, spot.close][spot.close is not None]",
    "nan": "spot.close or math.nan",
}
BLOCKS = {
    "match, None": "match spot.close:\n    case None:\n        return 1.0\n" + RETURN,
    "match, the rest": "match spot.close:\n    case float():\n        pass\n    case _:\n        return FLAT\n"
    + RETURN,
    "if None, return": f"if spot.close is None:\n    return 1.0\n{RETURN}",
    "if None, assign": f"close = spot.close\nif not close:\n    close = FLAT\n{RETURN}",
    "if there, else": f"if spot.close:\n    {RETURN}\nelse:\n    return 0.0",
    "if not in": f"if 'close' not in raw:\n    return 0.0\n{RETURN}",
    "always": "return FLAT",
    "always nothing": "return 0.0 * spot.price",
}
TOP = "FLAT = 0.0\nDEFAULTS = {'close': 1.0}\n"


@pytest.mark.parametrize("name", VALUES)
def test_a_made_up_value_is_a_workaround_in_any_form(name: str) -> None:
    assert DEFAULT in told(f"return {VALUES[name]}", TOP)


@pytest.mark.parametrize("name", BLOCKS)
def test_a_made_up_value_in_a_block_is_a_workaround(name: str) -> None:
    assert DEFAULT in told(BLOCKS[name], TOP)


@pytest.mark.parametrize("value", ["100.0", "field(default=100.0)", "-1.0"])
def test_a_field_that_need_not_be_given_any_more_is_a_workaround(value: str) -> None:
    assert DEFAULT in told(f"close: float = {value}", search="close: float")


def test_an_argument_that_need_not_be_given_any_more_is_a_workaround() -> None:
    assert DEFAULT in told("def change(spot, raw=()):", search="def change(spot, raw):")
    assert told("def change(spot, raw=None):", search="def change(spot, raw):") == set()
    assert told("def change(spot, raw, digits=3):", search="def change(spot, raw):") == set()


def test_other_data_that_stands_in_is_something_to_look_at() -> None:
    labels = told("return raw['close'] / (spot.close or abs(spot.price))")
    assert labels == {"look at: abs(spot.price) stands in for data that the base read plainly"}


HONEST = {
    "None where there is none": f"if spot.close is None:\n    return None\n{RETURN}",
    "None in an expression": "return spot.price / spot.close if spot.close else None",
    "get alone": "close = raw.get('close')\nreturn None if close is None else spot.price / close",
    "None by name": "return getattr(spot, 'close', None)",
    "a condition": f"if spot.close or FLAT:\n    return None\n{RETURN}",
    "a choice of two words": "return 'up' if spot.close else 'down'",
    "a verdict": f"if not spot.close:\n    return False\n{RETURN}",
    "the larger of two": "return max(spot.price, spot.close)",
    "counting": "seen = collections.defaultdict(list)\nreturn seen[spot.close]",
    "an added entry": "return {**raw, 'kind': 'spot'}",
    "flags together": "return spot.close | spot.price",
    "a case for each kind": "match spot.close:\n    case float():\n        return None\n    case _:\n"
    "        raise ValueError(spot)",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_makes_nothing_up_is_no_workaround(name: str) -> None:
    assert told(HONEST[name], TOP) == set()


KEPT = {
    "written otherwise": ("a = raw.get('a', {})", "a = raw.get('a') or {}"),
    "another key": ("a = raw.get('a', 60)", "a = raw.get('b', 60)"),
    "another value": ("a = raw.get('a', 60)", "a = raw.get('a', 90)"),
    "taken out of a call": ("a = int(raw.get('a', 60))", "b = raw.get('a', 60)\n    a = int(b)"),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_default_that_the_base_has_is_nothing_new(name: str) -> None:
    before, after = (f"def f(raw):\n    {line}\n    return a\n" for line in KEPT[name])
    assert labels_of((), {"a.py": before}, {"a.py": after}) == ()


def test_a_default_is_new_though_another_function_lost_one() -> None:
    before = "def f(raw):\n    return raw['a']\n\n\ndef g(raw):\n    return raw.get('b', 1)\n"
    after = "def f(raw):\n    return raw.get('a', 0)\n\n\ndef g(raw):\n    return raw['b']\n"
    assert DEFAULT in map(str, labels_of((), {"a.py": before}, {"a.py": after}))
