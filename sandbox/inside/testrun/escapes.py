"""Claims of the tests that fail, and whose failure the code under test keeps to itself.

Each function of a test file, a helper or a fixture says a word when a failed claim leaves it for
code under test, or for a task or a thread of its own, where nobody need hear of it.
"""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from types import FrameType

from .frames import inside
from .naming import Function
from .statements import SINK, blocks_of

FAILED, ESCAPED = f"{SINK}-failed", f"{SINK}-escaped"
"""Globals of an instrumented module: what a failed claim raises, and where it is told that one was raised."""

_PASSED_THROUGH = frozenset({"<lambda>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"})
"""Functions that are no place to catch anything, and of which no statement can speak."""


def listen(tree: ast.Module, tests: Collection[Function], words: Iterator[str], path: str) -> dict[str, str]:
    """Rewrite a module in place; what each word stands for. The tests themselves answer to the runner."""
    own, told = {id(test) for test in tests}, dict[str, str]()
    for function in list(_functions(tree)):
        first = 1 if ast.get_docstring(function, clean=False) is not None else 0
        if id(function) not in own and function.body[first:]:
            word = next(words)
            told[word] = f"{path} {function.name}#{len(told)}"
            function.body[first:] = [_heard(function.body[first:], word)]
    return told


def teller(root: str, trusted: Collection[str], say: Callable[[str], object]) -> Callable[[str], None]:
    """What functions of the tests call when a failed claim leaves them; `trusted` are the tests' files."""

    def escaped(word: str) -> None:
        if _is_out_of_hand(sys._getframe(1).f_back, root, trusted):
            say(word)

    return escaped


def _is_out_of_hand(frame: FrameType | None, root: str, trusted: Collection[str]) -> bool:
    while frame is not None:
        file = frame.f_code.co_filename
        if "/asyncio/events.py" in file:
            return True
        if file in trusted and frame.f_code.co_name not in _PASSED_THROUGH:
            return False
        if file not in trusted and inside(file, root) is not None:
            return True
        frame = frame.f_back
    return threading.current_thread() is not threading.main_thread()


def _functions(node: ast.AST) -> Iterator[Function]:
    for block in blocks_of(node):
        for child in block:
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield child
            yield from _functions(child)


def _heard(body: list[ast.stmt], word: str) -> ast.stmt:
    tell = ast.Expr(ast.Call(ast.Name(ESCAPED, ast.Load()), [ast.Constant(word)], []))
    handler = ast.ExceptHandler(ast.Name(FAILED, ast.Load()), None, [tell, ast.Raise()])
    tried = ast.Try(body, [handler], [], [])
    return ast.fix_missing_locations(ast.copy_location(tried, body[0]))
