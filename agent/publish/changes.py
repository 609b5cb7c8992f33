"""A patch hunk by hunk, for a reader: where, why, and the lines themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unidiff import Hunk, PatchedFile, PatchSet
from unidiff.errors import UnidiffParseError

from agent.proof import Proof
from agent.publish.markdown import fenced, sentence, span
from sandbox.patch import Patch
from sandbox.review import is_test

Clean = Callable[[str], str]

_HUNK = re.compile(r"\bhunk (\d+)\b")


@dataclass(frozen=True, slots=True)
class Change:
    """One hunk, or one whole file that was added or taken away. All texts are Markdown."""

    title: str
    why: str
    diff: str


def changes_of(patch: Patch, proof: Proof, clean: Clean) -> list[Change]:
    """The hunks in the order of the diff, numbered as the proof numbers them; tests come last.

    unidiff is for display only: what the patch may touch was judged on trees.
    """
    try:
        files = list(PatchSet(patch.diff))
    except UnidiffParseError:
        return [Change("the patch", "", fenced(clean(patch.diff), "diff"))]
    needed = _Needed(proof)
    changes, number = [], 0
    for file in (file for file in files if not is_test(file.path)):
        for section, text in _parts(file):
            number += 1
            title = f"{number}. {span(file.path)} {_count(file, text)}{section}"
            changes.append(Change(title, needed.told(number), fenced(clean(text), "diff")))
    for file in (file for file in files if is_test(file.path)):
        why = f"{'A new test' if file.is_added_file else 'A changed test'}: {_test_told(proof, file.path)}"
        text = "".join(map(str, file))
        changes.append(Change(f"{span(file.path)} {_count(file, text)}", why, fenced(clean(text), "diff")))
    return changes


class _Needed:
    """What the proof says about single hunks; they are counted outside of tests, from 1."""

    def __init__(self, proof: Proof) -> None:
        rung = next(rung for rung in proof.rungs if rung.name == "needed")
        self._state = rung.state
        self._idle = (
            {int(found) for found in _HUNK.findall(rung.detail)} if rung.state == "not shown" else set()
        )

    def told(self, number: int) -> str:
        if self._state == "shown":
            return "Needed: without it the crash or the failing test is back."
        if number in self._idle:
            return "**Not shown to be needed**: without it the proof still holds."
        if self._idle:
            return "Needed: without it the proof does not hold."
        return "Whether it is needed was not shown."


def _parts(file: PatchedFile) -> Iterator[tuple[str, str]]:
    """Section header and text of each hunk; a file without hunks counts as one."""
    hunks: list[Hunk] = list(file)
    if not hunks:
        yield "", str(file)
    for hunk in hunks:
        yield (f", in {span(section)}" if (section := hunk.section_header.rstrip(": ")) else ""), str(hunk)


def _count(file: PatchedFile, text: str) -> str:
    if file.is_added_file:
        return f"(new, +{file.added})"
    if file.is_removed_file:
        return f"(deleted, −{file.removed})"
    lines = text.splitlines()
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    return f"(+{added} −{removed})"


def _test_told(proof: Proof, path: str) -> str:
    rung = next(rung for rung in proof.rungs if rung.name == "regression test")
    if rung.state == "shown" and path in rung.detail:
        return f"{sentence(rung.detail)}."
    return "it is not what the proof rests on."
