"""What a repair looks at, and what it offers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from agent.model.builtin.desk import Absent, Desk
from agent.model.builtin.incident import Incident, Spot, Trouble
from agent.model.builtin.regression import Test
from agent.model.builtin.source import Source, Unreadable, parse
from agent.model.builtin.talk import Asking

Draft = Mapping[str, str]
"""The texts that a patch has changed so far, by path."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to mend it. `files` are whole new texts by path, `restores` are commits by path.

    `rank` is the likelihood, 0 the best. `hides` says that missing data is passed over, which is wrong where
    an upstream that is down owes it. `risk` is what else a reviewer must know. `test` is a regression test
    that shows it by itself, `tests` are others that may go with it. What is `tested` is only
    believed with one.
    """

    why: str
    files: Draft = field(default_factory=dict)
    restores: Mapping[str, str] = field(default_factory=dict)
    rank: int = 5
    hides: bool = False
    risk: str = ""
    spot: Spot | None = None
    test: Test | None = None
    tests: tuple[Test, ...] = ()
    tested: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """One trouble, with the files as the patch has left them so far."""

    incident: Incident
    desk: Desk
    trouble: Trouble
    draft: Draft
    history: bool = True

    @property
    def spot(self) -> Spot | None:
        """The innermost place in the service's own code."""
        return self.trouble.own(self.incident.service)

    def text(self, path: str) -> Asking[str | None]:
        """A file of the patch, else of the commit; None where there is none."""
        if path in self.draft:
            return self.draft[path]
        read = yield from self.desk.read(path)
        return None if isinstance(read, Absent) else read

    def source(self, path: str) -> Asking[Source | None]:
        """The same as a tree; None where it is no Python."""
        text = yield from self.text(path)
        try:
            return parse(text) if text else None
        except Unreadable:
            return None

    def here(self) -> Asking[tuple[Spot, Source] | None]:
        """The innermost place of the service and its file."""
        spot = self.spot
        if spot is None or not spot.path.endswith(".py"):
            return None
        source = yield from self.source(spot.path)
        return (spot, source) if source else None

    def is_known(self, key: str) -> Asking[bool]:
        """Whether a key is named elsewhere: one that is not is a wrong word, and not missing data."""
        quoted = re.escape(key)
        matches = yield from self.desk.grep(rf"['\"]?\b{quoted}['\"]?\s*[:=]|['\"]{quoted}['\"]")
        spot = self.spot
        return any(spot is None or (one.path, one.line) != (spot.path, spot.line) for one in matches)

    def earlier(self, path: str) -> Asking[list[Source]]:
        """The file as it was at the commits that triage named, oldest first; unreadable ones are left out."""
        if not self.history:
            return []
        commits = list(dict.fromkeys(reversed(self.incident.commits)))
        yield from self.desk.look([(path, commit) for commit in commits])
        found = []
        for commit in commits:
            read = yield from self.desk.read(path, commit)
            if isinstance(read, str):
                try:
                    found.append(parse(read))
                except Unreadable:
                    continue
        return found


Repair = Callable[[Scene], Asking[list[Candidate]]]
