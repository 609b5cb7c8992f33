"""The labels of a patch, put together.

    workaround        a new broad `except`, an error that is swallowed, a default that hides missing data
    drops behaviour   an import, route, middleware, subscription, task, key, call or entry of data that the
                      base had is gone
    look at           what may be right and cannot be told from wrong here: something that gave way to
                      something else, other data that stands in, a file that history has otherwise, a file
                      that only tests import, any other flag of the gate

The gate's flags (`sandbox.signals`) are told to the model as well; what is read here is for reviewers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from agent.proof.labels.conditions import conditioned
from agent.proof.labels.data import SUFFIXES
from agent.proof.labels.drops import losses, lost_data
from agent.proof.labels.scripts import SCRIPT, script_finds
from agent.proof.labels.sources import Trees, trees, unread
from agent.proof.labels.stand_ins import others_instead, stand_ins
from agent.proof.labels.swallowed import swallows
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

SOMETIMES = "an error that is taken, and raised again only under a condition"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Label:
    """One label with what it was read from."""

    name: LabelName
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


def labels_of(
    flags: Sequence[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    earlier: Mapping[str, str] = _NOTHING,
) -> tuple[Label, ...]:
    """The labels of a patch with the gate's `flags`.

    `before` and `after` map the changed files (tests left out) to their source on the base and with
    the patch; a file that is missing on one side is not in its map. What does not parse is the
    business of another rung and yields nothing. What history has, as `earlier`, hides nothing new.
    """
    old, new, known = trees(before), trees(after), trees({**before, **earlier})
    found = (
        *(Label("workaround", WORKAROUNDS[flag]) for flag in flags if flag in WORKAROUNDS),
        *_hidden(known, new),
        *(Label("look at", f"{path} is nested too deeply to be read") for path in unread(after, new)),
        *_in_scripts({**before, **earlier}, after),
        *_dropped(old, new),
        *(Label("drops behaviour", str(loss)) for loss in lost_data(before, after)),
        *(Label("look at", flag) for flag in flags if flag not in WORKAROUNDS),
    )
    return tuple(dict.fromkeys(found))


def _hidden(old: Trees, new: Trees) -> Iterator[Label]:
    """What takes errors, or makes up data, whatever it is written as."""
    for taking in swallows(old, new):
        if not taking.sure:
            yield Label("look at", SOMETIMES)
            continue
        if taking.is_broad:
            yield Label("workaround", WORKAROUNDS["broad-except"])
        yield Label("workaround", WORKAROUNDS["swallows-error"])
    if stand_ins(old, new):
        yield Label("workaround", WORKAROUNDS["adds-default"])
    for find in others_instead(old, new):
        yield Label("look at", f"{find.shown} stands in for data that the base read plainly")
    for each in conditioned(old, new):
        yield Label("look at", f"{each.kind} {each.name} stands under a condition now")


def _in_scripts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Label]:
    for flag in script_finds(before, after):
        known = WORKAROUNDS.get(flag)
        yield Label("look at", SOMETIMES) if known is None else Label("workaround", known)


def _dropped(old: Trees, new: Trees) -> Iterator[Label]:
    for loss in losses(old, new):
        if loss.replaced:
            yield Label("look at", f"{loss} gave way to something else")
        else:
            yield Label("drops behaviour", str(loss))


def labels_for(bench: Workbench, patch: Patch) -> tuple[str, ...]:
    """What a reviewer must be told about a patch, in words."""
    changed = [file for file in patch.files if _is_read(file.path) and not is_test(file.path)]
    before = {f.path: _source(bench, patch.base, f.path) for f in changed if f.kind != "added"}
    after = {f.path: _source(bench, patch.tree, f.path) for f in changed if f.kind != "deleted"}
    labels = (
        *labels_of(patch.flags, before, after, _earlier(bench, patch, after)),
        *_rewritten(bench, patch),
        *_used_by_tests(bench, patch),
    )
    return tuple(dict.fromkeys(map(str, labels)))


def _is_read(path: str) -> bool:
    return path.endswith((".py", *SUFFIXES)) or SCRIPT.search(path) is not None


def _earlier(bench: Workbench, patch: Patch, after: Mapping[str, str]) -> dict[str, str]:
    """New files as history had them last, and changed ones that are back to what history has."""
    earlier = {}
    for file in patch.files:
        if file.path not in after:
            continue
        if file.kind == "added":
            last = bench.repository.last_commit_with(file.path)
            if last is not None:
                earlier[file.path] = _source(bench, last, file.path)
        elif _blob(bench, patch.tree, file.path) in _blobs_of(bench, patch.base, file.path):
            earlier[file.path] = after[file.path]
    return earlier


def _blob(bench: Workbench, tree: str, path: str) -> str:
    return git(bench.gate.git_dir, "rev-parse", f"{tree}:{path}").decode().strip()


def _blobs_of(bench: Workbench, commit: str, path: str) -> set[str]:
    """Ids of what a file was before each of its last changes."""
    told = git(bench.gate.git_dir, "log", "--raw", "--no-abbrev", "--format=", "-20", commit, "--", path)
    return {line.split()[2] for line in told.decode("utf-8", "replace").splitlines() if line.startswith(":")}


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
            yield from _dropped(trees({file.path: old}), trees({file.path: new}))


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
