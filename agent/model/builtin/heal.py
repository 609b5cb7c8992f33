"""The order of a heal by rules: whether to try at all, then one candidate after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from agent.model.builtin.conclude import HIDES, NAME, Tried, fixed, unfixed
from agent.model.builtin.desk import Absent, Desk
from agent.model.builtin.edits import NotWritable, edits_between, new_file, restored
from agent.model.builtin.incident import Incident, Trouble
from agent.model.builtin.judged import Judged, fails_with, read_answer, read_tests
from agent.model.builtin.regression import Test, call_test
from agent.model.builtin.repairs import LAST_RESORTS, REPAIRS, speaks
from agent.model.builtin.scene import Candidate, Draft, Repair, Scene
from agent.model.builtin.talk import Asking, Said

PROPOSALS = 8
DEEPEST = 4
"""How many crashes in a row are followed: each repair may only uncover the next."""
NEEDED_TOOLS = frozenset({"read_file", "grep_services", "propose_patch", "run_pytest"})


def heal(incident: Incident, offered: frozenset[str], *, history: bool = True) -> Asking[None]:
    """The whole conversation. It never ends: the last answer is said again as often as it is asked for."""
    search = Search(incident, history=history)
    why_not = abstain(incident, offered)
    if why_not is None and incident.trouble is not None:
        yield from search.explore(incident.trouble, {}, ())
        why_not = f"{NAME}: {search.told}"
    while True:
        yield Said(unfixed(incident, why_not or "no crash is known", search.tried))


def abstain(incident: Incident, offered: frozenset[str]) -> str | None:
    """Why nothing is tried, or None."""
    if incident.verdict == "not the service's own code":
        return f"it is not {incident.service}'s own code: {incident.why}"
    if "[explains the crash]" in incident.findings:
        return f"what {incident.service} depends on explains the crash: {incident.why}"
    if incident.trouble is None or not (incident.trouble.own(incident.service) or speaks(incident.trouble)):
        return f"{NAME}: the log shows no line of {incident.service}'s own code that crashed"
    if missing := NEEDED_TOOLS - offered:
        return f"{NAME}: nothing can be tried without {', '.join(sorted(missing))}"
    return None


@dataclass(slots=True)
class Search:
    """Candidates on top of candidates. `tried` is every proposal so far.

    `unproven` says why no replay can tell, once one could not; `red` which tests were seen to fail alone.
    Without `history` nothing is looked up in it.
    """

    incident: Incident
    desk: Desk = field(default_factory=Desk)
    tried: list[Tried] = field(default_factory=list)
    history: bool = True
    unproven: str = ""
    red: dict[str, bool] = field(default_factory=dict)

    @property
    def told(self) -> str:
        """Why nothing was proven."""
        count = len(self.tried)
        if not count:
            return "no rule has a repair for this crash"
        told = f"{count} repair{'s' * (count != 1)} tried, none proven"
        return f"{told}: {self.unproven}" if self.unproven else told

    def explore(self, trouble: Trouble, draft: Draft, so_far: tuple[Tried, ...]) -> Asking[None]:
        """Try every candidate for one crash; returns where none is left or the bound is reached."""
        candidates = yield from self.candidates(REPAIRS, trouble, draft)
        yield from self.tries(candidates, trouble, draft, so_far)
        if not so_far and not self.unproven:
            candidates = yield from self.candidates(LAST_RESORTS, trouble, draft)
            yield from self.tries(candidates, trouble, draft, so_far)

    def tries(
        self, candidates: Sequence[Candidate], trouble: Trouble, draft: Draft, so_far: tuple[Tried, ...]
    ) -> Asking[None]:
        """Propose one candidate after the other, and follow the crash that each uncovers."""
        for candidate in candidates:
            if len(self.tried) >= PROPOSALS:
                return
            if self.unproven and candidate.test is None:
                # Nothing but a test can show more: the likeliest repair stays the one that is proposed.
                continue
            test = yield from self.test_of(candidate, trouble, draft)
            whole = {**draft, **candidate.files, **test}
            judged = yield from self.propose(candidate, whole)
            step = (*so_far, self.tried[-1])
            if (yield from self.is_proven(candidate, whole, judged)):
                # Resumed where the proof ladder showed less: then the next candidate is tried.
                yield Said(fixed(self.incident, step))
            elif judged.replay in ("skipped", "none") and not judged.refused:
                self.unproven = judged.why
            elif judged.trouble is not None and len(step) < DEEPEST and self.is_new(judged.trouble, trouble):
                yield from self.explore(judged.trouble, whole, step)

    def test_of(self, candidate: Candidate, trouble: Trouble, draft: Draft) -> Asking[Draft]:
        """The new test of a candidate: its own, else one that calls what crashed; it fails without a repair.

        What is mended on top of another repair has none: the incident's commit does not come as far.
        """
        if draft:
            return {}
        path, text = candidate.test or (yield from self.derived(candidate, trouble)) or ("", "")
        if not path or path in self.incident.files:
            return {}
        if text not in self.red:
            answer = yield from self.desk.alone(path, [new_file(path, text)])
            self.red[text] = fails_with(answer, path, trouble.name)
        return {path: text} if self.red[text] else {}

    def derived(self, candidate: Candidate, trouble: Trouble) -> Asking[Test | None]:
        """The test that follows from the crash and what the candidate makes of the function."""
        spot = trouble.own(self.incident.service)
        before = (yield from self.desk.read(spot.path)) if spot else None
        if spot is None or not isinstance(before, str):
            return None
        return call_test(self.incident, trouble, before, candidate.files.get(spot.path, before))

    def is_proven(self, candidate: Candidate, whole: Draft, judged: Judged) -> Asking[bool]:
        """Whether the replay or a test of its own shows the crash gone, and nothing is broken by it.

        A test of its own that shows nothing is taken out of the proposal again.
        """
        new = [path for path in whole if "/tests/" in path]
        if not judged.passed and not (judged.replay == "skipped" and new and candidate.test):
            return False
        seen = read_tests((yield from self.desk.test([], "both")))
        shown = all(map(seen.passes, new))
        if seen.breaks or (not judged.passed and not shown):
            return False
        if new and not shown:
            judged = yield from self.propose(candidate, {p: t for p, t in whole.items() if p not in new})
            self.tried.pop()
            return judged.passed
        return True

    def is_new(self, seen: Trouble, before: Trouble) -> bool:
        """Whether a crash is another one, in the service's own code: one step on the way."""
        service = self.incident.service
        spot = seen.own(service)
        return spot is not None and seen.key(service)[:3] != before.key(service)[:3]

    def candidates(
        self, repairs: Sequence[Repair], trouble: Trouble, draft: Draft
    ) -> Asking[list[Candidate]]:
        """Every repair's candidates, the likeliest first, then the smallest."""
        scene = Scene(self.incident, self.desk, trouble, draft, self.history)
        found: list[Candidate] = []
        for repair in repairs:
            try:
                found += yield from repair(scene)
            except (cst.ParserSyntaxError, cst.CSTValidationError):
                # What it would have written is no Python: that repair has nothing to offer here.
                continue
        allowed = [
            one for one in found if not (one.hides and self.incident.down) and self.is_change(one, draft)
        ]
        return sorted(allowed, key=lambda one: (one.rank, sum(map(len, one.files.values()))))

    def is_change(self, candidate: Candidate, draft: Draft) -> bool:
        """Whether a candidate changes the service's own files, and changes them at all."""
        paths = (*candidate.files, *candidate.restores)
        own = all(path.startswith(self.incident.root) and "/tests/" not in path for path in paths)
        return own and (
            bool(candidate.restores) or any(draft.get(p) != t for p, t in candidate.files.items())
        )

    def propose(self, candidate: Candidate, whole: Draft) -> Asking[Judged]:
        """Propose a candidate with all that the patch has changed before: all edits again."""
        try:
            edits = yield from self.edits(whole, candidate)
        except NotWritable as error:
            judged = Judged("none", True, str(error))
        else:
            answer = yield from self.desk.propose(edits, candidate.why)
            judged = read_answer(answer)
        risk = candidate.risk or (HIDES if candidate.hides else "")
        self.tried.append(Tried(candidate.why, judged.why[:300], candidate.spot, risk))
        return judged

    def edits(self, draft: Draft, candidate: Candidate) -> Asking[list[dict[str, Any]]]:
        """Raises NotWritable."""
        made = [restored(path, commit) for path, commit in candidate.restores.items()]
        for path, text in draft.items():
            if "/tests/" in path:
                made.append(new_file(path, text))
                continue
            old = yield from self.desk.read(path)
            made += [new_file(path, text)] if isinstance(old, Absent) else edits_between(path, old, text)
        return made
