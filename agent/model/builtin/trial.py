"""Which of its tests a repair keeps: those that were seen red without it and green with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from agent.model.builtin.incident import Spot
from agent.model.builtin.judged import Judged, Tested, read_answer, read_tests
from agent.model.builtin.regression import Test, derived, with_other_numbers
from agent.model.builtin.regression.mended import is_changed
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Source
from agent.model.builtin.talk import Asking, Call

CLAIMED = frozenset({"AssertionError", "TimeoutError", "CancelledError", "Failed"})
"""What a claim that does not hold, an error that does not come, or a call that does not end, fails with."""


@dataclass(frozen=True, slots=True)
class Options:
    """Tests of one repair, the likeliest first: one of them is enough. `error` is what it is to end."""

    tests: tuple[Test, ...]
    error: str

    @property
    def rest(self) -> Options:
        """All but the first."""
        return Options(self.tests[1:], self.error)


def options(scene: Scene, candidate: Candidate) -> Asking[Options]:
    """The tests that there are for a candidate: its own, then those that follow from the crash."""
    own = (*((candidate.test,) if candidate.test is not None else ()), *candidate.tests)
    error = scene.trouble.name.rpartition(".")[2]
    at = yield from _changed_at(scene, candidate)
    if at is None:
        return Options(own, error)
    spot, base = at
    for below in scene.trouble.spots[scene.trouble.spots.index(spot) + 1 :][:1]:
        yield from scene.source(below.path)
    mended = candidate.files.get(spot.path, base.text)
    known = {path: text for (path, commit), text in scene.desk.files.items() if commit is None}
    others = {path: text for path, text in known.items() if isinstance(text, str)}
    others |= dict(scene.draft) | dict(candidate.files)
    found = derived(scene.incident, scene.trouble, spot, base, mended, others)
    if candidate.tested:
        found += [other for test in found[:1] for other in with_other_numbers(test)]
    return Options(tuple(dict.fromkeys((*own, *found))), error)


def _changed_at(scene: Scene, candidate: Candidate) -> Asking[tuple[Spot, Source] | None]:
    """The innermost function on the way to the crash that a candidate changes; else the culprit."""
    own = [one for one in scene.trouble.spots if one.path.startswith(scene.incident.root)]
    kept = [one for one in own if one.path.endswith(".py") and "/tests/" not in one.path]
    for spot in reversed(kept):
        source = (yield from scene.source(spot.path)) if spot.path in candidate.files else None
        if source is not None and is_changed(source, spot.line, candidate.files[spot.path]):
            return spot, source
    culprit = (yield from scene.source(kept[-1].path)) if kept else None
    return (kept[-1], culprit) if culprit is not None else None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a repair did with tests beside it: `without` is what they did to the code as it was."""

    judged: Judged
    seen: Tested
    without: Tested

    def shows(self, path: str, errors: frozenset[str]) -> bool:
        """Whether a new file is red without the repair, by one of these errors, and green with it."""
        red = self.without.failed(path) & (errors | CLAIMED)
        return self.seen.passes(path) and bool(red) and not self.judged.refused


def tried(
    tests: Mapping[str, str], alone: Sequence[dict[str, object]], whole: Sequence[dict[str, object]], why: str
) -> Asking[Trial]:
    """Propose the tests without the repair, then with it, and run them on both; with it is what stays."""
    answers = yield (
        Call("propose_patch", {"edits": list(alone), "reason": f"whether it is red without: {why}"}),
        Call("run_pytest", {"select": list(tests), "on": "patch"}),
        Call("propose_patch", {"edits": list(whole), "reason": why}),
        Call("run_pytest", {"select": [], "on": "both"}),
    )
    return Trial(read_answer(answers[2]), read_tests(answers[3]), read_tests(answers[1]))
