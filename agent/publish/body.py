"""The text of a pull request: what two minutes of distrust need, and nothing that must not leave."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agent.case import Case
from agent.diagnosis import Culprit, Diagnosis
from agent.limits import Spent
from agent.lookback import Commit, LookBack
from agent.model.spec import told_name
from agent.outward import Outward
from agent.proof import Proof
from agent.publish.address import Address
from agent.publish.changes import changes_of
from agent.publish.markdown import fenced, prose, sentence, span
from agent.result import FailedModel, told_answer
from agent.texts import fill_template
from sandbox.patch import Patch

CRASH_LINES = 60
CRASH_WIDTH = 400
END_OF_STORY = "<!-- autohealer end of story -->"
_FENCE = re.compile(r"^(`{3,})", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Proven:
    """A patch with its proof, and what a reader has to know about how it came to be.

    `asked` holds a pair (model asked, model that answered) for every such pair of the run; `answered_by` is
    the one whose patch this is, `failed` are the models that were to answer and did not.
    """

    case: Case
    patch: Patch
    proof: Proof
    diagnosis: Diagnosis
    history: LookBack | None
    asked: tuple[tuple[str, str], ...]
    spent: Spent
    run: int
    answered_by: str | None = None
    failed: tuple[FailedModel, ...] = ()


def body_of(proven: Proven, head: str, fingerprint: str, address: Address | None, clean: Outward) -> str:
    """The body, whole. `head` is the branch's name, `address` says where evidence can link to."""
    writer = _Writer(proven, address, clean)
    return clean(
        fill_template(
            "pull_request.md",
            marker=marker(fingerprint, proven.case.incident.id, proven.run),
            head=head,
            **writer.story(),
            **writer.proof(),
            **writer.record(),
        )
    )


def marker(fingerprint: str, incident: str, run: int) -> str:
    """The hidden first line, by which a later run finds the pull request of the same fault."""
    return f"<!-- autohealer fingerprint={fingerprint} incident={incident} run={run} -->"


