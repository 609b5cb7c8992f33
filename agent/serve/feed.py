"""The journals of all runs as one stream of steps: read once, told to every reader."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.report.timeline import timeline

EVERY_S = 0.5
PING_S = 15.0
MOST_READERS = 200
BEHIND = 1000
"""Steps that wait for one slow reader; then it is hung up on, and reads on from where it was."""


class TooMany(Exception):
    """As many readers as may be are there already."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run. `id` is its moment, so that a reader who comes back misses nothing."""

    id: str
    data: str

    def frame(self) -> bytes:
        """The step as a server-sent event."""
        return f"id: {self.id}\ndata: {self.data}\n\n".encode()


@dataclass(slots=True)
class Journals:
    """Reads what was appended to the journals below a folder since the last time."""

    incidents: Path
    clean: Callable[[str], str]
    _places: dict[Path, int] = field(default_factory=dict)

    def start(self) -> list[Step]:
        """Take everything that is there as read, but for the steps of the last moments."""
        self._places = {path: path.stat().st_size for path in self._files()}
        return self.since((datetime.now(UTC) - timedelta(seconds=3 * EVERY_S)).isoformat())

    def news(self) -> list[Step]:
        """The steps that are new, in the order in which they happened."""
        steps = [step for path in self._files() for step in self._appended(path)]
        return sorted(steps, key=lambda step: step.id)

    def since(self, moment: str) -> list[Step]:
        """All steps after a moment, given as an event's id."""
        steps = [step for path in self._files() for step in self._steps(path, _read(path, 0))]
        return sorted((step for step in steps if step.id > moment), key=lambda step: step.id)[-BEHIND:]

    def _files(self) -> Iterator[Path]:
        return self.incidents.glob("[!.]*/runs/*/journal.jsonl")

    def _appended(self, path: Path) -> Iterator[Step]:
        place = self._places.get(path, 0)
        try:
            if path.stat().st_size <= place:
                return iter(())
        except FileNotFoundError:
            return iter(())
        text = _read(path, place)
        whole = text[: text.rfind(b"\n") + 1]
        self._places[path] = place + len(whole)
        return self._steps(path, whole)

    def _steps(self, path: Path, text: bytes) -> Iterator[Step]:
        run, incident = path.parent.name, path.parents[2].name
        for line in text.splitlines():
            record = _record(line)
            for moment in timeline([record] if record else []):
                said = asdict(moment) | {"text": self.clean(moment.text), "event": record.get("event")}
                told = {"incident": incident, "run": int(run), **said}
                yield Step(str(record.get("at")), json.dumps(told))


@dataclass(slots=True)
class Feed:
    """Follows the journals and hands each new step to every reader."""

    journals: Journals
    _readers: set[asyncio.Queue[Step | None]] = field(default_factory=set)

    async def follow(self) -> None:
        """Read on, until cancelled; while nobody listens nothing is read."""
        idle = True
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._readers:
                idle = True
                continue
            read, idle = (self.journals.start if idle else self.journals.news), False
            for step in await asyncio.to_thread(read):
                for reader in list(self._readers):
                    self._hand(reader, step)

    def close(self) -> None:
        """End every reader's stream."""
        for reader in list(self._readers):
            self._readers.discard(reader)
            _put_last(reader)

    def open(self) -> asyncio.Queue[Step | None]:
        """A place for one more reader.

        Raises:
            TooMany: there is none.
        """
        if len(self._readers) >= MOST_READERS:
            raise TooMany
        reader: asyncio.Queue[Step | None] = asyncio.Queue(BEHIND)
        self._readers.add(reader)
        return reader

    async def frames(self, reader: asyncio.Queue[Step | None], since: str | None) -> AsyncIterator[bytes]:
        """The stream for one reader, from the moment that it names: no step twice, and none left out."""
        sent: dict[Step, None] = {}
        try:
            yield b"retry: 2000\n\n"
            steps = await asyncio.to_thread(self.journals.since, since) if since else []
            while True:
                for step in steps:
                    if step not in sent and step.id > (since or ""):
                        sent[step] = None
                        yield step.frame()
                while len(sent) > BEHIND:
                    del sent[next(iter(sent))]
                try:
                    news = await asyncio.wait_for(reader.get(), PING_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if news is None:
                    return
                steps = [news]
        finally:
            self._readers.discard(reader)

    def _hand(self, reader: asyncio.Queue[Step | None], step: Step) -> None:
        try:
            reader.put_nowait(step)
        except asyncio.QueueFull:
            self._readers.discard(reader)
            _put_last(reader)


def _put_last(reader: asyncio.Queue[Step | None]) -> None:
    while reader.full():
        reader.get_nowait()
    reader.put_nowait(None)


def _read(path: Path, place: int) -> bytes:
    try:
        with path.open("rb") as journal:
            journal.seek(place)
            return journal.read()
    except FileNotFoundError:
        return b""


def _record(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
