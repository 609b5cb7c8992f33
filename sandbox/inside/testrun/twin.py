"""Twins: test functions with one claim turned around, which must fail.

A run of twins looks from within like any other run. Whatever makes a false assertion pass, by
whichever means, makes a twin pass too, and a twin that passes gives it away.
"""

from __future__ import annotations

import ast
import random

from .instrument import Function, test_functions

_LITERALS = (bool, int, float, str, bytes)


def turn_around(tree: ast.Module, chance: random.Random, share: float = 1.0) -> set[str]:
    """Turn one claim of each test function around, in place; returns the functions' names.

    share   how many of the functions, 0 to 1; chosen by `chance`
    """
    turned = set()
    for function in list(test_functions(tree)):
        if chance.random() < share:
            _turn(function, chance)
            turned.add(function.name)
    ast.fix_missing_locations(tree)
    return turned


def _turn(function: Function, chance: random.Random) -> None:
    claims = [statement for statement in function.body if _is_claim(statement)]
    # The last one: what comes before it in the body is then as it was.
    if claims and chance.random() < 0.8:
        _falsify(chance.choice(claims), chance)
    else:
        _fail_at_end(function, chance)


def _is_claim(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assert) or _unittest_claim(statement) is not None


def _unittest_claim(statement: ast.stmt) -> ast.Call | None:
    """`self.assertTrue(x)`, `self.assertFalse(x)`, or `self.assertEqual(a, b)` with a literal."""
    if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
        return None
    call = statement.value
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in ("assertTrue", "assertFalse") and call.args:
        return call
    if name == "assertEqual" and len(call.args) >= 2 and any(_is_literal(arg) for arg in call.args[:2]):
        return call
    return None


def _falsify(claim: ast.stmt, chance: random.Random) -> None:
    call = _unittest_claim(claim)
    if call is not None:
        index = next((i for i, arg in enumerate(call.args[:2]) if _is_literal(arg)), 0)
        first = call.args[0]
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name == "assertEqual":
            call.args[index] = _another(call.args[index], chance)
        else:
            call.args[0] = ast.copy_location(ast.UnaryOp(ast.Not(), first), first)
        return
    assert isinstance(claim, ast.Assert)
    test = claim.test
    if _compares_once(test) and chance.random() < 0.7:
        _replace_side(test, chance)
    else:
        claim.test = ast.copy_location(ast.UnaryOp(ast.Not(), test), test)


def _compares_once(test: ast.expr) -> bool:
    return isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)


def _replace_side(test: ast.expr, chance: random.Random) -> None:
    """`value == 3` becomes `value == 81723`, `value == wanted` becomes `value == <something new>`."""
    assert isinstance(test, ast.Compare)
    right = test.comparators[0]
    if _is_literal(right):
        test.comparators[0] = _another(right, chance)
    elif _is_literal(test.left):
        test.left = _another(test.left, chance)
    else:
        fresh = ast.Call(ast.Name("object", ast.Load()), [], [])
        test.comparators[0] = ast.copy_location(fresh, right)


def _is_literal(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) in _LITERALS


def _another(node: ast.expr, chance: random.Random) -> ast.expr:
    """A literal of the same type and another value."""
    assert isinstance(node, ast.Constant)
    value, number = node.value, chance.randrange(10**6, 10**9)
    other: object
    if isinstance(value, bool):
        other = not value
    elif isinstance(value, int | float):
        other = type(value)(value + number)
    elif isinstance(value, str):
        other = f"{value}{number}"
    else:
        other = str(number).encode()
    return ast.copy_location(ast.Constant(other), node)


def _fail_at_end(function: Function, chance: random.Random) -> None:
    last = function.body[-1]
    words = ast.Constant(f"{chance.randrange(10**9)}")
    failing = ast.Assert(ast.Compare(words, [ast.Eq()], [ast.Constant("")]), None)
    place = len(function.body) - 1 if isinstance(last, ast.Return | ast.Raise) else len(function.body)
    function.body.insert(place, ast.copy_location(failing, last))