def fit(body: str, limit: int, incident: str) -> str:
    """The body in at most `limit` UTF-8 bytes: the story's end is cut, and where all of it is, is told."""
    if len(body.encode()) <= limit:
        return body
    story, end, rest = body.rpartition(END_OF_STORY)
    pointer = f"\n\n**Cut here: this forge takes no more.** All of it: `autohealer show {incident}`.\n"
    room = limit - len((pointer + end + rest).encode()) - 100
    kept = story.encode()[: max(0, room)].decode("utf-8", "ignore")
    kept = kept[: kept.rfind("\n") + 1]
    open_fence = ""
    for fence in _FENCE.findall(kept):
        open_fence = "" if fence == open_fence else open_fence or fence
    closing = f"{open_fence}\n" if open_fence else ""
    return f"{kept}{closing}{pointer}{end}{rest}".encode()[:limit].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class _Writer:
    proven: Proven
    address: Address | None
    clean: Outward

    def story(self) -> dict[str, object]:
        """What happened and why, the change, the crash."""
        case, diagnosis = self.proven.case, self.proven.diagnosis
        detected = case.incident.detected_at
        final = case.crash.final if case.crash else None
        error = f"{final.name}: {final.message}" if final else "its log shows no exception"
        return {
            "service": case.incident.service,
            "error": self.line(error, 200),
            "headline": self.line(diagnosis.root_cause.split(". ")[0].strip().rstrip("."), 300),
            "incident": span(case.incident.id),
            "detected": f"{detected:%Y-%m-%d %H:%M:%S} UTC" if detected else "",
            "commit": self.commit(case.incident.commit),
            "confidence": f"{diagnosis.confidence:.0%} ({diagnosis.category})",
            "root_cause": prose(self.clean(diagnosis.root_cause), self.link),
            "culprit": self.culprit(diagnosis.culprit) if diagnosis.culprit else "",
            "evidence": [self.line(entry, 1000) for entry in diagnosis.evidence],
            "changes": changes_of(self.proven.patch, self.proven.proof, self.clean),
            "crash": fenced(self.clean(self.crash()), "text"),
        }

    def proof(self) -> dict[str, object]:
        """The ladder and what a reviewer must be told."""
        proof, diagnosis = self.proven.proof, self.proven.diagnosis
        shown = [rung.name for rung in proof.rungs if rung.state == "shown"]
        rungs = [
            {"name": rung.name, "state": rung.state, "detail": self.line(rung.detail, 600)}
            for rung in proof.rungs
        ]
        return {
            "proof_line": f"{len(shown)} of {len(rungs)} rungs: {', '.join(shown)}",
            "not_shown": [rung.name for rung in proof.rungs if rung.state != "shown"],
            "rungs": rungs,
            "labels": [self.line(label, 200) for label in proof.labels],
            "risk": prose(self.clean(diagnosis.risk or "The diagnosis names none."), self.link),
            "last_good": self.last_good(),
        }

    def record(self) -> dict[str, object]:
        """What it cost, who answered, and how to see it again."""
        asked = [(told_name(model), told_name(served)) for model, served in self.proven.asked]
        told = [f"{model} (answered as {served})" if served != model else model for model, served in asked]
        answered = told_answer(self.proven.answered_by, self.proven.failed)
        return {
            "incident_id": self.proven.case.incident.id,
            "run": self.proven.run,
            "answered": self.line(answered, 600) if asked else "",
            "models": sentence("; ".join(told)) or "none was asked",
            "assisted_by": sentence("; ".join(dict.fromkeys(served for _, served in asked))) or "no model",
            "cost": told_spent(self.proven.spent),
        }

    def link(self, path: str, line: int | None) -> str | None:
        """The page of a file as it was when the service died."""
        if self.address is None or not self.proven.case.bench.repository.exists(path):
            return None
        return self.address.file_url(self.proven.case.incident.commit, path, line)

    def line(self, text: str, longest: int) -> str:
        flat = " ".join(self.clean(text).split())
        return sentence(flat if len(flat) <= longest else f"{flat[: longest - 1]}…", self.link)

    def commit(self, commit: str) -> str:
        shown = span(commit[:12])
        return f"[{shown}]({self.address.commit_url(commit)})" if self.address else shown

    def culprit(self, culprit: Culprit) -> str:
        place = f"{culprit.file}:{culprit.line}" if culprit.line else culprit.file
        function = f" in {span(culprit.function)}" if culprit.function else ""
        return self.line(place, 300) + function

    def crash(self) -> str:
        """The end of the crash's log text, with the frames' paths as they are in the repository."""
        crash = self.proven.case.crash
        if crash is None:
            return "(the log shows no crash)"
        text = crash.text
        for error in crash.errors:
            for frame in error.frames:
                if frame.repo_path:
                    text = text.replace(f'"{frame.path}"', f'"{frame.repo_path}"')
        lines = [line[:CRASH_WIDTH] for line in text.strip("\n").splitlines()]
        if len(lines) > CRASH_LINES:
            half = CRASH_LINES // 2
            lines = [*lines[:half], f"[... {len(lines) - 2 * half} lines left out]", *lines[-half:]]
        return "\n".join(lines)

    def last_good(self) -> str:
        history = self.proven.history
        if history is None or history.good is None:
            return "not known"
        told = self.named(history.good)
        if history.bad is None:
            return told
        ours = f", a change of AutoHealer's for {span(history.bad.incident)}" if history.bad.incident else ""
        first = "the crash came with" if history.exact else "the crash came at or before"
        way = f" Quick way back without this patch: {span(history.bad.undone_by)}." if history.exact else ""
        return f"{told}; {first} {self.named(history.bad)}{ours}.{way}"

    def named(self, commit: Commit) -> str:
        return f"{self.commit(commit.id)} ({self.line(commit.subject, 100)})"


def told_spent(spent: Spent) -> str:
    """Money, requests and tokens in a line."""
    if not spent.steps:
        return "nothing"
    money = "price unknown" if spent.unpriced_calls else f"${spent.cost_usd:.4f}"
    return (
        f"{money}, {spent.steps} requests, {spent.input_tokens} input tokens ({spent.cached_tokens} cached), "
        f"{spent.output_tokens} output tokens, {spent.seconds:.0f} s"
    )
