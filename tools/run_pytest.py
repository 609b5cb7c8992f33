"""run_pytest: the service's tests on the base and on the patch, and the replay as one more of them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from sandbox.git import GitError
from sandbox.isolation import BoxError
from sandbox.patch import Patch
from sandbox.testing import TestBench, TestOutcome, TestRun
from tools.tool import REPLAY, Tool, ToolError, Workbench

SHOWN = 8
"""Failures that are shown whole; the rest are named."""
LONGEST_FAILURE = 700
MOST_SELECTED = 40


class RunPytest(Tool):
    """Run the service's tests in a sandbox: on the unpatched base, on your last proposal, or on both.

    Answers with what failed, before against after. `replay::boots_and_beats` is one more test: it boots
    the service in the captured world.
    """

    name: ClassVar[str] = "run_pytest"

    select: list[str] = Field(description="test files or node ids; empty for all of the service's tests")
    on: Literal["patch", "base", "both"] = Field(description="what to run them on")

    def run(self, bench: Workbench) -> str:
        """What failed, and what a patch changed about that.

        Raises:
            ToolError: there is no sandbox, no patch, or no such test.
        """
        if bench.tests is None:
            raise ToolError(
                "No sandbox passed its probes on this machine, so no code is run. Read and reason instead."
            )
        if self.on != "base" and bench.patch is None:
            raise ToolError(
                'There is no accepted proposal yet: call propose_patch first, or run with on="base".'
            )
        patch = bench.patch if self.on != "base" else None
        tests, replay = self._selected(bench, bench.tests, patch)
        try:
            parts = _told(bench, bench.tests, self.on, tests) if tests is not None else []
        except (BoxError, GitError) as error:
            raise ToolError(f"The tests could not be run: {error}") from error
        if replay and bench.replay is not None:
            sides: list[Patch | None] = [None] if self.on == "base" else [patch]
            if self.on == "both":
                sides.insert(0, None)
            parts += [bench.replay.of(side).text for side in sides]
        return "\n".join(parts) or "The service has no tests; only the replay judges it."

    def _selected(
        self, bench: Workbench, tests: TestBench, patch: Patch | None
    ) -> tuple[list[str] | None, bool]:
        """The tests to run (None for none) and whether the replay is among what was selected."""
        known = list(tests.test_files(bench.service, bench.repository.commit, patch))
        if not self.select:
            return [] if known else None, bench.replay is not None
        if len(self.select) > MOST_SELECTED:
            raise ToolError(f"at most {MOST_SELECTED} files or node ids; leave `select` empty for all tests")
        wanted = [name for name in self.select if name != REPLAY]
        listed = [*known, *([REPLAY] if bench.replay is not None else [])]
        for name in wanted if bench.replay is not None else self.select:
            if name.split("::")[0] not in known:
                raise ToolError(f"there is no test {name!r}; {_nearest(name, listed)}")
        return wanted or None, REPLAY in self.select


def _nearest(name: str, known: Sequence[str]) -> str:
    if not known:
        return "the service has no tests"
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.3) or list(known)[:5]
    return f"nearest are {', '.join(close)}"


def _told(bench: Workbench, tests: TestBench, on: str, select: Sequence[str]) -> list[str]:
    commit = bench.repository.commit
    base = tests.run(bench.service, commit, None, select) if on != "patch" else None
    patched = tests.run(bench.service, commit, bench.patch, select) if on != "base" else None
    _refuse_unknown(bench, tests, select, [run for run in (base, patched) if run is not None])
    parts = [part for title, run in (("base", base), ("patch", patched)) if run for part in _side(title, run)]
    if base is not None and patched is not None:
        parts.append(_compared(base, patched))
    return parts


def _refuse_unknown(
    bench: Workbench, tests: TestBench, select: Sequence[str], runs: Sequence[TestRun]
) -> None:
    """A file that exists was chosen with a test that it does not hold."""
    if any(run.problem is not None for run in runs):
        return
    found = [node for run in runs for node in run.outcomes]
    for name in select:
        if any(node == name or node.startswith((f"{name}[", f"{name}::")) for node in found):
            continue
        file = name.split("::")[0]
        held = tests.run(bench.service, bench.repository.commit, bench.patch, [file]).outcomes
        raise ToolError(f"{file} holds no test {name!r}; {_nearest(name, list(held))}")


def _side(title: str, run: TestRun) -> list[str]:
    """One run: the count, what is wrong with the run itself, and the failures."""
    if run.problem is not None:
        return [f"on the {title}: no verdict: {run.problem}", *run.notes, *run.output.splitlines()[-12:]]
    red = [outcome for outcome in run.outcomes.values() if outcome.status != "passed"]
    count = len(run.outcomes)
    head = f"on the {title}: {count - len(red)} of {count} passed"
    named = [f"  also: {outcome.node} {outcome.status}" for outcome in red[SHOWN:]]
    return [head, *run.notes, *(line for outcome in red[:SHOWN] for line in _failure(outcome)), *named[:30]]


def _failure(outcome: TestOutcome) -> list[str]:
    if outcome.failure is None:
        return [f"  {outcome.status.upper()} {outcome.node}"]
    failure = outcome.failure
    place = "".join(f" at {path}:{line} in {function}" for path, line, function in failure.frames[-1:])
    text = [f"    {line}" for line in failure.text[-LONGEST_FAILURE:].splitlines()]
    return [f"  {outcome.status.upper()} {outcome.node}: {failure.type}{place}", *text]


def _compared(base: TestRun, patched: TestRun) -> str:
    """What the patch changed: mended, broken, new."""
    mended = [node for node in patched.outcomes if patched.passed(node) and not base.passed(node)]
    broken = [node for node in base.outcomes if base.passed(node) and not patched.passed(node)]
    return f"the patch mends {_list(mended)}; it breaks {_list(broken)}"


def _list(nodes: Sequence[str]) -> str:
    shown = ", ".join(nodes[:6])
    return f"{shown} and {len(nodes) - 6} more" if len(nodes) > 6 else shown or "nothing"
