"""The trusted test files, ready to run: turned into twins, with a canary in each, instrumented.

Who plans a run and who carries it out both prepare the files from the same source and seeds, so
that the planner knows what a run must say without being told by it.
"""

from __future__ import annotations

import ast
import random
from dataclasses import dataclass, field

from .instrument import Speech, instrument, words_of
from .naming import test_ids
from .twin import Doubts, turn_around


@dataclass(frozen=True)
class Prepared:
    """A test file as it will run. `doubts` is what it says as a twin."""

    tree: ast.Module
    speech: Speech
    ids: tuple[str, ...]
    doubts: Doubts = field(default_factory=Doubts)


def prepare(path: str, source: str, *, seed: str, implant: str = "", twin_seed: str = "") -> Prepared:
    """Parse a test file and prepare it.

    path       of the file, relative to the repository
    seed       the run's secret, from which the words of the trails are drawn
    implant    source of test functions to append: canaries
    twin_seed  when given, the file becomes its twin

    Raises:
        SyntaxError, ValueError: the source is not Python.
    """
    tree = ast.parse(source, filename=path)
    ids = test_ids(tree, path)
    doubts = Doubts()
    if twin_seed:
        chance = random.Random(f"{twin_seed} {path}")
        doubts = turn_around(tree, words_of(seed, f"{path} twin"), chance)
    if implant and takes_implants(tree):
        line = ast.parse(implant)
        tree.body += line.body
    return Prepared(tree, instrument(tree, path, seed), tuple(ids), doubts)


def takes_implants(tree: ast.Module) -> bool:
    """Whether a further test function would be treated like any other: nothing steers the whole module."""
    steering = {"pytestmark", "pytest_generate_tests", "load_tests", "setup_function", "setup_module"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in steering:
            return False
        if isinstance(node, ast.FunctionDef) and (node.name in steering or _autouse(node)):
            return False
    return True


def _autouse(node: ast.FunctionDef) -> bool:
    return any("autouse" in ast.dump(decorator) for decorator in node.decorator_list)
