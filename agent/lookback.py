"""The quick way back: the last commit at which the replay beats, and the change that brought the crash."""

from __future__ import annotations

from dataclasses import dataclass

from agent.case import Case
from sandbox.git import IDENTITY, git

BUDGET_S = 20.0


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit in a line; `incident` is that of our own branch which it merges or is, else None."""

    id: str
    subject: str
    parents: int
    incident: str | None

    @property
    def undone_by(self) -> str:
        """The command that takes the commit back."""
        return f"git revert {'-m 1 ' if self.parents > 1 else ''}{self.id[:12]}"


@dataclass(frozen=True, slots=True)
class LookBack:
    """What history says. `exact` is false where the budget ended before both were neighbours."""

    good: Commit | None
    bad: Commit | None
    exact: bool

    @property
    def told(self) -> str:
        """History in a sentence or two, with the command."""
        if self.good is None or self.bad is None:
            return "no earlier commit was seen to beat within the budget"
        since = "The crash came with" if self.exact else "The crash came at or before"
        ours = f", a change of ours (incident {self.bad.incident})" if self.bad.incident else ""
        way = f" Quick way back: `{self.bad.undone_by}`." if self.exact else ""
        return (
            f'{since} {self.bad.id[:12]} "{self.bad.subject}"{ours}; '
            f'the last commit that beats is {self.good.id[:12]} "{self.good.subject}".{way}'
        )


def look_back(case: Case, budget_s: float = BUDGET_S) -> LookBack | None:
    """Bisect by replay, within a budget in seconds; None where the crash was not reproduced."""
    replay = case.bench.replay
    if replay is None or replay.of(None).verdict != "reproduced":
        return None
    found = replay.bisect(budget_s)
    good, bad = (_commit(case, commit) if commit else None for commit in (found.good, found.bad))
    return LookBack(good, bad, found.exact)


def _commit(case: Case, commit: str) -> Commit:
    """Read a commit, and whether what it brought is one of our own branches."""
    git_dir = case.bench.gate.git_dir
    told = git(git_dir, "log", "-1", "--format=%s%n%P", commit).decode("utf-8", "replace")
    subject, parents = told.split("\n")[:2]
    span = f"{commit}^1..{commit}" if parents else commit
    trailer = "--format=%(trailers:key=Incident,valueonly)"
    ours = git(git_dir, "log", f"--author={IDENTITY[1]}", trailer, span).decode("utf-8", "replace").split()
    return Commit(commit, case.bench.redact(subject), len(parents.split()), next(iter(ours), None))
