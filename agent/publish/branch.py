"""The branch: made from the validated tree, in the target, once, and only with a proof."""

from __future__ import annotations

import re
import textwrap

from agent.case import Case
from agent.diagnosis import Diagnosis
from agent.events import BranchIntended, BranchMade, Emit
from agent.outward import Outward
from agent.proof import Proof
from agent.publish.markdown import plain
from agent.texts import fill_template
from sandbox.branch import create_branch, next_free_ref
from sandbox.git import git
from sandbox.patch import Patch
from sandbox.scope import Refused

TITLE = 60


def branch_name(service: str, incident: str) -> str:
    """The ref that a run on this incident would like to make."""
    return f"refs/heads/autoheal/{service}/{incident}"


def free_branch(case: Case) -> str:
    """The ref that this run makes: the wished one, or the next that the target does not have."""
    return next_free_ref(case.bench.gate, branch_name(case.incident.service, case.incident.id))


def standing(case: Case, patch: Patch) -> tuple[str, str] | None:
    """A branch of this incident that holds this very patch, as ref and commit: it is not made twice."""
    wished = branch_name(case.incident.service, case.incident.id)
    form = "--format=%(refname) %(objectname) %(tree) %(parent)"
    told = git(case.bench.gate.located.common_dir, "for-each-ref", form, wished.rpartition("/")[0] + "/")
    for line in told.decode("utf-8", "surrogateescape").splitlines():
        ref, commit, *rest = line.split(" ")
        if rest == [patch.tree, patch.base] and re.fullmatch(re.escape(wished) + r"(-\d+)?", ref):
            return ref, commit
    return None


def publish_branch(
    case: Case,
    patch: Patch,
    proof: Proof,
    diagnosis: Diagnosis,
    model: str,
    emit: Emit,
    *,
    ref: str | None = None,
) -> tuple[str, str]:
    """Make the branch; returns its name without `refs/heads/` and its commit.

    Raises:
        Refused: there is no proof, a secret would leave, or the ref was taken meanwhile.
    """
    if not proof.proven:
        raise Refused("no-proof", f"a branch needs a proof: {proof.why_not}")
    message = commit_message(case, proof, diagnosis, model)
    leaked = case.bench.redact.find(f"{message}\n{patch.diff}")
    if leaked:
        raise Refused(
            "secret", f"the branch would hold a secret ({', '.join(leaked)}); nothing was published"
        )
    ref = ref or free_branch(case)
    emit(BranchIntended(ref, patch.base, patch.tree))
    commit = create_branch(case.bench.gate, patch, ref=ref, message=message)
    emit(BranchMade(ref, commit))
    return ref.removeprefix("refs/heads/"), commit


def outward(case: Case) -> Outward:
    """What makes a text of this case fit to leave the machine."""
    return Outward(case.bench.redact, (case.target, case.bench.gate.state))


def commit_message(case: Case, proof: Proof, diagnosis: Diagnosis, model: str) -> str:
    """The branch's commit message: title, cause, proof, trailers; nobody is called, no issue closed by it."""
    clean = outward(case)
    cause = plain(clean(diagnosis.root_cause))
    change = plain(clean(case.bench.reason))
    rungs = [
        {"name": rung.name, "state": rung.state, "detail": " ".join(plain(clean(rung.detail)).split())}
        for rung in proof.rungs
    ]
    return fill_template(
        "commit.txt",
        service=case.incident.service,
        title=title(change) or title(cause),
        root_cause=textwrap.fill(cause, 100),
        proof={"rungs": rungs, "labels": [plain(clean(label)) for label in proof.labels]},
        incident=case.incident.id,
        risk=textwrap.fill(f"Risk: {plain(clean(diagnosis.risk))}", 100) if diagnosis.risk else "",
        model=" ".join(plain(model).split()),
    )


def title(told: str) -> str:
    """The first sentence of what was changed or of the cause, short enough for a commit's first line.

    A name keeps its case: `TypeError` and `DayMoveRule` are no words that begin a sentence.
    """
    first = " ".join(told.split()).split(". ")[0].rstrip(".")
    word = re.match(r"[A-Z][a-z]*(?=[ ,;]|$)", first)
    line = first[:1].lower() + first[1:] if word else first
    if len(line) <= TITLE:
        return line
    words = line[: TITLE - 2].rpartition(" ")[0] or line[: TITLE - 3]
    return f"{words.rstrip(' ,;:(')}..."
