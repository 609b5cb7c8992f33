"""Tests that pass with a patch and claim less than before: what is no pass, and what is to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sandbox.testing.verdict import RawFailure, RawOutcome, Verdict

_NOTE = "{} passes, and {}"
_FEWER = "{} makes {} of {} claims with the patch ({})"


def vacuous(before: Verdict, after: Verdict) -> dict[str, RawOutcome]:
    """What becomes of tests that pass with the patch because claims of theirs, or of others, are not made.

    Where a test passed on the base, whatever ran of it there must run with the patch. Where it did not,
    or where there was no such test, it must claim something of each wherever it says that it does.
    """
    silent = _shared(before) - _shared(after)
    idle = _idle(after)
    found = {}
    for node, outcome in after.outcomes.items():
        had = before.outcomes.get(node)
        if outcome.status != "passed":
            continue
        if had is not None and had.status == "passed":
            lost = _told(
                {*(had.parts.keys() - outcome.parts.keys()), *silent.intersection(had.shared)}, " any more"
            )
        else:
            lost = _told(idle.get(_function(node), frozenset()), "")
        if lost:
            found[node] = RawOutcome(status="failed", failure=RawFailure(type="Vacuous", message=lost))
    return found


def notes(found: dict[str, RawOutcome]) -> tuple[str, ...]:
    """What is said of tests that have not passed for this reason."""
    return tuple(
        _NOTE.format(node, how.failure.message) for node, how in sorted(found.items()) if how.failure
    )


def fewer(before: Verdict, after: Verdict) -> tuple[str, ...]:
    """Claims that tests make with the patch, and less often than on the base, by where they stand."""
    found: dict[str, str] = {}
    for node, outcome in sorted(after.outcomes.items()):
        had = before.outcomes.get(node)
        if had is None or not had.status == outcome.status == "passed":
            continue
        for part, often in had.parts.items():
            place, _, number = part.rpartition(" ")
            # Of what did not run the same number of times in every run there is none to compare.
            if number.isdecimal() and 0 < outcome.parts.get(part, 0) < often:
                text = _FEWER.format(place, outcome.parts[part], often, node.partition("::")[2])
                found.setdefault(place, text)
    return tuple(found.values())


def _told(lost: Iterable[str], any_more: str) -> str:
    return "; ".join(dict.fromkeys(_places(lost, any_more)))


def _places(lost: Iterable[str], any_more: str) -> Iterator[str]:
    """What is lost, claims first."""
    for part in sorted(lost, key=lambda part: (not _is_claim(part), part)):
        place, _, _ = part.rpartition(" ")
        if _is_claim(part):
            yield f"{place} makes no claim{any_more}"
        elif place == "given":
            yield "what it is given differs"
        else:
            yield f"{place} is not run to its end{any_more}"


def _is_claim(part: str) -> bool:
    place, _, number = part.rpartition(" ")
    return place != "given" and number.removeprefix("#").isdecimal()


def _idle(after: Verdict) -> dict[str, frozenset[str]]:
    """By test function, the claims that none of its tests makes, whatever each is given."""
    found: dict[str, frozenset[str]] = {}
    for node, outcome in after.outcomes.items():
        if outcome.status == "passed":
            name, idle = _function(node), frozenset(outcome.idle)
            found[name] = found.get(name, idle) & idle
    return found


def _function(node: str) -> str:
    return node.partition("[")[0]


def _shared(verdict: Verdict) -> frozenset[str]:
    """The claims that are made for several tests."""
    return frozenset(claim for outcome in verdict.outcomes.values() for claim in outcome.shared)
