"""Pages on their way: files in the state folder, and a process that takes them from there.

Whoever has something to tell writes a file and starts the courier, which takes milliseconds; sending is
the courier's business. So a dead webhook delays nobody, and a kill loses no page.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.notify.page import Page, page_from

FOLDER = "pages"
MOST_WAITING = 1000
"""Pages beyond so many are not kept: nobody has fetched them for a long time."""


@dataclass(frozen=True, slots=True)
class Outbox:
    """The waiting pages of one state folder."""

    state: Path

    @property
    def folder(self) -> Path:
        """Where everything about pages is kept."""
        return self.state / FOLDER

    def put(self, page: Page) -> None:
        """Keep a page until it is taken. Raises OSError."""
        self.waiting.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sum(1 for _ in self.waiting.iterdir()) >= MOST_WAITING:
            return
        name = f"{time.time_ns():020d}-{os.getpid()}-{threading.get_ident()}"
        partial = self.waiting / f".{name}"
        with open(partial, "w", encoding="utf-8", opener=private) as file:
            file.write(page.json())
        partial.rename(self.waiting / f"{name}.json")

    @property
    def waiting(self) -> Path:
        """The folder of the pages that wait."""
        return self.folder / "waiting"

    def read(self) -> list[tuple[Path, Page | None]]:
        """The waiting pages, oldest first; what is no page comes as None, to be removed."""
        try:
            files = sorted(self.waiting.glob("*.json"))
        except OSError:
            return []
        return [(file, page_from(file.read_text(encoding="utf-8", errors="replace"))) for file in files]

    def has_waiting_courier(self) -> bool:
        """Whether a courier will look here anew before it sends, so that no other one is needed."""
        with open(self.folder / "next.lock", "a", opener=private) as queue:
            try:
                fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    @contextmanager
    def turn(self) -> Iterator[bool]:
        """Whether it is this process that sends. False where another one waits for its turn already.

        A page that is put before a courier starts is seen by that courier or by the one before it.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (
            open(self.folder / "next.lock", "a", opener=private) as queue,
            open(self.folder / "courier.lock", "a", opener=private) as work,
        ):
            try:
                fcntl.flock(queue, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            fcntl.flock(work, fcntl.LOCK_EX)
            # From here on a new page finds the place in the queue free.
            fcntl.flock(queue, fcntl.LOCK_UN)
            yield True


@dataclass(frozen=True, slots=True)
class Pager:
    """Tells people. `courier` is the command that sends, `config` what it reads on standard input."""

    outbox: Outbox
    courier: tuple[str, ...]
    config: bytes = b""

    def page(self, page: Page) -> None:
        """Hand a page over; returns at once. Raises OSError where the state folder cannot be written."""
        self.outbox.put(page)
        if self.outbox.has_waiting_courier():
            return
        process = subprocess.Popen(
            self.courier,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # It outlives us if need be; the thread only sees to it that no zombie stays.
        threading.Thread(target=_fed, args=(process, self.config), daemon=True).start()


def _fed(process: subprocess.Popen[bytes], config: bytes) -> None:
    process.communicate(config)


def private(path: str, flags: int) -> int:
    """An opener of files that their owner alone may read."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
