"""Carries out orders: checks trees out once, and runs boxes on them, some at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from sandbox.testing.baseline import Baselines
from sandbox.testing.box import TestBox
from sandbox.testing.merge import all_of
from sandbox.testing.orders import Part
from sandbox.testing.verdict import Verdict
from sandbox.worktree import PrivateRepository


class Desk:
    """Runs parts; the folders live as long as `stack`.

    Raises (from its methods):
        BoxError, GitError, WorktreeError
    """

    def __init__(
        self,
        box: TestBox,
        repo: PrivateRepository,
        paths: Sequence[str],
        stack: contextlib.ExitStack,
        pool: ThreadPoolExecutor,
        baselines: Baselines,
    ) -> None:
        self._box = box
        self._repo = repo
        self._paths = tuple(paths)
        self._stack = stack
        self._pool = pool
        self._baselines = baselines
        self._folders: dict[str, Path] = {}

    def folder(self, tree: str) -> Path:
        """A tree as a folder, for reading only."""
        if tree not in self._folders:
            self._folders[tree] = self._stack.enter_context(self._repo.checkout(tree, self._paths))
        return self._folders[tree]

    def later(self, part: Part) -> Future[Verdict]:
        """Begin a run; several go on at a time."""
        return self._pool.submit(self._box.run, self.folder(part.tree), part.order)

    def once(self, part: Part) -> Verdict:
        """One run."""
        return self.later(part).result()

    def kept(self, part: Part, numbers: Sequence[int]) -> Verdict:
        """The same as of `many`, of a base, which is kept."""
        key = {"tree": part.tree, "runs": list(numbers), "order": repr(part.order)}
        return self._baselines.get(key, lambda: self.many(part, numbers))

    def many(self, part: Part, numbers: Sequence[int]) -> Verdict:
        """Several runs, each but number 0 in an order of its own; each test's worst outcome counts."""
        orders = [replace(part.order, order=str(number) if number else "") for number in numbers]
        jobs = [self.later(Part(part.tree, order)) for order in orders]
        return all_of([job.result() for job in jobs])
