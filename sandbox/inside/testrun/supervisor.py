"""Plans a test run, has a worker carry it out, and judges it. Never imports code under test.

It holds the result channel, the canaries' fates and the words that a true run must say. It
cannot be read by or attached to from the worker, which has the same uid.
"""

from __future__ import annotations

import base64
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import canaries, evidence, node_run, plain, suspects
from .folders import installed, places, tops
from .kept import Files
from .process import ORDERS, Worker, hide
from .suspicion import RULES
from .trusted import prepare

_MOST_RESTARTS, _FEW = 8, 6
_RESULT_BYTES = 3 << 20
_FINISHED = (0, 1, 5)


class Supervisor:
    """One trusted run: from the plan on standard input to the verdict on the result channel."""

    def __init__(self, plan: dict[str, Any], program: Sequence[str]) -> None:
        self.plan = plan
        self.program = program
        self.planned = evidence.Planned([], {}, frozenset(), frozenset(), turned=bool(plan["twin_seed"]))
        self.events: list[dict[str, Any]] = []
        self._sources: dict[str, str | None] = {}
        if not plan["plain"]:
            node_run.hear_calls(plan)
        self._material = Files(plan["root"], {*plan["material"], *plan["trusted"]})
        self._written: dict[str, None] = {}
        self.deadline = time.monotonic() + float(plan["deadline_s"])

    def run(self, first: Worker) -> dict[str, Any]:
        """Run everything and judge it; `first` is a worker that waits for its orders."""
        suspicious = self._look_at_changes()
        if suspicious or not (self.plan["files"] or self.plan["node_files"]):
            first.kill()
            return {"suspects": suspicious}
        if self.plan["plain"]:
            return plain.run(self.plan, first, self.deadline)
        if self.plan["files"]:
            self._run_all(first)
        else:
            first.kill()
        self._run_scripts()
        return self._verdict()

    def _look_at_changes(self) -> list[tuple[str, str]]:
        """What no service needs, as path and text."""
        found = []
        for change in self.plan["changed"]:
            before = None if change["before"] is None else base64.b64decode(change["before"])
            after = base64.b64decode(change["after"])
            try:
                found += suspects.told(change["path"], before, after, test=change["test"])
            except (SyntaxError, ValueError):
                # It cannot be run either.
                continue
        for name in self.plan["added_modules"]:
            if name in sys.stdlib_module_names or installed(name):
                path = f"{self.plan['service_dir']}/{name}"
                found.append((path, f"shadowing: {path} {RULES['shadowing']}"))
        return found

    def _run_all(self, worker: Worker | None) -> None:
        waiting, done, starts = [list(self.plan["files"])], set[str](), 0
        while waiting and starts <= _MOST_RESTARTS and time.monotonic() < self.deadline:
            files = waiting.pop(0)
            worker = worker or Worker.start(self.program)
            starts += 1
            end = self._run_once(worker, files, done)
            worker = None
            if end is not None:
                waiting[:0] = self._after_death(files, done, end)

    def _run_scripts(self) -> None:
        for number, path in enumerate(self.plan["node_files"], 1):
            patience = min(self.deadline - time.monotonic(), float(self.plan["test_s"]))
            self.events += node_run.run_file(self.plan, path, patience)
            # Those that ran have a canary, and are not read again.
            self._written |= dict.fromkeys(self._material.written(self.plan["node_files"][:number]))

    def _run_once(self, worker: Worker, files: list[str], done: set[str]) -> str | None:
        """None when the worker came to its end, else why it did not."""
        before, orders = len(self.events), self._orders(files, done)
        worker.order(orders)
        # While the worker begins: what it must say is known from the same sources and seeds.
        for path in (*files, *self.plan["helpers"]):
            self._expect(path, orders)
        end = worker.listen(self.events, self.deadline, float(self.plan["test_s"]))
        worker.kill()
        self._written |= dict.fromkeys(self._material.written())
        news = self.events[before:]
        done.update(str(event.get("node")) for event in news if event.get("e") == "test")
        last = next((event for event in reversed(news) if event.get("e") == "end"), None)
        if last is not None and last.get("code") in _FINISHED:
            return None
        return end if last is None else f"pytest stopped with exit code {last.get('code')}"

    def _orders(self, files: list[str], done: set[str]) -> dict[str, Any]:
        chance = random.SystemRandom()
        plan = self.plan
        orders: dict[str, Any] = {key: plan[key] for key in ORDERS}
        orders |= {"files": files, "done": sorted(done), "seed": os.urandom(16).hex(), "implants": {}}
        own = {"services", "shared", *tops(plan["root"]), *tops(f"{plan['root']}/{plan['service_dir']}")}
        orders["own"] = sorted(own - set(plan["added_modules"]))
        orders |= {"canaries": {}, "twin_seed": plan["twin_seed"]}
        failing, passing = set(self.planned.failing), set(self.planned.passing)
        for path in files:
            orders["implants"][path], name = canaries.implant(chance)
            failing.add(name)
        used = "".join(self._source(path) or "" for path in files)
        # One after all the code under test has run; among many files, another.
        for _ in range(1 if len(files) < _FEW else 2):
            module = canaries.module(chance, used)
            orders["canaries"][f"test_{chance.getrandbits(40):010x}.py"] = module.source
            failing |= module.failing
            passing |= module.passing
            self.planned.telling.update(module.telling)
        self.planned.failing, self.planned.passing = frozenset(failing), frozenset(passing)
        return orders

    def _expect(self, path: str, orders: dict[str, Any]) -> None:
        """Note what a true run of this file will say."""
        source = self._source(path)
        if source is None:
            return
        implant = orders["implants"].get(path, "")
        twin_seed = orders["twin_seed"] if implant else ""
        try:
            ready = prepare(path, source, seed=orders["seed"], implant=implant, twin_seed=twin_seed)
        except (SyntaxError, ValueError, RecursionError):
            return
        self.planned.hear(ready.speech, ready.doubts)
        chosen = self.plan["select"]
        for node in ready.ids if implant else ():
            wanted = not chosen or any(
                node == one.partition("[")[0] or node.startswith(f"{one}::") for one in chosen
            )
            if wanted and node not in self.planned.ids:
                self.planned.ids.append(node)

    def _source(self, path: str) -> str | None:
        """A test file as it lies in the box, before any code under test runs."""
        if path not in self._sources:
            import importlib.util

            try:
                with open(f"{self.plan['root']}/{path}", "rb") as file:  # noqa: PTH123 - pathlib is slow here
                    self._sources[path] = importlib.util.decode_source(file.read())
            except (OSError, SyntaxError, UnicodeDecodeError):
                self._sources[path] = None
        return self._sources[path]

    def _after_death(self, files: list[str], done: set[str], end: str) -> list[list[str]]:
        """What is left to run when a worker did not come to its end."""
        started = [event for event in self.events if event.get("e") == "start"]
        node = str(started[-1].get("node")) if started else ""
        broken = [event for event in self.events if event.get("e") == "conftest"]
        if node and node not in done:
            done.add(node)
            self.events.append({"e": "hung", "node": node, "message": end})
            return [files]
        if broken:
            failed = {"e": "collect", "failure": broken[-1].get("failure")}
            self.events += [{**failed, "node": path} for path in files]
            return []
        if len(files) > 1:
            return [[path] for path in files]
        failure = {"type": "Crash", "message": end, "frames": [], "text": end}
        self.events.append({"e": "collect", "node": files[0], "failure": failure})
        return []

    def _verdict(self) -> dict[str, Any]:
        judged = evidence.judge(self.planned, self.events)
        problem = None
        if time.monotonic() >= self.deadline:
            problem = "timeout: the tests took longer than the box may live"
        elif judged.broken:
            problem = f"harness: {judged.broken[0]}"
        return {
            "outcomes": judged.outcomes,
            "tampering": [*judged.tampering, *self._channel_abuse(), *self._written],
            "problem": problem,
            "untracked": judged.untracked,
            "stray": self._strays(),
            "watched": sorted({(str(e.get("event")), str(e.get("path"))) for e in self._of("watched")}),
        }

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event.get("e") == kind]

    def _channel_abuse(self) -> list[str]:
        odd = [event for event in self.events if event.get("e") not in _KINDS]
        return ["channel: something that is no event was written to the test run's channel"] if odd else []

    def _strays(self) -> list[str]:
        """Modules that the tree holds and that were taken from somewhere else, in the tree or out of it."""
        root, service = self.plan["root"], self.plan["service_dir"]
        own = {"services", "shared", *tops(root), *tops(f"{root}/{service}")}
        strays = set()
        for event in self._of("modules"):
            for name, file in event.get("modules") or ():
                there = places(str(name), (root, f"{root}/{service}"))
                elsewhere = str(name).partition(".")[0] in own and not str(file).startswith(f"{root}/")
                if elsewhere or (there and str(file) not in there):
                    strays.add(f"{name} was imported from {file}")
        return sorted(strays)


_KINDS = frozenset({"test", "start", "collect", "collected", "conftest", "hung", "watched", "modules", "end"})


def supervise(result: int, first: Worker, program: Sequence[str]) -> None:
    """Read the plan, run it, write the verdict."""
    hide()
    with os.fdopen(0, "rb", closefd=False) as stdin:
        plan = json.load(stdin)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    verdict = Supervisor(plan, program).run(first)
    content = json.dumps(verdict).encode()
    if len(content) > _RESULT_BYTES:
        content = json.dumps(
            {"outcomes": {}, "tampering": [], "problem": "too many results to report"}
        ).encode()
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(result, rest) :]
