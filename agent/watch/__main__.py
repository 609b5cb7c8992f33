"""The watch as a process: small, since it runs for months. `autohealer watch` becomes this one by exec.

The one argument is a JSON object: `config` (the fields of `WatchConfig`), `again` (the command that takes
over on SIGHUP), `once` (end after the first heal, with its exit code), `alerts` (read events on standard
input), `as_json` (print signals as JSON lines), `pager` (the command that tells people, or null).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from agent.exit import Exit
from agent.notify.outbox import Outbox, Pager
from agent.notify.page import OURSELVES, Page
from agent.notify.signals import page_of
from agent.watch.config import WatchConfig
from agent.watch.signals import Signal
from agent.watch.watch import Watch


@dataclass(slots=True)
class Standing:
    """One standing watch: what it prints, and when it ends."""

    state: Path
    once: bool
    as_json: bool
    pager: Pager | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    exit_code: int = 0
    reload: bool = False
    follower: threading.Thread | None = None

    def tell(self, happened: Signal) -> None:
        """Print a signal and page; with `once`, follow the first heal and end with it."""
        if self.as_json:
            print(happened.json(), flush=True)  # noqa: T201
        else:
            about = happened.service or happened.redis or ""
            moment = time.strftime("%H:%M:%S", time.localtime(happened.ts))
            print(f"{moment} {happened.event} {about}: {happened.reason}", flush=True)  # noqa: T201
        self.page(page_of(happened))
        if not self.once or happened.incident is None:
            return
        if happened.event == "heal_started":
            log = self.state / "incidents" / happened.incident / "heal.log"
            self.follower = threading.Thread(target=self.follow, args=(log,), daemon=True)
            self.follower.start()
        elif happened.event == "heal_ended":
            code = happened.data.get("exit_code")
            self.exit_code = int(Exit.ERROR) if code is None else int(code)
            self.stop.set()

    def page(self, page: Page | None) -> None:
        """Tell people; a state folder that cannot be written does not end the watch."""
        if self.pager is not None and page is not None:
            with contextlib.suppress(OSError):
                self.pager.page(page)

    def follow(self, log: Path) -> None:
        """Show a heal's output as it is written, to its end."""
        with log.open(encoding="utf-8", errors="replace") as reader:
            while True:
                ended = self.stop.is_set()
                chunk = reader.read()
                if chunk and not self.as_json:
                    print(chunk, end="", flush=True)  # noqa: T201
                if ended and not chunk:
                    return
                self.stop.wait(0.05)

    def end(self, number: int) -> None:
        """SIGTERM and SIGINT: finish or leave the heals resumable. SIGHUP: read the settings again."""
        self.reload = number == signal.SIGHUP
        self.exit_code = int(Exit.INTERRUPTED if number == signal.SIGINT else Exit.DONE)
        self.stop.set()


def main(text: str) -> int:
    """Watch until told to stop; returns the exit code."""
    said: dict[str, Any] = json.loads(text)
    config = watch_config(said["config"])
    pager = Pager(Outbox(config.state), tuple(said["pager"])) if said.get("pager") else None
    standing = Standing(config.state, said["once"], said["as_json"], pager)
    watch = Watch(config, standing.tell, sys.stdin if said["alerts"] else None)

    def told(number: int, frame: FrameType | None) -> None:
        standing.end(number)
        watch.wake()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told)
    try:
        watch.run(standing.stop)
    except BaseException as error:
        standing.page(Page("failed", time.time(), OURSELVES, f"the watch ended: {type(error).__name__}"))
        raise
    if standing.follower is not None:
        standing.follower.join(timeout=5)
    if standing.reload:
        again = [str(word) for word in said["again"]]
        os.execv(again[0], again)
    return standing.exit_code


def watch_config(said: dict[str, Any]) -> WatchConfig:
    """The configuration from its JSON form."""
    paths = {name: Path(said[name]) for name in ("root", "state")}
    lists = {name: tuple(said[name]) for name in ("heal", "services")}
    hours = said.get("quiet_hours")
    quiet = {"quiet_hours": (hours[0], hours[1]) if hours else None}
    return WatchConfig(**{**said, **paths, **lists, **quiet})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
