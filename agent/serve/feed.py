"""The journals of all runs as one stream of steps: read once, told to every reader."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from agent.report.timeline import timeline

EVERY_S = 0.5
PING_S = 15.0
MOST_READERS = 200
BEHIND = 1000
"""Steps that one who comes back is told at most."""
LOOKS_BEHIND = 200
"""Batches of steps that wait for one slow reader; then it is hung up on, and reads on from where it was."""
JOURNALS_KEPT = 8
CLOCK_S = 1.0
"""How far a file's time may lie before that of what was written to it last."""


class TooMany(Exception):
    """As many readers as may be are there already."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a run. `id` is its moment, so that a reader who comes back misses nothing.

    `frame` is the step as a server-sent event, encoded once for all readers.
    """

    id: str
    frame: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """Steps that were found at one look, in the order in which they happened, and all of them as one text."""

    steps: tuple[Step, ...]
    frames: bytes

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Batch:
        """The steps, joined."""
        kept = tuple(steps)
        return cls(kept, b"".join(step.frame for step in kept))


@dataclass(slots=True)
class Journals:
    """Reads what was appended to the journals below a folder since the last time."""

    incidents: Path
    clean: Callable[[str], str]
    _places: dict[Path, int] = field(default_factory=dict)
    _whole: dict[Path, tuple[int, tuple[Step, ...]]] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> list[Step]:
        """Take everything that is there as read, but for the steps of the last moments."""
        self._places = {path: path.stat().st_size for path in self._files()}
        return self.since((datetime.now(UTC) - timedelta(seconds=3 * EVERY_S)).isoformat())

    def news(self) -> list[Step]:
        """The steps that are new, in the order in which they happened."""
        steps = [step for path in self._files() for step in self._appended(path)]
        return sorted(steps, key=lambda step: step.id)

    def since(self, moment: str) -> list[Step]:
        """All steps after a moment, given as an event's id; safe to be called from several threads."""
        with self._reading:
            steps = [step for path in self._files() if _is_newer(path, moment) for step in self._all(path)]
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
        whole = _whole_lines(path, place)
        self._places[path] = place + len(whole)
        return self._steps(path, whole)

    def _all(self, path: Path) -> tuple[Step, ...]:
        """Every step of a journal; those of the last few that were asked for are kept."""
        place, steps = self._whole.pop(path, (0, ()))
        more = _whole_lines(path, place)
        steps = (*steps, *self._steps(path, more))
        self._whole[path] = place + len(more), steps
        while len(self._whole) > JOURNALS_KEPT:
            del self._whole[next(iter(self._whole))]
        return steps

    def _steps(self, path: Path, text: bytes) -> Iterator[Step]:
        run, incident = path.parent.name, path.parents[2].name
        for line in text.splitlines():
            record = _record(line)
            for moment in timeline([record] if record else [], self.clean):
                said = {**asdict(moment), "event": record.get("event")}
                told = json.dumps({"incident": incident, "run": int(run), **said})
                at = str(record.get("at"))
                yield Step(at, f"id: {at}\ndata: {told}\n\n".encode())


@dataclass(slots=True)
class Feed:
    """Follows the journals and hands each new step to every reader."""

    journals: Journals
    _readers: set[asyncio.Queue[Batch | None]] = field(default_factory=set)

    async def follow(self) -> None:
        """Read on, until cancelled; while nobody listens nothing is read."""
        idle = True
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._readers:
                idle = True
                continue
            read, idle = (self.journals.start if idle else self.journals.news), False
            batch = Batch.of(await asyncio.to_thread(read))
            for reader in list(self._readers) if batch.steps else ():
                self._hand(reader, batch)

    def close(self) -> None:
        """End every reader's stream."""
        for reader in list(self._readers):
            self._readers.discard(reader)
            _put_last(reader)

    def open(self) -> asyncio.Queue[Batch | None]:
        """A place for one more reader.

        Raises:
            TooMany: there is none.
        """
        if len(self._readers) >= MOST_READERS:
            raise TooMany
        reader: asyncio.Queue[Batch | None] = asyncio.Queue(LOOKS_BEHIND)
        self._readers.add(reader)
        return reader

    async def frames(self, reader: asyncio.Queue[Batch | None], since: str | None) -> AsyncIterator[bytes]:
        """The stream for one reader, from the moment that it names: no step twice, and none left out."""
        try:
            yield b"retry: 2000\n\n"
            earlier = Batch.of(await asyncio.to_thread(self.journals.since, since) if since else ())
            if earlier.steps:
                yield earlier.frames
            sent = dict.fromkeys(earlier.steps)
            last = earlier.steps[-1].id if earlier.steps else since or ""
            while True:
                try:
                    batch = await asyncio.wait_for(reader.get(), PING_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if batch is None:
                    return
                if batch.steps[0].id <= last:
                    # Told already, in part or as a whole: two looks found it.
                    batch = Batch.of(s for s in batch.steps if s.id > (since or "") and s not in sent)
                sent.update(dict.fromkeys(batch.steps))
                last = max(last, *(step.id for step in batch.steps), "")
                if batch.frames:
                    yield batch.frames
                while len(sent) > BEHIND:
                    del sent[next(iter(sent))]
        finally:
            self._readers.discard(reader)

    def _hand(self, reader: asyncio.Queue[Batch | None], batch: Batch) -> None:
        try:
            reader.put_nowait(batch)
        except asyncio.QueueFull:
            self._readers.discard(reader)
            _put_last(reader)


def _put_last(reader: asyncio.Queue[Batch | None]) -> None:
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


def _whole_lines(path: Path, place: int) -> bytes:
    text = _read(path, place)
    return text[: text.rfind(b"\n") + 1]


def _is_newer(path: Path, moment: str) -> bool:
    """May a journal hold a step after a moment? One that was last written before it does not."""
    try:
        after = datetime.fromisoformat(moment)
        return after.tzinfo is None or path.stat().st_mtime + CLOCK_S >= after.timestamp()
    except FileNotFoundError:
        return False
    except (ValueError, OverflowError):
        return True


def _record(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
