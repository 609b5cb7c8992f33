"""Test functions made to leave a trail, so that 'passed' can be checked by somebody else.

Every test function says a secret word when it is entered, after each statement of its body and
before each return. The words are drawn anew for each run. A body that was skipped, cut short,
replaced or that went on after a false assertion leaves another trail than the one that was
planned from the file's own syntax tree. Claims that stand further in, or in helpers of the same
file, say a word, too.
"""

from __future__ import annotations

import ast
from _blake2 import blake2b  # by hashlib it comes with OpenSSL, which takes longer than all the rest here
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

SINK = "@autohealer"
"""Global of an instrumented module: where it says its words. No identifier of any source."""

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
_Block = TypeVar(
    "_Block", ast.For, ast.AsyncFor, ast.With, ast.AsyncWith, ast.FunctionDef, ast.AsyncFunctionDef
)
_Several = TypeVar("_Several", ast.GeneratorExp, ast.ListComp, ast.SetComp)


@dataclass(frozen=True)
class Trail:
    """What one test function says when it runs from its first to its last statement.

    enter    said first
    steps    said after each statement of the body, in this order
    returns  said just before a return, with the number of steps that come before it
    never    said only when a block that must raise did not
    parts    said at the end of each loop, block and inner function, after each claim of the file that is
             no statement of a test's body, and in each part of a claim that may be left out of it, with
             a name that no run changes
    """

    name: str
    enter: str
    steps: tuple[str, ...]
    returns: dict[str, int]
    never: frozenset[str]
    parts: dict[str, str]

    def complete(self, words: list[str]) -> bool:
        """Whether these words are those of a body that ran to its end."""
        own = [word for word in words if word == self.enter or word in self.steps or word in self.returns]
        if not own or own[0] != self.enter or not self.never.isdisjoint(words):
            return False
        done = [word for word in own if word in self.steps]
        if tuple(done) != self.steps[: len(done)]:
            return False
        return len(done) == len(self.steps) or any(
            self.returns[word] == len(done) for word in own if word in self.returns
        )


def instrument(tree: ast.Module, path: str, seed: str) -> list[Trail]:
    """Make the test functions of a module talk; returns what each will say.

    The same tree, path and seed give the same words: who plans the run and who runs it need not
    tell each other.
    """
    claims = _Claims(words_of(seed, f"{path} claims"))
    functions = list(test_functions(tree))
    claims.listen(tree, functions)
    trails = []
    for number, function in enumerate(functions):
        speech = _Speech(function, words_of(seed, f"{path} {number}"), f"{function.name}#{number}")
        trails.append(speech.trail(claims.parts))
    return trails


def blocks_of(node: ast.AST) -> Iterator[list[Any]]:
    """The lists of statements, and of what holds statements, that a node consists of.

    No statement stands in an expression, and most of a tree is expressions: they are passed by.
    """
    for name in _BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list):
            yield block


def test_functions(tree: ast.AST) -> Iterator[Function]:
    """Functions named like tests, at the top of a module or in its classes, in the order of the file."""
    for block in blocks_of(tree):
        for node in block:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield from test_functions(node)
            elif node.name.startswith("test"):
                yield node


def test_ids(tree: ast.Module, path: str) -> list[str]:
    """The ids of the tests that a module holds for sure, without parameters: `path::Class::test_name`."""
    return [f"{path}::{'::'.join(names)}" for names in _named(tree.body, _test_cases(tree))]


