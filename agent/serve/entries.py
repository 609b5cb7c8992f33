"""The history of the admin page: the last incidents, read again only where something was written."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.approval import waiting
from agent.past import Past, past_of
from agent.settings import PublishSettings
from agent.store import Store
from agent.watch.tickets import Ticket
from tools.incident import IncidentFolder

SHOWN = 50
"""Incidents of the history."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One incident of the history. `waits` says that its branch waits for a person's decision."""

    past: Past
    last_run: int | None
    has_report: bool
    waits: bool


@dataclass(slots=True)
class Entries:
    """Reads them, and remembers each with what tells whether it was written since."""

    store: Store
    publish: PublishSettings
    _known: dict[str, tuple[object, Entry | None]] = field(default_factory=dict)

    def read(self, tickets: Mapping[str, Ticket]) -> list[Entry]:
        """The last incidents, newest first, with what the watch decided about each."""
        before, self._known = self._known, {}
        for folder in self.store.incidents()[:SHOWN]:
            name = folder.path.name
            state = tickets.get(name), _written(folder.path)
            known = before.get(name)
            entry = known[1] if known and known[0] == state else self._entry(folder, tickets.get(name))
            self._known[name] = state, entry
        entries = [self._with_wait(entry) for _, entry in self._known.values() if entry]
        return sorted(entries, key=lambda entry: entry.past.at, reverse=True)

    def _entry(self, folder: IncidentFolder, ticket: Ticket | None) -> Entry | None:
        past = past_of(self.store, folder, ticket)
        if past is None:
            return None
        runs = self.store.runs(folder)
        report = bool(runs) and (runs[-1].path / "report.html").is_file()
        return Entry(past, runs[-1].number if runs else None, report, False)

    def _with_wait(self, entry: Entry) -> Entry:
        """A branch may be gone with no file of ours changed, so it is looked for each time."""
        if entry.past.branch is None:
            return entry
        waits = waiting(self.store, entry.past.folder, self.publish) is not None
        return replace(entry, waits=waits)


def _written(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """What tells whether anything of an incident was written since.

    Files are put in place by renaming, which their folder's time tells; journals grow.
    """
    found = []
    for path in (folder / "incident.json", folder / "runs", *sorted(folder.glob("runs/*"))):
        for each in (path, path / "journal.jsonl"):
            with suppress(OSError):
                state = each.stat()
                found.append((str(each), state.st_mtime_ns, state.st_size))
    return tuple(found)
