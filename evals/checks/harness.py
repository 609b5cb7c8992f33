"""Runs one hidden check inside a box: `python -I harness.py CHECK.py`, in the root of the judged tree.

A check is a file of functions `check_*`, async or not, that raise where the tree does something wrong.
What the checks found goes to the result channel as JSON: {name of the check: None or what was wrong}.
"""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any


class FakeRedis:
    """An asyncio client that keeps what it was told: `calls` as (name, arguments); `answers` by name."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.calls: list[tuple[str, tuple[Any, ...]]] = []
        self.subscribed: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., Any]:
        async def command(*arguments: Any, **_options: Any) -> Any:
            self.calls.append((name, arguments))
            answer = self.answers.get(name)
            return answer(*arguments) if callable(answer) else answer

        return command

    def pubsub(self, **_options: Any) -> FakePubSub:
        return FakePubSub(self)

    def called(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for called, arguments in self.calls if called == name]


class FakePubSub:
    """Subscriptions that never hear anything."""

    def __init__(self, client: FakeRedis) -> None:
        self._client = client

    async def subscribe(self, *channels: str) -> None:
        self._client.subscribed += channels

    psubscribe = subscribe

    async def get_message(self, *_arguments: Any, **_options: Any) -> None:
        await asyncio.sleep(0.05)

    async def aclose(self) -> None:
        await asyncio.sleep(0)

    unsubscribe = aclose


def config(**more: Any) -> dict[str, Any]:
    """A configuration as SetupBase gives it, for parts that are never really connected."""
    names = ("system-redis", "market-redis", "intel-redis")
    buses = {name: {"url": "redis://127.0.0.1:1"} for name in names}
    return {"buses": buses, "env": {}, "models": {}, "outputs": {"http": {"port": 0}}, **more}


def logger(service: str) -> Any:
    """The tree's own logger: it lacks what the real one lacks."""
    from shared.logutil import LogUtil  # type: ignore[import-not-found]

    return LogUtil(service)


def main() -> None:
    """Run the checks of a file and write what they found."""
    sys.path.insert(0, str(Path.cwd()))
    sys.modules["harness"] = sys.modules[__name__]
    found: dict[str, str | None] = {}
    with redirect_stdout(io.StringIO()):
        try:
            checks = {n: f for n, f in runpy.run_path(sys.argv[1]).items() if n.startswith("check_")}
        except BaseException:  # noqa: BLE001 - whatever the judged code raises is a finding
            found, checks = {"import": traceback.format_exc()[-1500:]}, {}
        for name, check in checks.items():
            found[name] = _tried(check)
    os.write(int(os.environ["AUTOHEALER_RESULT_FD"]), json.dumps(found).encode())


def _tried(check: Callable[[], Any]) -> str | None:
    try:
        if inspect.iscoroutinefunction(check):
            asyncio.run(asyncio.wait_for(check(), 20))
        else:
            check()
    except BaseException:  # noqa: BLE001 - a check that ends the interpreter has failed, too
        return traceback.format_exc()[-1500:]
    return None


if __name__ == "__main__":
    main()
