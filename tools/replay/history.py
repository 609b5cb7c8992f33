"""Which change brought a crash: by the same boot, over the commits that touched what the service runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.git import git
from sandbox.worktree import PrivateRepository
from tools.replay.verdict import Verdict

MOST_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Bisected:
    """What bisection found, as commit ids: `good` is the last that beats, `bad` the first that crashes.

    Either is None where none was seen within the budget; `exact` says that nothing lies between.
    """

    good: str | None
    bad: str | None
    exact: bool


def changes(repo: PrivateRepository, commit: str, service: str) -> list[str]:
    """The commits, newest first, after each of which the service ran something else than before."""
    told = git(
        repo.located.git_dir,
        *("log", "--first-parent", "--format=%H", f"--max-count={MOST_CHANGES}", repo.resolve(commit)),
        *("--", f"services/{service}", "shared", "truth"),
    )
    return told.decode().split()


def bisect(observe: Callable[[str], Verdict], commits: Sequence[str], budget_s: float) -> Bisected:
    """Find where `commits` (newest first, the newest crashing) stop to crash, within `budget_s` seconds.

    Steps back 1, 2, 4, ... until one beats, then halves what lies between.
    """
    deadline = time.monotonic() + budget_s
    crashing, beating, step = 0, None, 1
    while beating is None and crashing + 1 < len(commits) and time.monotonic() < deadline:
        at = min(crashing + step, len(commits) - 1)
        if observe(commits[at]) == "beats":
            beating = at
        else:
            crashing, step = at, step * 2
    while beating is not None and beating - crashing > 1 and time.monotonic() < deadline:
        middle = (beating + crashing) // 2
        if observe(commits[middle]) == "beats":
            beating = middle
        else:
            crashing = middle
    good = commits[beating] if beating is not None else None
    bad = commits[crashing] if commits and beating is not None else None
    return Bisected(good, bad, beating is not None and beating - crashing == 1)
