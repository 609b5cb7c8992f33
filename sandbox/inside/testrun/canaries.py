"""Tests of the tests: false claims that must fail, true ones that must pass, named at random.

A false claim that passes means that something bent the machinery: pytest, unittest, mock, or a
builtin that tests rely on.
"""

from __future__ import annotations

import random

_FALSE = (
    "assert {a} == {b}",
    "assert {a} != {a}",
    "assert not {b}",
    "assert {a} in [{b}]",
    "assert isinstance({a}, str)",
    "assert len([{a}, {b}]) == 3",
    "assert sum([{a}, {b}]) == {a}",
    "assert sorted([{b}, {a}]) == [{b}, {a}]",
    "assert any([]) or not all([{a}])",
    "assert {{'{a}': {b}}} == {{'{a}': {a}}}",
    "assert str({a}) == repr({b})",
    "assert '{a}' == '{b}', 'canary'",
    "assert {a} == pytest.approx({b})",
    "pytest.fail('canary {a}')",
    "raise ValueError('canary {a}')",
    "raise AssertionError({a})",
    "with pytest.raises(KeyError): {{}}",
    "with pytest.raises(KeyError): int('x{a}')",
    "unittest.mock.Mock().assert_called_once_with({a})",
    "unittest.mock.Mock()({a}).nothing.assert_called()",
    "json.loads('{{{a}')",
    "assert json.loads('[{a}]') == [{b}]",
    "asyncio.run(asyncio.wait_for(asyncio.sleep(5), 0.001))",
    "async def later(): assert {a} == {b}\n    asyncio.run(later())",
)
_FALSE_IN_CASE = (
    "self.assertEqual({a}, {b})",
    "self.assertTrue({a} == {b})",
    "self.assertFalse({a} == {a})",
    "self.assertIn({a}, [{b}])",
    "self.assertIsNone({a})",
    "self.assertIsNotNone(None)",
    "self.assertRaises(KeyError, int, '{a}')",
    "self.assertDictEqual({{1: {a}}}, {{1: {b}}})",
    "self.assertListEqual([{a}], [{b}])",
    "self.assertAlmostEqual({a}, {b})",
    "self.assertGreater({a}, {b})",
    "self.fail('{a}')",
)
_TRUE = ("assert {a} == {a}", "assert {a} < {b}")
_HEAD = "import asyncio, json, unittest, unittest.mock\nimport pytest\n"
_AT_ONCE = 6


def module(chance: random.Random) -> tuple[str, frozenset[str], frozenset[str]]:
    """Source of a module of canaries, the names of those that must fail and of those that must pass."""
    failing, passing, functions = set(), set(), []
    for claim in chance.sample(_FALSE, _AT_ONCE):
        functions.append(_function(name := _name(chance), claim, chance))
        failing.add(name)
    for claim in _TRUE:
        functions.append(_function(name := _name(chance), claim, chance))
        passing.add(name)
    chance.shuffle(functions)
    methods = []
    for claim in chance.sample(_FALSE_IN_CASE, _AT_ONCE // 2):
        methods.append(_function(name := _name(chance), claim, chance, "self").replace("\n", "\n    "))
        failing.add(name)
    case = f"class Case{chance.randrange(10**6)}(unittest.TestCase):\n    " + "\n    ".join(methods)
    return _HEAD + "\n".join([*functions, case]) + "\n", frozenset(failing), frozenset(passing)


def implant(chance: random.Random) -> tuple[str, str]:
    """Source and name of one false test, to be put among real ones."""
    name = _name(chance)
    return _function(name, "assert {a} == {b}", chance), name


def _name(chance: random.Random) -> str:
    return f"test_{chance.getrandbits(40):010x}"


def _function(name: str, claim: str, chance: random.Random, arguments: str = "") -> str:
    low = chance.randrange(1000, 10**6)
    return f"def {name}({arguments}):\n    {claim.format(a=low, b=low + chance.randrange(1, 10**6))}\n"
