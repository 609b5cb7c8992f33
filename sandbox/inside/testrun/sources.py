"""The sources of the tests, taken before any code under test ran."""

from __future__ import annotations

import ast
import builtins
import contextlib
import importlib.machinery
import importlib.util
import os
import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

from . import frames
from .escapes import ESCAPED, FAILED, teller
from .statements import SINK
from .trusted import prepare
from .twin import OTHER, other


class Sources:
    """Sources of the tests, taken before any code under test ran, and their loader."""

    def __init__(self, plan: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> None:
        self.root = plan["root"]
        self.trees: dict[str, ast.Module] = {}
        self.sources: dict[str, bytes] = {}
        for path in plan["trusted"]:
            with contextlib.suppress(OSError):
                self.sources[f"{self.root}/{path}"] = Path(self.root, path).read_bytes()
        for path, source in plan["canaries"].items():
            file = f"{self.root}/{path}"
            Path(file).write_bytes(b"")
            self.sources[file] = source.encode()
        for path in [*plan["files"], *plan["canaries"], *plan["helpers"]]:
            with contextlib.suppress(KeyError, SyntaxError, ValueError):
                self.trees[f"{self.root}/{path}"] = self._prepared(plan, path)
        plan["files"] = _spread(plan)
        self.canaries = frozenset(f"{self.root}/{path}" for path in plan["canaries"])
        # Counted by what is not written in Python: no frame of ours stands between a test and the code.
        self.words: defaultdict[str, count[int]] = defaultdict(count)
        self.shared: dict[str, count[int]] = {}
        self._aside: list[dict[str, count[int]]] = []
        self._escaped = teller(self.root, frozenset(self.sources), self.words.__getitem__)
        self._tell = tell

    def _prepared(self, plan: dict[str, Any], path: str) -> ast.Module:
        source = importlib.util.decode_source(self.sources[f"{self.root}/{path}"])
        twin_seed = plan["twin_seed"] if path in plan["files"] else ""
        implant = plan["implants"].get(path, "")
        return prepare(path, source, seed=plan["seed"], implant=implant, twin_seed=twin_seed).tree

    def loaders(self) -> dict[str, Callable[[str], Any]]:
        """For each trusted file, what makes its loader."""
        return {os.path.realpath(file): partial(_FromMemory, self) for file in self.sources}

    def begin(self) -> None:
        """A test begins."""
        self.words.clear()
        self.shared.clear()

    def share(self) -> None:
        """What is said from now on is said for several tests."""
        self._aside.append(dict(self.words))
        self.words.clear()

    def share_no_more(self) -> None:
        """What is said is the test's own again."""
        self.shared.update(self.words)
        self.words.clear()
        self.words.update(self._aside.pop())

    def equip(self, module: dict[str, Any]) -> None:
        """Put what instrumented code calls among a module's globals."""
        import pytest

        module[SINK] = self.words
        module[OTHER] = other
        module[FAILED], module[ESCAPED] = (AssertionError, pytest.fail.Exception), self._escaped

    def tell_broken(self, file: str, error: BaseException) -> None:
        """A conftest that cannot be imported stops pytest; the tests below it fell for this reason."""
        path = file[len(self.root) + 1 :]
        self._tell({"e": "conftest", "path": path, "failure": frames.failure(error, self.root)})


def often(said: Mapping[str, count[int]]) -> dict[str, int]:
    """How often each word was said, the first one first. To be asked once."""
    return {word: max(next(counter), 1) for word, counter in said.items()}


class _FromMemory:
    """Loads one trusted file."""

    def __init__(self, files: Sources, file: str) -> None:
        self._files = files
        self._file = file

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        """The usual module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the instrumented file."""
        source = self._files.sources[self._file]
        tree = self._files.trees.pop(self._file, None) or ast.parse(source, filename=self._file)
        if not (self._file.endswith("/__init__.py") or self._file in self._files.canaries):
            from _pytest.assertion.rewrite import rewrite_asserts

            rewrite_asserts(tree, source, self._file)
        self._files.equip(module.__dict__)
        code = compile(tree, self._file, "exec", dont_inherit=True)
        try:
            builtins.exec(code, module.__dict__)
        except BaseException as error:
            if self._file.endswith("/conftest.py"):
                self._files.tell_broken(self._file, error)
            raise


def _spread(plan: dict[str, Any]) -> list[str]:
    """Canary modules among the test files: one last, the others anywhere."""
    chance = random.SystemRandom()
    files, canaries = list(plan["files"]), list(plan["canaries"])
    if plan["order"]:
        random.Random(plan["order"]).shuffle(files)
    for canary in canaries[1:]:
        files.insert(chance.randrange(len(files) + 1), canary)
    return [*files, *canaries[:1]]