def _named(body: list[ast.stmt], cases: set[str]) -> Iterator[tuple[str, ...]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            if not any("fixture" in ast.dump(decorator) for decorator in node.decorator_list):
                yield (node.name,)
        elif isinstance(node, ast.ClassDef) and (node.name in cases or _plain_test_class(node)):
            yield from ((node.name, *names) for names in _named(node.body, cases))


def _plain_test_class(node: ast.ClassDef) -> bool:
    members = {child.name for child in node.body if isinstance(child, ast.FunctionDef)}
    return node.name.startswith("Test") and "__init__" not in members and not _hidden(node)


def _hidden(node: ast.ClassDef) -> bool:
    assigned = [target for child in node.body if isinstance(child, ast.Assign) for target in child.targets]
    return any(isinstance(target, ast.Name) and target.id == "__test__" for target in assigned)


def _test_cases(tree: ast.Module) -> set[str]:
    """Names of the module's unittest classes, also those that inherit from one of the module."""
    cases: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not _hidden(node):
            bases = {
                base.attr if isinstance(base, ast.Attribute) else getattr(base, "id", "")
                for base in node.bases
            }
            if bases & cases or any(base.endswith("TestCase") for base in bases):
                cases.add(node.name)
    return cases


def words_of(seed: str, purpose: str) -> Iterator[str]:
    """Words that nobody guesses without the seed."""
    count = 0
    while True:
        yield blake2b(f"{seed} {purpose} {count}".encode(), digest_size=9).hexdigest()
        count += 1


class _Statements(ast.NodeTransformer):
    """Visits statements only, and puts one or several in a statement's place."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for block in blocks_of(node):
            changed = [self.visit(child) for child in block]
            block[:] = [each for one in changed for each in (one if isinstance(one, list) else [one])]
        return node


class _Claims(_Statements):
    """Makes claims talk that a test can pass without: in branches, loops, fakes and helpers."""

    def __init__(self, words: Iterator[str]) -> None:
        self._words = words
        self._plain: set[int] = set()
        self.parts: dict[str, str] = {}

    def listen(self, tree: ast.Module, tests: list[Function]) -> None:
        self._plain = {id(statement) for test in tests for statement in test.body}
        self.visit(tree)

    def visit_Assert(self, node: ast.Assert) -> list[ast.stmt] | ast.Assert:
        node.test = _Within(self._word).visit(node.test)
        return node if id(node) in self._plain else self._heard(node)

    def visit_Expr(self, node: ast.Expr) -> list[ast.stmt] | ast.Expr:
        call = node.value
        name = _called(call) if isinstance(call, ast.Call) else ""
        return self._heard(node) if name.startswith("assert") and id(node) not in self._plain else node

    def _heard(self, claim: ast.stmt) -> list[ast.stmt]:
        return [claim, _say(self._word(), claim)]

    def _word(self) -> str:
        word = next(self._words)
        self.parts[word] = f"claim.{len(self.parts)}"
        return word


class _Within(ast.NodeTransformer):
    """Makes the parts of a claim talk that it may be made without: `or`, `if`, what is said of each item."""

    def __init__(self, word: Callable[[], str]) -> None:
        self._word = word

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.BoolOp:
        self.generic_visit(node)
        # Of two claims the second may well not be needed any more; behind `not found` it may not be left out.
        if isinstance(node.op, ast.And) or any(map(_asks_for_nothing, node.values[:-1])):
            node.values[1:] = map(self._heard, node.values[1:])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        self.generic_visit(node)
        node.body, node.orelse = self._heard(node.body), self._heard(node.orelse)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs[:1] = map(self._heard, node.ifs[:1])
        return node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.GeneratorExp:
        return self._each(node)

    def visit_ListComp(self, node: ast.ListComp) -> ast.ListComp:
        return self._each(node)

    def visit_SetComp(self, node: ast.SetComp) -> ast.SetComp:
        return self._each(node)

    def _each(self, node: _Several) -> _Several:
        self.generic_visit(node)
        # Whether an item gets through conditions may well be what is claimed.
        if not any(each.ifs for each in node.generators):
            node.elt = self._heard(node.elt)
        return node

    def _heard(self, part: ast.expr) -> ast.expr:
        """The same value, after a word."""
        say = ast.Call(ast.Name(SINK, ast.Load()), [ast.Constant(self._word())], [])
        both = ast.Tuple([say, part], ast.Load())
        chosen = ast.copy_location(ast.Subscript(both, ast.Constant(1), ast.Load()), part)
        return ast.fix_missing_locations(chosen)


class _Speech(_Statements):
    """Rewrites one test function in place."""

    def __init__(self, function: Function, words: Iterator[str], name: str) -> None:
        self.function = function
        self.words = words
        self.name = name
        self.parts: dict[str, str] = {}
        self.steps: list[str] = []
        self.returns: dict[str, int] = {}
        self.never: set[str] = set()

    def trail(self, claims: dict[str, str]) -> Trail:
        body, enter = self.function.body, next(self.words)
        first = 1 if ast.get_docstring(self.function, clean=False) is not None else 0
        spoken: list[ast.stmt] = [*body[:first], _say(enter, body[0])]
        for statement in body[first:]:
            self._listen_for_no_raise(statement)
            changed = self.visit(statement)
            spoken += changed if isinstance(changed, list) else [changed]
            word = next(self.words)
            self.steps.append(word)
            spoken.append(_say(word, statement))
        self.function.body = spoken
        return Trail(
            self.function.name,
            enter,
            tuple(self.steps),
            self.returns,
            frozenset(self.never),
            {**self.parts, **claims},
        )

    def visit_Return(self, node: ast.Return) -> list[ast.stmt]:
        word = next(self.words)
        self.returns[word] = len(self.steps)
        value = node.value or ast.copy_location(ast.Constant(None), node)
        keep = ast.Assign([ast.Name(f"{SINK}-value", ast.Store())], value)
        give = ast.Return(ast.Name(f"{SINK}-value", ast.Load()))
        kept, given = (ast.fix_missing_locations(ast.copy_location(each, node)) for each in (keep, give))
        return [kept, _say(word, node), given]

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        return self._part(node)

    def visit_With(self, node: ast.With) -> ast.With:
        self.generic_visit(node)
        return node if any(_must_raise(item.context_expr) for item in node.items) else self._part(node)

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AsyncFor:
        self.generic_visit(node)
        return self._part(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AsyncWith:
        self.generic_visit(node)
        return self._part(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._part(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._part(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node

    def _part(self, node: _Block) -> _Block:
        """A word at the end of a block; the name of the part is its place among the test's parts."""
        word, last = next(self.words), node.body[-1]
        self.parts[word] = f"{self.name}.{len(self.parts)}"
        if isinstance(last, ast.Return | ast.Break | ast.Continue):
            node.body.insert(len(node.body) - 1, _say(word, last))
        elif not isinstance(last, ast.Raise):
            node.body.append(_say(word, last))
        return node

    def _listen_for_no_raise(self, node: ast.stmt) -> None:
        # Only the last item: the end of a block that stands around another may be reached before that raises.
        if isinstance(node, ast.With) and _must_raise(node.items[-1].context_expr):
            word = next(self.words)
            self.never.add(word)
            node.body = [*node.body, _say(word, node.body[-1])]


def _must_raise(expression: ast.expr) -> bool:
    if not isinstance(expression, ast.Call):
        return False
    return _called(expression) in ("raises", "assertRaises", "assertRaisesRegex")


def _called(call: ast.Call) -> str:
    called = call.func
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _say(word: str, where: ast.stmt) -> ast.stmt:
    call = ast.Call(ast.Name(SINK, ast.Load()), [ast.Constant(word)], [])
    return ast.fix_missing_locations(ast.copy_location(ast.Expr(call), where))


def _asks_for_nothing(part: ast.expr) -> bool:
    """`not x` or `x is None`: whether there is anything at all to claim something of."""
    if isinstance(part, ast.UnaryOp):
        return isinstance(part.op, ast.Not)
    if not isinstance(part, ast.Compare) or not isinstance(part.ops[0], ast.Is | ast.Eq):
        return False
    return any(_is_nothing(side) for side in (part.left, *part.comparators))


def _is_nothing(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Tuple):
        return not value.elts
    if isinstance(value, ast.Dict):
        return not value.keys
    return isinstance(value, ast.Constant) and not value.value
