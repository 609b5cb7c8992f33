"""Many readers of a served page, as browsers and scripts ask: `python -m evals.bench.readers PORT COUNT`.

Prints a line once every stream is open, and ends with its standard input, with a line of what was read.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from urllib.parse import quote

POLL_S = 5.0
AFTER_S = 0.3
"""How long a page waits before it asks for itself again, as `agent/templates/live.js` does."""
WHOLE = ("Started", "Ended", "BranchMade", "Pushed", "PullRequestOpened")
JSON_PATH = "/api/health/healer"
SINCE = re.compile(rb'data-since="([^"]+)"')


@dataclass(slots=True)
class Heard:
    """What all readers got: steps over the streams, pages, JSON answers, and answers that were none."""

    steps: int = 0
    pages: int = 0
    answers: int = 0
    failures: int = 0


@dataclass(slots=True)
class Reader:
    """One person with the live page open, and one script that asks for the JSON."""

    port: int
    heard: Heard
    asking: asyncio.Task[None] | None = None

    async def follow(self, opened: asyncio.Event) -> None:
        """Read the page once, then its stream; ask for the page again where the script of it would."""
        found = SINCE.search(await self.get("/"))
        self.heard.pages += found is not None
        since = quote(found[1].decode()) if found else ""
        async for line in self.lines(f"/events?since={since}", opened):
            if not line.startswith(b"data: "):
                continue
            self.heard.steps += 1
            step = json.loads(line[6:])
            if step["event"] in WHOLE and (self.asking is None or self.asking.done()):
                self.asking = asyncio.create_task(self.again())

    async def again(self) -> None:
        await asyncio.sleep(AFTER_S)
        page = await self.get("/now")
        self.heard.pages += b"<section" in page

    async def poll(self, first_s: float) -> None:
        """Ask for the JSON every few seconds, not all readers at one moment."""
        await asyncio.sleep(first_s)
        while True:
            answer = await self.get(JSON_PATH)
            self.heard.answers += b'"history"' in answer
            await asyncio.sleep(POLL_S)

    async def get(self, path: str) -> bytes:
        reader, writer = await self.asked(path)
        answer = await reader.read()
        writer.close()
        self.heard.failures += not answer.startswith(b"HTTP/1.1 200")
        return answer

    async def lines(self, path: str, opened: asyncio.Event) -> AsyncIterator[bytes]:
        reader, writer = await self.asked(path)
        while line := await reader.readline():
            opened.set()
            yield line
        self.heard.failures += 1
        writer.close()

    async def asked(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n".encode())
        return reader, writer


async def read(port: int, count: int) -> Heard:
    """Open all streams, say so, and read on until standard input ends."""
    heard = Heard()
    opened = [asyncio.Event() for _ in range(count)]
    readers = [Reader(port, heard) for _ in range(count)]
    tasks = [
        *(asyncio.create_task(reader.follow(event)) for reader, event in zip(readers, opened, strict=True)),
        *(asyncio.create_task(one.poll(POLL_S * at / count)) for at, one in enumerate(readers)),
    ]
    await asyncio.gather(*(event.wait() for event in opened))
    tell("open")
    await asyncio.to_thread(sys.stdin.read)
    for task in tasks:
        task.cancel()
    return heard


def tell(line: str) -> None:
    """One line to whoever started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Readers are on other machines: here they get what the heal and the page leave.
    os.nice(19)
    tell(json.dumps(asdict(asyncio.run(read(int(sys.argv[1]), int(sys.argv[2]))))))
