"""The replay of one incident: its world booted on the base, on patches and on older commits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from sandbox.boot import Awaited, BootReport, Waits, World, boot, conditions
from sandbox.git import GitError
from sandbox.isolation import Isolation
from sandbox.kept import Kept
from sandbox.node import SCRIPTS
from sandbox.patch import Patch
from sandbox.tree import Listing
from sandbox.worktree import PrivateRepository, WorktreeError
from tools.incident import IncidentError, IncidentFolder
from tools.logs import Crash, map_frames
from tools.replay.culprit import Place, functions_in
from tools.replay.history import Bisected, bisect, changes
from tools.replay.known import KnownBoot
from tools.replay.outside import outside_cause, upstream_cause
from tools.replay.packages import with_packages
from tools.replay.site import Site
from tools.replay.stage import Staged, staged
from tools.replay.told import told
from tools.replay.verdict import Judged, Verdict, judge, place_of, stack_of
from tools.replay.world import make_world
from tools.tool import REPLAY
from tools.truth import Truth, TruthError

HISTORY_S = 60.0
PATIENCE_S = 4.0
"""How long a second look waits for what the first did not see: several times what a boot serves for."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replay. `observed` is what the boot showed; `verdict` is what may be said of it.

    They differ where a boot that beats says nothing, since the base beats as well. `crash` is
    what was seen to crash, `text` what a model is told: the same for the same observations.
    `tree` is what was booted, by the id of a tree or of its commit.
    """

    tree: str
    verdict: Verdict
    why: str
    crash: Crash | None
    report: BootReport
    text: str
    observed: Verdict


@dataclass(slots=True)
class Replay:
    """Boots the captured world of `folder` with any tree of the repository.

    `commit` is the incident's; `crash` the crash in its log, None where it shows none. Each tree
    is booted once; ask `again` for another try.
    """

    repo: PrivateRepository
    isolation: Isolation
    python: Path
    folder: IncidentFolder
    service: str
    commit: str
    crash: Crash | None
    waits: Waits = field(default_factory=Waits)
    _seen: dict[str, Replayed] = field(default_factory=dict, init=False, repr=False)
    _commits: set[str] = field(default_factory=set, init=False, repr=False)
    _site: Site | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        paths = self.repo.listing(self.repo.resolve(self.commit))
        if self.crash is not None:
            self.crash = map_frames(self.crash, paths.__contains__)
            self._site = Site(self.repo, self.commit, self.crash, self.service)

    def of(self, patch: Patch | None) -> Replayed:
        """Replay a patch, or the base commit for None."""
        base = self.at(self.commit)
        if base.observed == "beats" and self.crash is not None:
            base = self._unclear(base, f"the base beats here, so {self._lacking(base.report)}")
        if patch is None or base.report.problem is not None:
            return base
        patched = self._boot(patch.tree)
        if patched.verdict != "beats":
            return patched
        if base.verdict == "unclear":
            return self._unclear(patched, f"it beats, which says nothing: {base.why}")
        return replace(patched, text="\n".join([patched.text, *(f"but {why}" for why in self.doubts(patch))]))

    def at(self, commit: str) -> Replayed:
        """Replay another commit; its verdict is what was observed."""
        self._commits.add(found := self.repo.resolve(commit))
        return self._boot(found)

    def again(self, patch: Patch | None, awaited: Awaited = Awaited()) -> Replayed:
        """Replay a patch once more, with more patience for what is `awaited`."""
        tree = self.repo.resolve(self.commit) if patch is None else patch.tree
        self._commits.discard(tree)
        self._seen[tree] = self._booted(tree, replace(self.waits, patience_s=PATIENCE_S), awaited)
        return self.of(patch)

    def once_more(self, replayed: Replayed) -> Replayed:
        """Boot the tree of an earlier replay again; what is remembered of it stays."""
        self._commits.discard(replayed.tree)
        return self._booted(replayed.tree, self.waits, Awaited())

    def last_good(self, steps: int) -> Replayed | None:
        """The newest commit that beats, among the `steps` changes before the incident's."""
        for commit in changes(self.repo, self.commit, self.service)[1 : 1 + steps]:
            replayed = self.at(commit)
            if replayed.observed == "beats":
                return replayed
        return None

    def bisect(self, budget_s: float = HISTORY_S) -> Bisected:
        """The last commit that beats and the first that crashes, within a budget in seconds."""
        commits = changes(self.repo, self.commit, self.service)
        return bisect(lambda commit: self.at(commit).observed, commits, budget_s)

    def doubts(self, patch: Patch) -> list[str]:
        """Why a patch that beats does not show that the crash is gone: what crashed did not run on."""
        return self._site.doubts(patch.tree, *self._reports(patch)) if self._site else []

    def escapes(self, patch: Patch) -> list[str]:
        """What is still raised as in the incident with a patch that beats, a sentence each."""
        return self._site.escapes(patch.tree, *self._reports(patch)) if self._site else []

    def overlooked(self, patch: Patch) -> list[str]:
        """What a boot that beats does not show of what crashed, a sentence each."""
        base = self.at(self.commit)
        return (
            self._site.overlooked(patch.tree, *self._reports(patch), lambda: self.once_more(base).report)
            if self._site
            else []
        )

    def _reports(self, patch: Patch) -> tuple[BootReport, BootReport]:
        return self._boot(patch.tree).report, self._boot(self.repo.resolve(self.commit)).report

    @property
    def _place(self) -> Place | None:
        return place_of(self.crash, self.service) if self.crash else None

    def _boot(self, tree: str) -> Replayed:
        if tree not in self._seen:
            self._seen[tree] = self._booted(tree, self.waits, Awaited())
        return self._seen[tree]

    def _booted(self, tree: str, waits: Waits, awaited: Awaited) -> Replayed:
        try:
            with staged(self.repo, tree, self.service) as stage:
                judged, report = self._run(tree, stage, waits, awaited)
        except (GitError, TruthError, WorktreeError, IncidentError, ValidationError) as error:
            judged, report = Judged("unclear", str(error)), BootReport(problem=str(error))
        text = told(REPLAY, judged, report)
        return Replayed(tree, judged.verdict, judged.why, judged.crash, report, text, judged.verdict)

    def _run(self, tree: str, stage: Staged, waits: Waits, awaited: Awaited) -> tuple[Judged, BootReport]:
        world = make_world(self.folder, self.service, stage.truth, stage.http_paths)
        if world.runtime == "node":
            world = with_packages(world, self.repo.target, stage.folder, stage.listing)
        outside = outside_cause(self.crash, self.service) if self.crash else None
        why = outside or _not_booted(world, stage.listing)
        if why is not None:
            return Judged("unclear", why), BootReport(problem=why)
        beside = (self._place[0], *self._rewritten(stage.listing)) if self._place else ()
        awaited = replace(awaited, functions=self._worth_waiting(stage.folder), files=beside)
        if self._site and self._site.culprit and (definition := self._site.culprit.definition):
            awaited = replace(awaited, culprit=definition.qualified)
        known = self._known(tree, world, waits, awaited)
        report = known.report or boot(
            self.isolation, self.python, stage.folder, world, waits=waits, awaited=awaited
        )
        judged = judge(report, self.crash, self.service, stage.listing.__contains__)
        judged = self._unless_upstream(judged, report, stage.truth)
        if self._tells(tree, judged):
            known.keep(report)
        return judged, report

    def _known(self, tree: str, world: World, waits: Waits, awaited: Awaited) -> KnownBoot:
        """What an earlier run saw of this commit in this world; a patch is booted each time."""
        if tree not in self._commits:
            return KnownBoot()
        kept = Kept(self.repo.state / "boots" / self.repo.name)
        return KnownBoot(kept, tree, conditions(self.isolation, self.python, world, waits, awaited))

    def _tells(self, tree: str, judged: Judged) -> bool:
        """Whether a boot is worth keeping: an incident's commit that did not crash may do so next time."""
        if tree == self.repo.resolve(self.commit):
            return judged.verdict == "reproduced"
        return judged.verdict != "unclear"

    def _rewritten(self, listing: Listing) -> list[str]:
        """The service's sources that the incident's commit has otherwise: what crashed may be in them."""
        base = self.repo.listing(self.repo.resolve(self.commit))
        own = (path for path in listing if path.startswith(f"services/{self.service}/"))
        sources = (path for path in own if path.endswith((".py", *SCRIPTS)))
        return sorted(path for path in sources if listing[path] != base.get(path))

    def _unless_upstream(self, judged: Judged, report: BootReport, truth: Truth) -> Judged:
        """A crash for want of data whose writer was down says nothing about the code."""
        if judged.verdict != "reproduced" or judged.crash is None:
            return judged
        why = upstream_cause(judged.crash, self.service, self.folder, truth, report.missing)
        return judged if why is None else Judged("unclear", why, judged.crash)

    def _lacking(self, report: BootReport) -> str:
        lacks = [f"the box lacks {what}" for what in sorted(report.lacking)]
        lacks += [] if self.folder.messages() else ["no messages of its channels were captured"]
        return "; ".join(["the captured world lacks what killed it", *lacks])

    def _worth_waiting(self, tree: Path) -> tuple[str, ...]:
        """The culprit function, as long as the tree has it: worth waiting for."""
        stack = stack_of(self.crash, self.service) if self.crash else []
        for path, function in stack[:1]:
            file = tree / path
            if file.is_file() and function in functions_in(path, file.read_bytes()):
                return (f"{path}:{function}",)
        return ()

    def _unclear(self, replayed: Replayed, why: str) -> Replayed:
        text = told(REPLAY, Judged("unclear", why), replayed.report)
        return replace(replayed, verdict="unclear", why=why, text=text)


def _not_booted(world: World, paths: object) -> str | None:
    if not world.entry_point.endswith((".py", *SCRIPTS)):
        return f"{world.entry_point} is neither Python nor JavaScript: only such services are booted"
    if world.entry_point not in paths:  # type: ignore[operator]
        return f"the tree has no {world.entry_point}"
    return None
