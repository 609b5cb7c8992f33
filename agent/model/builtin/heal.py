"""The order of a heal by rules: whether to try at all, then one candidate after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import libcst as cst

from agent.model.builtin.conclude import HIDES, NAME, Tried, fixed, unfixed
from agent.model.builtin.desk import Absent, Desk
from agent.model.builtin.edits import NotWritable, edits_between, new_file, restored
from agent.model.builtin.incident import Incident, Trouble
from agent.model.builtin.judged import Judged, read_answer, read_tests
from agent.model.builtin.repairs import LAST_RESORTS, REPAIRS, speaks
from agent.model.builtin.scene import Candidate, Draft, Repair, Scene
from agent.model.builtin.talk import Asking, Said
from agent.model.builtin.trial import Options, Trial, options, tried

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

    `unproven` says why no replay can tell, once one could not. Without `history` nothing is looked up in it.
    """

    incident: Incident
    desk: Desk = field(default_factory=Desk)
    tried: list[Tried] = field(default_factory=list)
    history: bool = True
    unproven: str = ""

    @property
    def told(self) -> str:
        """Why nothing was proven."""
        count = len(self.tried)
        if not count:
            return "no rule has a repair for this crash"
        told = f"{count} repair{'s' * (count != 1)} tried, none proven"
        return f"{told}: {self.unproven}" if self.unproven else told

    def explore(
        self, trouble: Trouble, draft: Draft, so_far: tuple[Tried, ...], tests: tuple[Options, ...] = ()
    ) -> Asking[None]:
        """Try every candidate for one crash; returns where none is left or the bound is reached.

        `tests` are those of the repairs that are in the draft.
        """
        candidates = yield from self.candidates(REPAIRS, trouble, draft)
        yield from self.tries(candidates, trouble, draft, so_far, tests)
        if not so_far and not self.unproven:
            candidates = yield from self.candidates(LAST_RESORTS, trouble, draft)
            yield from self.tries(candidates, trouble, draft, so_far, tests)

    def tries(
        self, candidates: Sequence[Candidate], trouble: Trouble, draft: Draft,
        so_far: tuple[Tried, ...], tests: tuple[Options, ...],
    ) -> Asking[None]:  # fmt: skip
        """Propose one candidate after the other, and follow the crash that each uncovers."""
        for candidate in candidates:
            if len(self.tried) >= PROPOSALS:
                return
            if self.unproven and candidate.test is None:
                # Nothing but a test can show more: the likeliest repair stays the one that is proposed.
                continue
            whole = {**draft, **candidate.files}
            judged = yield from self.propose(candidate, whole)
            step = (*so_far, self.tried[-1])
            scene = Scene(self.incident, self.desk, trouble, draft, self.history)
            more = (*tests, (yield from options(scene, candidate)))
            if (yield from self.is_proven(candidate, whole, judged, more)):
                # Resumed where the proof ladder showed less: then the next candidate is tried.
                yield Said(fixed(self.incident, step))
            elif judged.replay in ("skipped", "none") and not judged.refused:
                self.unproven = judged.why
            elif judged.trouble is not None and len(step) < DEEPEST and self.is_new(judged.trouble, trouble):
                yield from self.explore(judged.trouble, whole, step, more)

    def is_proven(
        self, candidate: Candidate, whole: Draft, judged: Judged, tests: Sequence[Options]
    ) -> Asking[bool]:
        """Whether the replay or a test of its own shows the crash gone, and nothing is broken by it.

        Where the replay cannot tell, only a test that a rule wrote for its repair can. Tests that show
        nothing are taken out of the proposal again.
        """
        if not judged.passed:
            if judged.replay != "skipped" or candidate.test is None:
                return False
            tests = [Options((candidate.test,), tests[-1].error)]
        waiting = [one for one in map(self.fresh, tests) if one.tests]
        if not waiting:
            seen = read_tests((yield from self.desk.test([], "both")))
            return judged.passed and not seen.breaks and not candidate.tested
        return (yield from self.is_shown(candidate, whole, judged, waiting))

    def is_shown(
        self, candidate: Candidate, whole: Draft, judged: Judged, waiting: list[Options]
    ) -> Asking[bool]:
        """Try the tests that wait, one of each repair at a time; those that show stay."""
        shown: dict[str, str] = {}
        errors = frozenset(one.error for one in waiting)
        while waiting:
            trying = dict(one.tests[0] for one in waiting)
            trial = yield from self.trial(candidate, whole, {**shown, **trying})
            new = {path: text for path, text in trying.items() if trial.shows(path, errors)}
            shown |= new
            if len(new) == len(trying) and not trial.seen.breaks:
                return True
            waiting = [one.rest for one in waiting if one.tests[0][0] not in shown and one.rest.tests]
        last = yield from self.propose(candidate, {**whole, **shown})
        self.tried.pop()
        seen = read_tests((yield from self.desk.test([], "both")))
        if seen.breaks or (candidate.tested and not shown):
            return False
        return last.passed or (judged.replay == "skipped" and bool(shown))

    def trial(self, candidate: Candidate, whole: Draft, tests: Draft) -> Asking[Trial]:
        """What tests do without the repair and with it."""
        alone = [new_file(path, text) for path, text in tests.items()]
        edits = yield from self.edits({**whole, **tests}, candidate)
        return (yield from tried(tests, alone, edits, candidate.why))

    def fresh(self, tests: Options) -> Options:
        """The tests whose file the service does not have."""
        kept = tuple(one for one in tests.tests if one[0] not in self.incident.files)
        return replace(tests, tests=kept)

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
