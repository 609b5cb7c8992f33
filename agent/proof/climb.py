"""One patch on its way up the ladder: which rungs are tried, in which order, and what each looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from agent.case import Case
from agent.events import Climbed, Emit
from agent.proof.choices import choices, is_of_script
from agent.proof.labels import ODD_TEST, Crashed, labels_for
from agent.proof.ladder import IDLE, LADDER, Proof, Rung, RungName, State
from agent.proof.needed import Left, needless
from agent.proof.regression import fails_as, noted, passed, same_way, why_none
from agent.proof.switches import switches
from sandbox.building import build_problems
from sandbox.hunks import Hunks
from sandbox.isolation import Isolation
from sandbox.parts import contents, tests_only
from sandbox.patch import Patch
from sandbox.testing import TestBench, TestRun, script_problems
from sandbox.worktree import PrivateRepository
from tools.logs import Crash
from tools.replay import Replay, gone

OWN_TEST_ALONE = "look at: no replay shows the crash, only the patch's own test: is what it makes up real?"

MOST_HUNKS = 12
"""Each is tried by itself, for some seconds."""
NOT_FOR_NODE = "on which data is not told for Node.js"


@dataclass(slots=True)
class Climb:
    """One patch on its way up the ladder. `runs` is how often the tests must pass.

    `proving` are the tests that stand for the incident.
    """

    patch: Patch
    crash: Crash | None
    service: str
    repo: PrivateRepository
    isolation: Isolation
    tests: TestBench
    replay: Replay
    runs: int
    labels: tuple[str, ...]
    emit: Emit
    rungs: dict[RungName, Rung] = field(default_factory=dict)
    proving: list[str] = field(default_factory=list)

    def prove(self) -> Proof:
        """Climb until a rung that a branch needs fails; what was not reached says so."""
        steps: tuple[Callable[[], None], ...] = (
            self.in_scope, self.builds, self.reproduced, self.gone,
            self.regression_test, self.nothing_broken, self.needed,
        )  # fmt: skip
        for step in steps:
            step()
            if any(rung.state == "failed" for rung in self.rungs.values()):
                break
        rungs = (self.rungs.get(name) or Rung(name, "not shown", "an earlier rung failed") for name in LADDER)
        return Proof(tuple(rungs), self.labels)

    def put(self, name: RungName, state: State, detail: str) -> None:
        self.rungs[name] = Rung(name, state, detail)
        self.emit(Climbed(name, state, detail))

    def in_scope(self) -> None:
        count = len(self.patch.files)
        self.put(
            "in scope",
            "shown",
            f"{count} changed file{'s' * (count != 1)}, all below services/{self.service}/",
        )

    def builds(self) -> None:
        changed = [file.path for file in self.patch.files]
        with self.repo.checkout(self.patch.tree) as tree, self.repo.checkout(self.patch.base) as base:
            problems = build_problems(self.isolation, self.tests.python, tree, base, changed)
            problems += script_problems(self.isolation, tree, changed)
        if problems:
            self.put("builds", "failed", "; ".join(problems))
        else:
            self.put("builds", "shown", "every changed file compiles and its imports resolve")

    def reproduced(self) -> None:
        base = self.replay.of(None)
        if base.verdict == "reproduced":
            self.put("reproduced", "shown", base.why)
        else:
            self.put("reproduced", "not shown", base.why)

    def gone(self) -> None:
        if self.rungs["reproduced"].state != "shown":
            self.put("gone", "not shown", "the crash was not reproduced, so its absence shows nothing")
            return
        reasons = gone(self.replay, self.patch)
        if reasons:
            self.put("gone", "failed", "; ".join(reasons))
        else:
            why = self.replay.of(self.patch).why
            untold = self.crash is not None and self.crash.kind == "node"
            self.put("gone", "shown", f"{why}; {NOT_FOR_NODE}" if untold else why)
            self.labels += tuple(f"workaround: {told}" for told in self.replay.escapes(self.patch))
            self.labels += tuple(f"look at: {told}" for told in self.replay.overlooked(self.patch))

    def regression_test(self) -> None:
        """A test that fails on the base as the incident did, and passes on the patch each time."""
        new_tests = tests_only(self.repo, self.patch)
        # A second run shows whether they fail outside of the box as well.
        before = self.tests.run(self.service, self.patch.base, new_tests, runs=2 if new_tests else 1)
        after = self.patched()
        red = [node for node in self.own_tests(after) if not passed(after, node)]
        if red:
            why = f"the patch's own {red[0]} does not pass with it"
            self.put("regression test", "failed", "; ".join([why, *noted(after, red[:1])]))
            return
        failing = [
            node
            for node, outcome in before.outcomes.items()
            if fails_as(self.crash, self.service, outcome) and passed(after, node)
        ]
        silent = [node for node in failing if after.outcomes[node].claims == 0 and not self.is_old(node)]
        failing = [node for node in failing if node not in silent]
        chosen = choices(contents(self.repo, new_tests)) if new_tests else []
        # Of Python's the labels tell before anything runs.
        self.labels += tuple(f"look at: {ODD_TEST}: {each}" for each in chosen if is_of_script(each))[:1]
        chosen += switches(self.repo, self.patch) if failing else []
        chosen += [
            f"{node} does not do to the patch what it does to the base"
            for node in failing
            if not self.is_old(node) and not same_way(self.crash, before.outcomes[node], after)
        ]
        self.proving = proving = [node for node in failing if not chosen or self.is_old(node)]
        if proving:
            how = f"fails on the base as the incident did, passes {self.runs} of {self.runs}"
            self.put("regression test", "shown", f"{min(proving, key=self.is_old)} {how}")
            if self.rungs["gone"].state != "shown" and not any(map(self.is_old, proving)):
                self.labels += (OWN_TEST_ALONE,)
        else:
            why = why_none(new_tests is not None, chosen if failing else (), silent)
            self.put("regression test", "not shown", why)

    def own_tests(self, run: TestRun) -> list[str]:
        """The nodes that stand in test files which the patch adds."""
        return [node for node in run.outcomes if not self.is_old(node)]

    def is_old(self, node: str) -> bool:
        """Whether a test stands in a file that the base has."""
        return node.split("::")[0] not in {file.path for file in self.patch.files if file.kind == "added"}

    def patched(self) -> TestRun:
        return self.tests.run(self.service, self.patch.base, self.patch, runs=self.runs)

    def nothing_broken(self) -> None:
        before, after = self.tests.run(self.service, self.patch.base, None), self.patched()
        if after.tampering:
            self.put("nothing broken", "failed", f"tampering with the tests: {'; '.join(after.tampering)}")
            return
        if after.problem and before.problem is None:
            self.put("nothing broken", "failed", after.problem)
            return
        passed_before = [node for node, outcome in before.outcomes.items() if outcome.status == "passed"]
        lost = [node for node in passed_before if not passed(after, node)]
        if lost:
            why = f"passed on the base, not any more: {', '.join(lost[:5])}"
            self.put("nothing broken", "failed", "; ".join([why, *noted(after, lost[:1])]))
        else:
            count = len(passed_before)
            told = (
                f"all {count} tests that passed on the base still pass"
                if count
                else "the service has no passing tests"
            )
            self.put("nothing broken", "shown", told)
            self.labels += tuple(f"look at: {told}" for told in after.fewer)

    def needed(self) -> None:
        """Without any one hunk the crash or the failing test is back."""
        hunks = Hunks(self.repo, self.patch)
        if len(hunks) > MOST_HUNKS:
            told = f"{len(hunks)} runs of changed lines are too many to try each"
            self.put("needed", "not shown", told)
            self.labels += (f"look at: {told}: the proof may hold without some",)
            return
        found = needless(len(hunks), lambda numbers: self.left(hunks.without(*numbers)))
        if found.idle:
            names = _named(hunks, found.idle)
            self.put("needed", "not shown", f"{IDLE}: {names}")
            self.labels += (f"look at: the proof holds without {names}",)
        elif found.leaning:
            names = _named(hunks, found.leaning)
            self.put("needed", "not shown", f"they lean on each other: {names}")
            self.labels += (f"look at: {names} lean on each other, and the proof may hold without some",)
        else:
            told = "without any one hunk the crash or the failing test is back"
            more = (
                f"; or, without {_named(hunks, found.props)}, it fails in another way" if found.props else ""
            )
            self.put("needed", "shown", told + more)

    def left(self, less: Patch | None) -> Left:
        """What is left of the patch without some hunks; what the gate refuses is not."""
        if less is None:
            return "back"
        verdict = self.replay.of(less).verdict if self.rungs["gone"].state == "shown" else "beats"
        if verdict == "reproduced":
            return "back"
        whole, run = self.patched(), self.tests.run(self.service, less.base, less)
        missed = [node for node in whole.outcomes if passed(whole, node) and not passed(run, node)]
        if any(self.is_old(node) or self.tells_of_the_crash(node, run) for node in missed):
            return "back"
        return "holds" if verdict == "beats" else "otherwise"

    def tells_of_the_crash(self, node: str, run: TestRun) -> bool:
        """Whether an own test fails as the incident did: what else it claims, the patch has made up."""
        outcome = run.outcomes.get(node)
        return node in self.proving and outcome is not None and fails_as(self.crash, self.service, outcome)


def _named(hunks: Hunks, numbers: Sequence[int]) -> str:
    return ", ".join(map(hunks.place, numbers))


def prove(case: Case, patch: Patch, runs: int, emit: Emit) -> Proof:
    """Climb the ladder with a patch; without a sandbox no code runs, and only the gate's rung is shown."""
    bench = case.bench
    labels = labels_for(bench, patch, Crashed.of(case.crash, case.incident.service))
    if case.isolation is None or bench.tests is None or bench.replay is None:
        rung = Rung("in scope", "shown", "checked on the resulting tree")
        why = "no sandbox passed its probes, so no code was run"
        proof = Proof.unreached(rung, why, labels)
        for each in proof.rungs:
            emit(Climbed(each.name, each.state, each.detail))
        return proof
    climb = Climb(
        patch,
        case.crash,
        case.incident.service,
        bench.gate,
        case.isolation,
        bench.tests,
        bench.replay,
        runs,
        labels,
        emit,
    )
    return climb.prove()
