"""A patch hunk by hunk, for a reader: where, why, and the lines themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from unidiff import Hunk, PatchedFile, PatchSet
from unidiff.errors import UnidiffParseError

from agent.proof import IDLE, Proof
from agent.publish.markdown import fenced, sentence, span
from sandbox.patch import Patch
from sandbox.review import is_test

Clean = Callable[[str], str]

_PLACE = re.compile(r"(?<!\S)(services/[^,;]+?)(?::(\d+))?(?=[,;]|$)")


@dataclass(frozen=True, slots=True)
class Change:
    """One hunk, or one whole file that was added or taken away. All texts are Markdown."""

    title: str
    why: str
    diff: str


def changes_of(patch: Patch, proof: Proof, clean: Clean) -> list[Change]:
    """The hunks in the order of the diff; tests come last.

    unidiff is for display only: what the patch may touch was judged on trees.
    """
    try:
        files = list(PatchSet(patch.diff))
    except UnidiffParseError:
        return [Change("the patch", "", fenced(clean(patch.diff), "diff"))]
    needed = _Needed(proof)
    changes, number = [], 0
    for file in (file for file in files if not is_test(file.path)):
        for section, lines, text in _parts(file):
            number += 1
            title = f"{number}. {span(file.path)} {_count(file, text)}{section}"
            changes.append(Change(title, needed.told(file.path, lines), fenced(clean(text), "diff")))
    for file in (file for file in files if is_test(file.path)):
        why = f"{'A new test' if file.is_added_file else 'A changed test'}: {_test_told(proof, file.path)}"
        text = "".join(map(str, file))
        changes.append(Change(f"{span(file.path)} {_count(file, text)}", why, fenced(clean(text), "diff")))
    return changes


class _Needed:
    """What the proof says about single places of the patch's files, each as `path:line`, or a whole file."""

    def __init__(self, proof: Proof) -> None:
        rung = next(rung for rung in proof.rungs if rung.name == "needed")
        self._state, self._is_idle = rung.state, rung.detail.startswith(IDLE)
        self._places = _PLACE.findall(rung.detail)

    def told(self, path: str, lines: range) -> str:
        """What is said of the changes of a file within some lines."""
        named = [line for where, line in self._places if where == path and (not line or int(line) in lines)]
        if self._state == "shown":
            more = ", or it fails in another way" if named else ""
            return f"Needed: without it the crash or the failing test is back{more}."
        if not self._is_idle:
            return "Whether it is needed was not shown."
        if named:
            what = " and ".join(f"what begins in line {line}" for line in named if line) or "it"
            return f"**Not shown to be needed**: without {what} the proof still holds."
        return "Needed: without it the proof does not hold."


def _parts(file: PatchedFile) -> Iterator[tuple[str, range, str]]:
    """Section header, lines in the new file and text of each hunk; a file without hunks counts as one."""
    hunks: list[Hunk] = list(file)
    if not hunks:
        yield "", range(0), str(file)
    for hunk in hunks:
        lines = range(hunk.target_start, hunk.target_start + hunk.target_length + 1)
        section = f", in {span(header)}" if (header := hunk.section_header.rstrip(": ")) else ""
        yield section, lines, str(hunk)


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
