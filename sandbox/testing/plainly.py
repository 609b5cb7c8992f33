"""What a plain run of the tests says about a patch, beside what the trusted run says: it can only demote."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sandbox.testing.judge import passed
from sandbox.testing.material import is_node_test
from sandbox.testing.merge import all_of
from sandbox.testing.verdict import RawFailure, RawOutcome, Verdict

_NOTE = "{} passes in the box, and not by plain {}: {}"
_PROBLEM = "plain: {} passes by plain {} on the base, and not with the patch: {}"
_UNCOLLECTED = "plain: {} cannot be collected by plain pytest, which runs no test then: {}"
_ONLY_HERE = "{} fails in the box, and passes by plain {}"
_FALLEN = ("failed", "error", "missing")
_PASSED = RawOutcome(status="passed")


def demoted(before: Verdict, after: Verdict, plain_before: Verdict, plain: Verdict) -> Verdict:
    """A patch's verdict `after`, where what passes plainly on the base and not with the patch has not passed.

    Of the patch's own tests those that fail plainly count, where the base's can be run so at all. A test
    of the base that only plain pytest knows how to run is a problem when it is lost, and so is a file that
    cannot be collected, where no test that has not passed tells of it.
    """
    held, good = passed(plain_before), passed(after)
    own = good - before.outcomes.keys() if held or not before.outcomes else frozenset()
    outcomes, notes, problem = dict(after.outcomes), list(after.notes), after.problem
    for node, how in _lost((held | own) - passed(plain), plain, good & held):
        why = _why(how)
        if node in good:
            outcomes[node] = how
            notes.append(_NOTE.format(node, _runner(node), why))
        elif node in held - passed(before):
            problem = problem or _PROBLEM.format(node, _runner(node), why)
    fallen = _fallen(outcomes) - _fallen(before.outcomes)
    for file in sorted(_uncollected(plain) - _uncollected(plain_before) if held else ()):
        if not any(node.partition("::")[0] == file for node in fallen):
            problem = problem or _UNCOLLECTED.format(file, _why(plain.outcomes[file]))
    return after.model_copy(update={"outcomes": outcomes, "notes": tuple(notes), "problem": problem})


def beside_own(own: Collection[str], alone: Verdict, together: Verdict | None = None) -> Verdict:
    """What became of the base's tests without the patch's `own` files and beside them, and of those there."""
    if together is None:
        return alone
    both = all_of([alone, together])
    files = {
        node: how for each in (alone, together) for node, how in each.outcomes.items() if "::" not in node
    }
    outcomes = {
        node: together.outcomes.get(node, how) if node.partition("::")[0] in own else how
        for node, how in both.outcomes.items()
        # Of a file that cannot be collected the file's own outcome says why.
        if node not in files and not (how.status == "missing" and node.partition("::")[0] in files)
    }
    return both.model_copy(update={"outcomes": {**outcomes, **files}})


def unfailed(after: Verdict, plain: Verdict) -> Verdict:
    """A verdict on code that nobody changed, where what passes plainly has not failed: it is missing."""
    odd = [node for node in passed(plain) if after.outcomes.get(node, _PASSED).status in _FALLEN]
    told = {node: _ONLY_HERE.format(node, _runner(node)) for node in odd}
    missing = {
        node: RawOutcome(status="missing", failure=RawFailure(type="Missing", message=why))
        for node, why in told.items()
    }
    outcomes = {**after.outcomes, **missing}
    return after.model_copy(update={"outcomes": outcomes, "notes": (*after.notes, *told.values())})


def _runner(node: str) -> str:
    return "node --test" if is_node_test(node.partition("::")[0]) else "pytest"


def _fallen(outcomes: Mapping[str, RawOutcome]) -> frozenset[str]:
    return frozenset(node for node, how in outcomes.items() if how.status in _FALLEN)


def _uncollected(plain: Verdict) -> frozenset[str]:
    """Files in which pytest found no tests because something went wrong: it runs none at all by default."""
    return frozenset(node for node in _fallen(plain.outcomes) if "::" not in node)


def _why(how: RawOutcome) -> str:
    return f"{how.failure.type}: {how.failure.message.partition(chr(10))[0]}" if how.failure else how.status


def _lost(
    nodes: frozenset[str], plain: Verdict, expected: frozenset[str]
) -> Iterator[tuple[str, RawOutcome]]:
    """What became of tests that did not pass plainly. Those not heard of count where they are expected."""
    for node in sorted(nodes):
        how = plain.outcomes.get(node) or plain.outcomes.get(node.partition("::")[0])
        if how is not None:
            yield node, how
        elif plain.problem or node in expected:
            why = plain.problem or "it was not found"
            yield node, RawOutcome(status="missing", failure=RawFailure(type="Missing", message=why))
