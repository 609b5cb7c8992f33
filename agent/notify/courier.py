"""Takes the waiting pages into their threads and tells every channel what is news; then it ends."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_any,
    stop_before_delay,
)
from tenacity.stop import stop_base

from agent.notify.book import Book, Due, Thread, due
from agent.notify.channel import Channel, ChannelError, Later, Unsure
from agent.notify.config import Paging
from agent.notify.outbox import Outbox, private
from agent.notify.text import Message, message_of, with_line
from tools.redact import Redactor

BOOK = TypeAdapter(Book)
LONGEST_S = 300.0
ATTEMPTS = 3
PAUSE_S = 1.0
SENDING_S = 30.0
AWAY_S = 5.0
FULL = "More is held back within this hour: autohealer incidents"
LONGEST_RECORD = 1 << 20


@dataclass(slots=True)
class Courier:
    """One courier on one state folder. `pause_s` is the first pause before something is tried again.

    `away` holds for each channel that does not take messages until when it is left alone.
    """

    outbox: Outbox
    paging: Paging
    pause_s: float = PAUSE_S
    longest_s: float = LONGEST_S
    away: dict[str, tuple[float, float]] = field(default_factory=dict)

    def run(self) -> None:
        """Send what there is to send, for a bounded time; another courier may take over what is left."""
        with self.outbox.turn() as mine:
            ends = time.monotonic() + self.longest_s
            while mine and time.monotonic() < ends:
                next_at = self.round()
                if next_at is None:
                    return
                time.sleep(max(0.01, min(0.25, next_at - time.time())))

    def round(self) -> float | None:
        """Take what waits and tell what is due; when to look again (Unix seconds), None for never."""
        book = self.taken(load_book(self.book))
        dues = {channel.name: self.due(book, channel) for channel in self.paging.channels}
        with ThreadPoolExecutor(max(1, len(dues))) as pool:
            told = list(
                pool.map(lambda channel: self.tell(channel, dues[channel.name]), self.paging.channels)
            )
        for channel, sent in zip(self.paging.channels, told, strict=True):
            for thread, ref in sent:
                book = book.with_sent(channel.name, thread, ref, time.time())
        self.save(book)
        if self.outbox.read():
            return time.time()
        moments = [one.next_at for one in dues.values() if one.next_at is not None]
        moments += [until for until, _ in self.away.values() if until > time.time()]
        return min(moments, default=None)

    def due(self, book: Book, channel: Channel) -> Due:
        now = time.time()
        until, _ = self.away.get(channel.name, (0.0, 0.0))
        if now < until:
            return Due((), until)
        return due(book, channel.name, self.paging.rules, now, edits=channel.edits)

    @property
    def book(self) -> Path:
        """Where the threads are kept between couriers."""
        return self.outbox.folder / "threads.json"

    def taken(self, book: Book) -> Book:
        """The book with the waiting pages; their files go when it is on the disk."""
        redact = Redactor(self.paging.secrets)
        waiting = self.outbox.read()
        for _, page in waiting:
            if page is not None:
                book = book.with_page(page.cleaned(redact), self.paging.rules.throttle_s)
        self.save(book.pruned(time.time()))
        for file, _ in waiting:
            file.unlink(missing_ok=True)
        return book

    def save(self, book: Book) -> None:
        partial = self.book.with_suffix(".partial")
        with open(partial, "wb", opener=private) as file:
            file.write(BOOK.dump_json(book))
        partial.replace(self.book)

    def tell(self, channel: Channel, news: Due) -> list[tuple[Thread, str | None]]:
        """Send to one channel. While it is away the rest waits; what it refuses counts as told."""
        sent = []
        for thread in news.threads:
            message = message_of(thread)
            if news.is_full and thread is news.threads[-1]:
                message = with_line(message, FULL)
            before = thread.sent.get(channel.name)
            ref = before.ref if before else None
            try:
                ref = self.sent(channel, message, thread, ref)
                error = None
                self.away.pop(channel.name, None)
            except ChannelError as failed:
                error = Redactor(self.paging.secrets)(str(failed))
                if isinstance(failed, Later) and not isinstance(failed, Unsure):
                    _, pause = self.away.get(channel.name, (0.0, AWAY_S / 2))
                    self.away[channel.name] = (time.time() + 2 * pause, 2 * pause)
                    self.record(channel, thread, error)
                    break
            self.record(channel, thread, error)
            sent.append((thread, ref))
        return sent

    def sent(self, channel: Channel, message: Message, thread: Thread, ref: str | None) -> str | None:
        """Send one message with patience; the channel's name of it. Raises ChannelError."""
        patience = Retrying(
            retry=retry_if_exception_type(Later),
            wait=self._wait,
            stop=stop_any(stop_after_attempt(ATTEMPTS), stop_before_delay(SENDING_S), _UnsureTwice()),
            reraise=True,
        )
        return patience(channel.send, message, thread, ref)

    def _wait(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.wait_s if isinstance(error, Later) else None
        return asked if asked is not None else self.pause_s * 2 ** (state.attempt_number - 1)

    def record(self, channel: Channel, thread: Thread, error: str | None) -> None:
        """One line about each attempt, for `autohealer doctor` and for people who wonder."""
        file = self.outbox.folder / "sent.jsonl"
        if file.exists() and file.stat().st_size > LONGEST_RECORD:
            file.replace(file.with_suffix(".old"))
        line = {
            "at": time.time(),
            "channel": channel.name,
            "thread": thread.key,
            "stage": thread.page.stage,
            "error": error,
        }
        with open(file, "a", encoding="utf-8", opener=private) as writer:
            writer.write(json.dumps(line, ensure_ascii=False) + "\n")


class _UnsureTwice(stop_base):
    """What may have arrived is sent once more and not again."""

    def __call__(self, retry_state: RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(error, Unsure) and retry_state.attempt_number > 1


def load_book(file: Path) -> Book:
    """The threads of earlier couriers; none where there are none or the file is broken."""
    try:
        return BOOK.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return Book()
