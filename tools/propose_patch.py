"""propose_patch: edits to the service, judged by the gate and tried by the replay."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from sandbox.git import GitError
from sandbox.parts import contents
from sandbox.patch import Edit, Patch, from_edits
from sandbox.scope import Refused
from sandbox.signals import compile_error
from sandbox.worktree import PrivateRepository, WorktreeError
from tools.tool import Tool, ToolError, Workbench

DIFF_CHARACTERS = 4_000
"""Characters of the diff in an answer; the model wrote it, so what matters is what follows it."""

_PLACEHOLDER = "[REDACTED:"
_NOTES = {
    "adds-default": "a made-up default hides missing data: say why it is right",
    "adds-dependency": "a package that is not installed cannot be proven, and an operator has to install it",
    "adds-skip": "a skipped test proves nothing",
    "broad-except": "a broad except is a workaround: catch what is raised, where it is raised",
    "changes-test": "the tests of the base commit are what is run, changed or not",
    "deletes-test": "a test that is gone does not pass",
    "does-not-parse": "the file has a syntax error, or needs a newer Python than AutoHealer's",
    "swallows-error": "a swallowed error is a workaround: it ends the crash and not its cause",
    "weakens-assertion": "a weaker assertion proves nothing",
}


class EditArgument(BaseModel):
    """One change of one file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: str = Field(description="path from the root of the repository, below services/<service>/")
    search: str | None = Field(
        description="lines to replace, exactly as in the file and only once in it; null for a new file"
    )
    replace: str | None = Field(description="what stands there instead, or the content of the new file")
    restore: str | None = Field(
        description="id of an earlier commit: the file becomes what it was there; null otherwise"
    )
    delete: bool | None = Field(description="true to delete the file; null otherwise")


class ProposePatch(Tool):
    """Propose a patch of the crashed service: the whole change, since it replaces the last proposal.

    Edits apply, in their order, to the incident's commit. Only files of the service can change. Answers
    with the diff, whether it compiles, what a reviewer will look at, and whether the service
    starts with it.
    """

    name: ClassVar[str] = "propose_patch"

    edits: list[EditArgument] = Field(description="the changes; several may change one file")
    reason: str = Field(description="why this ends the crash at its cause, in one or two sentences")

    def run(self, bench: Workbench) -> str:
        """Judge the edits; an accepted patch is on the bench from then on.

        Raises:
            ToolError: the gate refuses them, by the rule that is named.
        """
        patch = self._judged(bench)
        bench.patch, bench.reason = patch, self.reason
        parts = [_verdict(patch), _compiled(bench.gate, patch), *_notes(patch), _shown(patch.diff)]
        if bench.replay is not None:
            parts.append(bench.replay.of(patch).text)
        return "\n".join(part for part in parts if part)

    def _judged(self, bench: Workbench) -> Patch:
        if any(_PLACEHOLDER in (edit.replace or "") for edit in self.edits):
            raise ToolError(
                f"An edit would write {_PLACEHOLDER}...] into a file: that stands for a secret that you are "
                "not shown. Choose search and replace texts that leave it out."
            )
        edits = [
            Edit(
                path=edit.path,
                search=edit.search or "",
                replace=edit.replace or "",
                restore=edit.restore or None,
                delete=bool(edit.delete),
            )
            for edit in self.edits
        ]
        commit = bench.repository.commit
        try:
            return from_edits(bench.gate, commit, bench.service, edits, find_secrets=bench.redact.find)
        except Refused as refusal:
            kept = " The last accepted proposal still stands." if bench.patch else ""
            raise ToolError(f"Refused by {refusal.rule}: {refusal.message}{kept}") from refusal
        except (GitError, WorktreeError) as error:
            raise ToolError(f"The gate cannot work: {error}") from error


def _verdict(patch: Patch) -> str:
    files = [f"  {file.kind} {file.path} (+{file.added} -{file.removed})" for file in patch.files]
    return "\n".join([f"In scope: every change is below services/{patch.service}/.", *files])


def _compiled(repo: PrivateRepository, patch: Patch) -> str:
    sources = {path: source for path, source in contents(repo, patch).items() if path.endswith(".py")}
    errors = [error for path, source in sources.items() if (error := compile_error(path, source))]
    if errors:
        return "\n".join(["Does NOT compile:", *(f"  {error}" for error in errors)])
    return f"Compiles: {len(sources)} Python file{'' if len(sources) == 1 else 's'}." if sources else ""


def _notes(patch: Patch) -> list[str]:
    return [f"For the reviewer: {flag}{_note(flag)}" for flag in patch.flags]


def _note(flag: str) -> str:
    return f" ({_NOTES[flag]})" if flag in _NOTES else ""


def _shown(diff: str) -> str:
    if len(diff) <= DIFF_CHARACTERS:
        return diff.rstrip("\n")
    cut = diff[:DIFF_CHARACTERS].rsplit("\n", 1)[0]
    return f"{cut}\n[{diff.count(chr(10), len(cut))} more lines of the diff: it is what you proposed]"
