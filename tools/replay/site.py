"""Where an incident crashed, as its commit has it, and how that place fares in a boot with a patch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from sandbox.boot import BootReport
from sandbox.git import blobs
from sandbox.node import SCRIPTS
from sandbox.tree import Listing
from sandbox.worktree import PrivateRepository
from tools.logs import Crash
from tools.replay.culprit import (
    Culprit,
    Place,
    crashes_on,
    doubts,
    escapes,
    functions_in,
    never_through,
    overlooked,
    taken,
)
from tools.replay.definitions import definition_at, definitions
from tools.replay.verdict import place_of, stack_of


@dataclass(frozen=True)
class Site:
    """The place of one crash. `commit` is the incident's; the crash's frames are mapped to its paths."""

    repo: PrivateRepository
    commit: str
    crash: Crash
    service: str

    @cached_property
    def culprit(self) -> Culprit | None:
        """The function that crashed; None where none of the service's is known."""
        place, frame = place_of(self.crash, self.service), self.crash.culprit(self.service)
        if place is None or frame is None:
            return None
        source = self._source(self._base, place[0])
        return Culprit(place, definition_at(place[0], source, frame.line, place[1]))

    def doubts(self, tree: str, report: BootReport, base: BootReport) -> list[str]:
        """Why the boot of a tree that beats does not show that what crashed ran on."""
        listing, culprit = self.repo.listing(tree), self.culprit

        def defined(place: Place) -> bool:
            source = self._source(listing, place[0])
            if culprit and culprit.definition and place == culprit.place:
                return culprit.definition.qualified in _names(place[0], source)
            return place[1] in functions_in(place[0], source)

        if culprit and (why := never_through(report, base, culprit)):
            return why
        if culprit and (still := crashes_on(report, base, self.crash, culprit)):
            return still
        return doubts(report, stack_of(self.crash, self.service), defined, culprit)

    def escapes(self, tree: str, report: BootReport, base: BootReport) -> list[str]:
        """What is still raised as in the incident, a sentence each."""
        if self.culprit is None:
            return []
        error = self.crash.final.name if self.crash.final else ""
        left = escapes(report, base, self.culprit, error, self._is_new)
        listing = self.repo.listing(tree)

        def is_changed(function: str) -> bool:
            path, _, name = function.rpartition(":")
            return _texts(path, self._source(listing, path), name) != _texts(
                path, self._source(self._base, path), name
            )

        return left or taken(report, base, self.culprit, error, self._is_new, is_changed)

    def overlooked(
        self, tree: str, report: BootReport, base: BootReport, again: Callable[[], BootReport]
    ) -> list[str]:
        """What a reader should look at, since the boot does not show it: what crashed was not tried again.

        `again` boots the base once more, where it is to be seen what of its data is another each time.
        """
        culprit = self.culprit
        if culprit is None or culprit.definition is None:
            return []
        (path, name), source = culprit.place, self._source(self.repo.listing(tree), culprit.place[0])
        count = _count(path, source, culprit.definition.qualified)
        if not count:
            return [f"{name} in {path}, which crashed, is not there any more"]
        several = count > max(1, _count(path, self._source(self._base, path), culprit.definition.qualified))
        told = [f"{name} is defined more than once in {path}"] if several and "<" not in name else []
        return [*told, *overlooked(report, base, culprit, again)]

    def _is_new(self, function: str) -> bool:
        """Whether the incident's commit has no function of this path and name."""
        path, _, name = function.rpartition(":")
        name = name.rpartition(" ")[2] if path.endswith(SCRIPTS) else name
        return name not in _names(path, self._source(self._base, path))

    @cached_property
    def _base(self) -> Listing:
        return self.repo.listing(self.repo.resolve(self.commit))

    def _source(self, listing: Listing, path: str) -> bytes:
        entry = listing.get(path)
        return b"" if entry is None else next(blobs(self.repo.git_dir, [entry.oid]))


def _texts(path: str, source: bytes, qualified: str) -> list[list[bytes]]:
    """The lines of what has a qualified name; none of the module and of scripts."""
    lines = source.splitlines()
    named = (each for each in definitions(path, source) if each.qualified == qualified)
    return [lines[each.lines.start - 1 : each.lines.stop - 1] if each.lines else [] for each in named]


def _count(path: str, source: bytes, qualified: str) -> int:
    return sum(each.qualified == qualified for each in definitions(path, source))


def _names(path: str, source: bytes) -> set[str]:
    return {each.qualified for each in definitions(path, source)}
