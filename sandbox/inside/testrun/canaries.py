"""Tests of the tests: false claims that must fail, true ones that must pass, named at random.

A false claim that passes means that something bent the machinery: pytest, unittest, mock, or a
builtin that tests rely on.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

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
    "json.loads('{{{a}')",
    "assert json.loads('[{a}]') == [{b}]",
)
_CASE = "unittest.TestCase()."
_FALSE_WITH = {
    "unittest": (
        _CASE + "assertEqual({a}, {b})",
        _CASE + "assertTrue({a} == {b})",
        _CASE + "assertFalse({a} == {a})",
        _CASE + "assertIn({a}, [{b}])",
        _CASE + "assertNotIn({a}, [{a}])",
        _CASE + "assertIsNone({a})",
        _CASE + "assertIsNotNone(None)",
        _CASE + "assertRaises(KeyError, int, '{a}')",
        _CASE + "assertDictEqual({{1: {a}}}, {{1: {b}}})",
        _CASE + "assertListEqual([{a}], [{b}])",
        _CASE + "assertAlmostEqual({a}, {b})",
        _CASE + "assertGreater({a}, {b})",
        _CASE + "assertIsInstance({a}, str)",
        _CASE + "fail('{a}')",
    ),
    "mock": (
        "unittest.mock.Mock().assert_called_once_with({a})",
        "unittest.mock.Mock()({a}).nothing.assert_called()",
        "unittest.mock.MagicMock().nothing.assert_not_called({a}, {b})",
    ),
    "asyncio": (
        "asyncio.run(asyncio.wait_for(asyncio.sleep(5), 0.001))",
        "async def later(): assert {a} == {b}\n    asyncio.run(later())",
        "async def later(): return {a}\n    assert asyncio.run(later()) == {b}",
    ),
}
_IMPORTS = {"unittest": "unittest", "mock": "unittest.mock", "asyncio": "asyncio"}
_TRUE = ("assert {a} == {a}", "assert {a} < {b}")
_HEAD = "import json\nimport pytest\n"
_AT_ONCE = 3


@dataclass(frozen=True)
class Canaries:
    """A module of canaries: its source, and what must become of its tests.

    failing   names of tests that must fail
    passing   names of tests that must pass
    telling   names of tests that must fail with just this message
    """

    source: str
    failing: frozenset[str]
    passing: frozenset[str]
    telling: dict[str, str]


def module(chance: random.Random, used: str) -> Canaries:
    """Make a module of canaries.

    used    text of the tests: what they import is tried, too; what they do not import is not
    """
    extra = [name for name in _FALSE_WITH if name in used]
    false = [*_FALSE, *(claim for name in extra for claim in _FALSE_WITH[name])]
    failing = {_name(chance): claim for claim in chance.sample(false, _AT_ONCE)}
    passing = {_name(chance): claim for claim in _TRUE}
    sweep, nonce = _name(chance), f"{chance.getrandbits(64):016x}"
    functions = [_function(name, claim, chance) for name, claim in {**failing, **passing}.items()]
    functions.append(_sweep(sweep, nonce, false, chance))
    chance.shuffle(functions)
    head = _HEAD + "".join(f"import {_IMPORTS[name]}\n" for name in extra)
    telling = {sweep: repr(nonce)}
    return Canaries(head + "\n".join(functions), frozenset({*failing, sweep}), frozenset(passing), telling)


def _sweep(name: str, nonce: str, claims: list[str], chance: random.Random) -> str:
    """A test that tries every false claim and fails with the numbers of those that held."""
    lines = [f"def {name}():", "    held = []"]
    for number, claim in enumerate(claims):
        low = chance.randrange(1000, 10**6)
        text = claim.format(a=low, b=low + chance.randrange(1, 10**6)).replace("\n    ", "\n            ")
        lines += [f"    try:\n        def claim():\n            {text}\n        claim()"]
        lines += [f"    except BaseException:\n        pass\n    else:\n        held.append({number})"]
    return "\n".join([*lines, f"    raise KeyError('{nonce}', *held)", ""])


def implant(chance: random.Random) -> tuple[str, str]:
    """Source and name of one false test, to be put among real ones."""
    name = _name(chance)
    return _function(name, "assert {a} == {b}", chance), name


def _name(chance: random.Random) -> str:
    return f"test_{chance.getrandbits(40):010x}"


def _function(name: str, claim: str, chance: random.Random) -> str:
    low = chance.randrange(1000, 10**6)
    return f"def {name}():\n    {claim.format(a=low, b=low + chance.randrange(1, 10**6))}\n"
