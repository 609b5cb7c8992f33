"""One trusted run in one box: the plan that goes in, the verdict that comes out."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sandbox.isolation import Box, BoxRun, Isolation, interpreter_mounts
from sandbox.isolation.box import WORK
from sandbox.node import NO_NODE
from sandbox.process import Limits
from sandbox.testing.material import is_node_test, is_test_file
from sandbox.testing.settings import Settings
from sandbox.testing.trees import Change
from sandbox.testing.verdict import Verdict

INSIDE = Path(__file__).parent.parent / "inside"
_HARNESS = (INSIDE / "run_tests.py", INSIDE / "testrun")
_PYTEST = ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments")
_SPARE_S = 3.0
_OUTPUT = 4000
_HOMES = frozenset({"home", "root", "srv", "opt", "mnt", "data", "work", "workspace", "code"})
"""Where people have checkouts and a box has nothing of its own."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one run shall do.

    files     test files to run;  `select` limits them to node ids, if not empty
    trusted   files that are taken from memory: all that belongs to the tests
    material  files that nothing may change while the tests run: the base's tests, helpers and data
    claiming  scripts whose claims are the tests' own
    order     seed of the order of the tests; empty for the files' own
    twin      seed by which each test's claim is turned around, so that it must fail; empty for none
    changes   what is looked at for what no service needs, before anything runs
    calls     whether it is noted how each test goes into the code under test
    plain     whether pytest runs as it would for a person, with nothing of ours about it
    apart     files that a plain run shall not collect: what they do is no affair of the others
    """

    service: str
    files: tuple[str, ...]
    select: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    material: tuple[str, ...] = ()
    claiming: tuple[str, ...] = ()
    settings: Settings = field(default_factory=Settings)
    order: str = ""
    twin: str = ""
    changes: tuple[Change, ...] = ()
    added_modules: frozenset[str] = frozenset()
    calls: bool = False
    plain: bool = False
    apart: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether pytest finds the files itself, so that there may be more than we know of."""
        return self.plain and not self.select


@dataclass(frozen=True)
class TestBox:
    """Runs orders in boxes. `env` is set inside, beside what a box has by itself.

    `checkout` is where a person has the tree: there it lies in a plain run too, where that can be.
    """

    __test__ = False

    isolation: Isolation
    python: Path
    limits: Limits
    test_s: float
    node: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    checkout: Path = Path(WORK)

    def run(self, tree: Path, order: Order) -> Verdict:
        """Run an order on a folder, which the box gets a copy of.

        Raises:
            BoxError: the box did not start.
        """
        if not (order.files or order.changes or order.added_modules):
            return Verdict()
        if self.node is None and any(is_node_test(path) for path in order.files):
            return Verdict(problem=f"{NO_NODE}, so that the tests of a Node service cannot be run")
        place = self._place(order)
        run = self.isolation.run(
            Box(
                argv=(str(self.python), "-I", str(_HARNESS[0]), str(self._own_packages)),
                tree=tree,
                place=place,
                env=dict(self.env),
                read_only=(*self._mounts, *_HARNESS, *([self.node] if self.node else [])),
                limits=self.limits,
                stdin=json.dumps(self._plan(order, place)).encode(),
            )
        )
        # The place is another each time: what is told of it is not to be.
        told = replace(run, result=run.result.replace(place.encode(), WORK.encode()))
        return _own(_read(told), order)

    @cached_property
    def _mounts(self) -> tuple[Path, ...]:
        return (*interpreter_mounts(self.python), *(path for path in _packages(self._own_packages)))

    @cached_property
    def _own_packages(self) -> Path:
        """Where our own pytest is, for an interpreter that has none."""
        return Path(str(metadata.distribution("pytest").locate_file(""))).resolve()

    def _place(self, order: Order) -> str:
        """Where the tree lies: in a plain run as a person has it, so that its path tells of no box."""
        if not order.plain or self.isolation.name == "seatbelt":
            return WORK
        shown = [*self._mounts, *_HARNESS, *([self.node] if self.node else [])]
        meets = [
            one for one in shown if one.is_relative_to(self.checkout) or self.checkout.is_relative_to(one)
        ]
        if not meets and len(self.checkout.parts) > 2 and self.checkout.parts[1] in _HOMES:
            return str(self.checkout)
        return f"/home/dev{random.SystemRandom().randrange(10**6)}/{self.checkout.name}"

    def _plan(self, order: Order, place: str) -> dict[str, Any]:
        settings = order.settings
        return {
            "root": place,
            "service_dir": f"services/{order.service}",
            "files": [path for path in order.files if not is_node_test(path)],
            "node_files": [path for path in order.files if is_node_test(path)],
            "node": str(self.node or ""),
            "select": order.select,
            "trusted": order.trusted,
            "material": order.material,
            "claiming": order.claiming,
            "helpers": [path for path in order.trusted if not is_test_file(path)],
            "ini": dict(settings.ini),
            "plugins": settings.plugins,
            "import_mode": settings.import_mode,
            "warnings": settings.warnings,
            "python_path": settings.python_path,
            "order": order.order,
            "twin_seed": order.twin,
            "calls": order.calls,
            "plain": order.plain,
            "apart": order.apart,
            "deadline_s": self.limits.wall_s - _SPARE_S,
            "test_s": self.test_s,
            "changed": [_as_plan(change) for change in order.changes],
            "added_modules": sorted(order.added_modules),
        }


def _packages(site: Path) -> Sequence[Path]:
    return [site / name for name in _PYTEST if (site / name).is_dir()]


def _as_plan(change: Change) -> dict[str, Any]:
    before = None if change.before is None else base64.b64encode(change.before).decode()
    return {
        "path": change.path,
        "before": before,
        "after": base64.b64encode(change.after).decode(),
        "test": change.test,
    }


def _read(run: BoxRun) -> Verdict:
    done = run.completed
    output = "\n".join(part for part in (_tail(done.stdout), _tail(done.stderr)) if part)
    try:
        verdict = Verdict.model_validate_json(run.result)
    except ValidationError:
        how = "ran out of time" if done.timed_out else f"ended with {done.returncode}"
        return Verdict(problem=f"crash: the test run {how} and left no verdict", output=output)
    return verdict.model_copy(update={"output": output})


def _own(verdict: Verdict, order: Order) -> Verdict:
    """A verdict without what it says of files that were not to run: whoever says that forges it."""
    others = [
        node for node in verdict.outcomes if node.partition("::")[0] not in order.files and not order.is_whole
    ]
    if not others:
        return verdict
    outcomes = {node: how for node, how in verdict.outcomes.items() if node not in others}
    told = f"strange: a test run of {order.files[0]} tells of {others[0]}, which is not in it"
    return verdict.model_copy(update={"outcomes": outcomes, "tampering": (*verdict.tampering, told)})


def _tail(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()[-_OUTPUT:]
