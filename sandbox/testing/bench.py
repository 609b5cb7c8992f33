"""The trusted test run of a service: which tests, on which trees, and what of the results is believed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.isolation import Isolation
from sandbox.node import find_node
from sandbox.patch import Patch
from sandbox.process import Limits
from sandbox.testing import judge
from sandbox.testing.baseline import Baselines
from sandbox.testing.box import TestBox
from sandbox.testing.concealed import Conceal, Concealed
from sandbox.testing.desk import Desk
from sandbox.testing.doubted import doubted
from sandbox.testing.merge import side_by_side
from sandbox.testing.orders import Orders
from sandbox.testing.outcome import TestRun
from sandbox.testing.overlap import leaning
from sandbox.testing.paths import needed_paths
from sandbox.testing.plainly import beside_own, demoted, unfailed
from sandbox.testing.trees import Trees
from sandbox.testing.verdict import Verdict
from sandbox.worktree import PrivateRepository

LIMITS = Limits(wall_s=120.0, cpu_s=120)
_AT_ONCE = 2
_KEPT = 32


class TestBench:
    """Runs a service's tests in boxes.

    repo        what base commits and patches are of
    python      the interpreter that the service runs with
    limits      of one box; a service's whole tests run in one
    test_s      seconds that one test may say nothing before it counts as hung
    plugins     pytest plug-ins that base tests may use, where the interpreter has them
    env         environment of the tests
    conceal     what a box may see of files of Truth and for secrets; without it, secret files are left out
    node        the program that runs the tests of Node services; by default the one that is found
    twins       whether a patch's run goes along with one of turned-around tests, which must fail

    Raises (from its methods):
        BoxError: a box did not start.
        GitError: no such commit, or an object is missing.
    """

    __test__ = False

    def __init__(
        self,
        repo: PrivateRepository,
        isolation: Isolation,
        python: Path,
        *,
        limits: Limits = LIMITS,
        test_s: float = 30.0,
        plugins: Sequence[str] = ("pytest_asyncio", "anyio"),
        env: Mapping[str, str] | None = None,
        conceal: Conceal | None = None,
        node: Path | None = None,
        twins: bool = True,
    ) -> None:
        self.python = python
        self._repo = repo
        self._box = TestBox(
            isolation, python, limits, test_s, node or find_node(), dict(env or {}), repo.target
        )
        self._plugins = tuple(plugins)
        self._hidden = Concealed(conceal)
        self._twins = twins
        self._baselines = Baselines(repo.state / "baselines" / repo.name, python)
        self._runs: dict[tuple[object, ...], TestRun] = {}
        self._paths: dict[tuple[str, str], tuple[str, ...]] = {}

    def run(
        self, service: str, base: str, patch: Patch | None, select: Sequence[str] = (), runs: int = 1
    ) -> TestRun:
        """Run a service's tests, on a patch or (None) on its base.

        select   test files or node ids (parameters may be left out); empty for all
        runs     how often, each time in another order; a test passes if it does so each time. Of several
                 runs of a patch one is plain: pytest as a person would run it. What passes so on the
                 base, and not with the patch, has not passed. Where a patch is nothing but tests, what
                 passes so has not failed either

        Which tests there are is the base's word, and new test files are the patch's. The results
        of a base, and of a patch that was run before, are reused.
        """
        key = (service, base, patch.tree if patch else None, tuple(select), runs)
        if key not in self._runs:
            began = time.monotonic()
            trees = Trees(self._repo, service, base, patch, self._hidden)
            verdict = judge.leaning(self._verdict(trees, service, tuple(select), runs), leaning(trees))
            while len(self._runs) >= _KEPT:
                self._runs.pop(next(iter(self._runs)))
            self._runs[key] = judge.as_run(verdict, trees.overruled, time.monotonic() - began)
        return self._runs[key]

    def test_files(self, service: str, base: str, patch: Patch | None = None) -> tuple[str, ...]:
        """The service's test files: the base's, and the new ones of a patch."""
        trees = Trees(self._repo, service, base, patch)
        return tuple(sorted({*trees.base_tests, *trees.new_tests}))

    def _verdict(self, trees: Trees, service: str, select: tuple[str, ...], runs: int) -> Verdict:
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(_AT_ONCE) as pool:
            paths = pool.submit(self._needed, trees, service)
            orders = Orders(trees, service, select)
            desk = Desk(self._box, self._repo, paths.result(), stack, pool, self._baselines)
            orders.settle(desk.folder(orders.base.tree), self._plugins)
            found = orders.inspect()
            if found:
                return Verdict(suspects=found)
            plainly = orders.plainly() if runs > 1 else None
            alone = orders.own_plainly() if runs > 1 and not trees.changes_code else None
            seen_alone = desk.later(alone) if alone else None
            numbers = range(1 if plainly or alone else 0, runs)
            plain = [desk.later(part) for part in plainly[1:] if part] if plainly else []
            before = desk.kept(orders.base, numbers)
            if not orders.patched:
                return judge.trusted(before)
            after = self._patched(desk, orders, trees, numbers)
            if plainly:
                compared = judge.compared(before, after)
                said = beside_own(plainly[1].order.apart, *(each.result() for each in plain))
                return demoted(before, compared, desk.kept(plainly[0], [0]), said)
            if trees.changes_code:
                return judge.compared(before, after)
            both = side_by_side([judge.trusted(before), after])
            return unfailed(both, seen_alone.result()) if seen_alone else both

    def _patched(self, desk: Desk, orders: Orders, trees: Trees, numbers: Sequence[int]) -> Verdict:
        turned = orders.turned() if self._twins and trees.changes_code else None
        twin = desk.later(turned) if turned else None
        verdicts = [desk.many(part, numbers) for part in orders.patched]
        after = side_by_side(verdicts)
        restored = {path for path, _ in after.suspects if trees.is_from_history(path)}
        if restored:
            # The service's own authors wrote these once.
            orders.accept(restored)
            return self._patched(desk, orders, trees, numbers)
        if turned and twin and not after.suspects:
            on_base = orders.turned_on_base(turned)
            found = doubted(
                judge.passed(verdicts[0]),
                twin.result(),
                lambda: desk.once(turned),
                lambda: desk.once(on_base),
            )
            return judge.blamed(after, found, twin.result())
        return after

    def _needed(self, trees: Trees, service: str) -> tuple[str, ...]:
        key = (trees.commit, service)
        if key not in self._paths:
            self._paths[key] = needed_paths(self._repo, trees.commit, service)
        return self._paths[key]
