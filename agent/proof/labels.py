"""What a reviewer must be told about a patch, in two words each, read from its syntax and not from words.

    workaround        a new broad `except`, an error that is swallowed, a default that hides missing data
    drops behaviour   an import, route, middleware, subscription, task, key or entry of data that the base
                      had is gone
    look at           what may be right and cannot be told from wrong here: something that gave way to
                      something else, a file that history has otherwise, a file that only tests import,
                      any other flag of the gate

The first are flags of the gate (`sandbox.signals`); what is served less is read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from agent.proof.losses import Loss, losses
from sandbox.git import blobs, git
from sandbox.patch import Patch
from sandbox.review import is_test
from tools.tool import Workbench

LabelName = Literal["workaround", "drops behaviour", "look at"]

WORKAROUNDS = {
    "broad-except": "a broad except",
    "swallows-error": "a swallowed error",
    "adds-default": "a default that hides missing data",
}


@dataclass(frozen=True, slots=True)
class Label:
    """One label with what it was read from."""

    name: LabelName
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


def labels_of(flags: Sequence[str], before: Mapping[str, str], after: Mapping[str, str]) -> tuple[Label, ...]:
    """The labels of a patch with the gate's `flags`.

    `before` and `after` map the changed files (tests left out) to their source on the base and with
    the patch; a file that is missing on one side is not in its map. What does not parse is the
    business of another rung and yields nothing.
    """
    return (
        *(Label("workaround", WORKAROUNDS[flag]) for flag in flags if flag in WORKAROUNDS),
        *_dropped(losses(before, after)),
        *(Label("look at", flag) for flag in flags if flag not in WORKAROUNDS),
    )


def _dropped(found: Sequence[Loss]) -> Iterator[Label]:
    for loss in found:
        if loss.replaced:
            yield Label("look at", f"{loss} gave way to something else")
        else:
            yield Label("drops behaviour", str(loss))


def labels_for(bench: Workbench, patch: Patch) -> tuple[str, ...]:
    """What a reviewer must be told about a patch, in words."""
    changed = [
        file for file in patch.files if file.path.endswith((".py", ".json")) and not is_test(file.path)
    ]
    before = {f.path: _source(bench, patch.base, f.path) for f in changed if f.kind != "added"}
    after = {f.path: _source(bench, patch.tree, f.path) for f in changed if f.kind != "deleted"}
    labels = (
        *labels_of(patch.flags, before, after),
        *_rewritten(bench, patch),
        *_used_by_tests(bench, patch),
    )
    return tuple(map(str, labels))


def _rewritten(bench: Workbench, patch: Patch) -> Iterator[Label]:
    """New files that history has with other contents: what was lost did not come back as it was."""
    for file in patch.files:
        last = bench.repository.last_commit_with(file.path) if file.kind == "added" else None
        if last is None:
            continue
        old, new = _source(bench, last, file.path), _source(bench, patch.tree, file.path)
        if old != new:
            yield Label(
                "look at", f"{file.path} is written anew, and history has it as it was in {last[:12]}"
            )
            yield from _dropped(losses({file.path: old}, {file.path: new}))


def _used_by_tests(bench: Workbench, patch: Patch) -> Iterator[Label]:
    """Changed files that only tests import: what they say of the tests may be worth less now."""
    changed = [f.path for f in patch.files if f.kind == "modified" and f.path.endswith(".py")]
    listing = bench.gate.listing(patch.base, (f"services/{patch.service}",))
    paths = [path for path in listing if path.endswith(".py")]
    sources = dict(zip(paths, blobs(bench.gate.git_dir, [listing[p].oid for p in paths]), strict=True))
    for path in (path for path in changed if not is_test(path)):
        if only_tests_import(path, sources):
            yield Label("look at", f"{path} is changed, and only tests import it")


def only_tests_import(path: str, sources: Mapping[str, bytes]) -> bool:
    """Whether files that import a module, by its plain name, are tests all, and there are some."""
    name = path.rpartition("/")[2].removesuffix(".py").encode()
    importing = re.compile(rb"^\s*(?:from|import)\b.*\b" + re.escape(name) + rb"\b", re.MULTILINE)
    users = [user for user, source in sources.items() if user != path and importing.search(source)]
    return bool(users) and all(map(is_test, users))


def _source(bench: Workbench, tree_ish: str, path: str) -> str:
    return git(bench.gate.git_dir, "cat-file", "blob", f"{tree_ish}:{path}").decode("utf-8", "replace")
