"""The base moved while healing: the patch is made again on the new commit and proven there, or refused."""

from __future__ import annotations

from dataclasses import replace

from agent.case import Case, on_commit
from sandbox.parts import rebase
from sandbox.patch import Patch
from sandbox.scope import Refused
from tools.repository import Repository


def has_moved(case: Case) -> bool:
    """Whether the target's HEAD is another commit than when the incident was opened."""
    return Repository(case.target).commit != case.head


def carried_over(case: Case, patch: Patch) -> tuple[Case, Patch]:
    """The case and the patch on the target's new HEAD, still to be proven there.

    Raises:
        Refused: `base-moved`, where the new commit differs in a file that the patch changes.
    """
    head = Repository(case.target).commit
    moved = on_commit(case, head)
    patch = rebase(moved.bench.gate, patch, head)
    moved.bench.patch = patch
    return replace(moved, head=head), patch


def refusal(why_not: str) -> Refused:
    """What is said where the patch does not hold on the new commit."""
    return Refused(
        "base-moved", f"the checkout moved on while healing, and there the patch is not proven: {why_not}"
    )
