"""One bounded snapshot of everything: probes side by side, and nothing waits for the slowest of them."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

from tools.health.heartbeats import judge, read_beat
from tools.health.network import ask_http, greet_mysql
from tools.health.processes import look_at
from tools.health.redis_buses import Keys, RedisProbe
from tools.health.state import Beat, Health, HttpState, MysqlState, RedisState, ServiceState
from tools.truth import Component, Truth

SYSTEM_BUS = "system-redis"
PROBE_TIMEOUT_S = 1.0
DEADLINE_S = 1.8
"""Two seconds are promised; the rest is for the processes and for putting it together."""
STRANGER = "another process answers here: the service's own is gone"


class HealthCollector:
    """Looks at one deployment again and again; clients and what is known of processes are kept.

    Args:
        root: the MarketSwarm checkout, for `.pids/` and the disk.
        truth: what there is to look at.
        buses: URL by bus name, where it differs from Truth's.
        services: which services to look at; all that Truth names without it.
        timeout_s: how long one server may take.
    """

    def __init__(
        self,
        root: Path,
        truth: Truth,
        buses: Mapping[str, str] | None = None,
        timeout_s: float = PROBE_TIMEOUT_S,
        services: Collection[str] = (),
    ) -> None:
        self._root = root
        self._truth = truth
        self._timeout_s = timeout_s
        self._components = {name: truth.component(name) for name in services or truth.services}
        urls = dict(buses if buses is not None else truth.buses())
        self._probes = {name: RedisProbe(url, timeout_s) for name, url in urls.items()}
        self._known: dict[str, psutil.Process] = {}
        self._busy: dict[str, threading.Thread] = {}
        self._last_beat: dict[str, float] = {}
        self._fell: dict[str, float] = {}

    def collect(self, full: bool = True, extra_keys: tuple[str, ...] = ()) -> Health:
        """A snapshot, within two seconds whatever hangs."""
        return self.look(full, extra_keys)[0]

    def look(
        self, full: bool = True, extra_keys: tuple[str, ...] = (), deadline_s: float = DEADLINE_S
    ) -> tuple[Health, Mapping[str, bytes | None]]:
        """A snapshot, and the values of `extra_keys` in system-redis (empty when it could not be read).

        Args:
            full: figures of the servers, HTTP, MySQL and disk too, not just who is alive.
            deadline_s: what has not answered by then is unknown.
        """
        now = time.time()
        answers = self._ask(self._tasks(full, extra_keys), deadline_s)
        redis, keys = self._redis(answers, now)
        services = {name: self._service(component, keys, now) for name, component in self._components.items()}
        health = Health(
            ts=now,
            redis=redis,
            services=services,
            http=self._http(answers, services) if full else {},
            mysql=self._mysql(answers) if full else None,
            disk_free_mb=self._disk() if full else None,
        )
        return health, {key: keys.values.get(key) for key in extra_keys} if keys else {}

    def close(self) -> None:
        """Drop every connection."""
        for probe in self._probes.values():
            probe.close()

    def _tasks(self, full: bool, extra_keys: tuple[str, ...]) -> dict[str, Callable[[], Any]]:
        beats = (*(f"{name}:heartbeat" for name in self._components), *extra_keys)
        tasks: dict[str, Callable[[], Any]] = {}
        for name, probe in self._probes.items():
            keys = beats if name == SYSTEM_BUS else ()
            tasks[f"redis {name}"] = partial(probe.look, keys, full)
        if not full:
            return tasks
        for name, component in self._components.items():
            if component.port is not None:
                tasks[f"http {name}"] = partial(ask_http, component, self._timeout_s)
        if any(component.mysql for component in self._components.values()):
            tasks["mysql"] = partial(greet_mysql, self._truth.mysql_address(), self._timeout_s)
        return tasks

    def _ask(self, tasks: Mapping[str, Callable[[], Any]], deadline_s: float) -> dict[str, Any]:
        """Run the probes side by side. One that still hangs from an earlier look is not asked again."""
        ends = time.monotonic() + deadline_s
        answers: dict[str, Any] = {}
        self._busy = {name: thread for name, thread in self._busy.items() if thread.is_alive()}
        started = {
            name: threading.Thread(
                target=_into, args=(answers, name, task), name=f"health {name}", daemon=True
            )
            for name, task in tasks.items()
            if name not in self._busy
        }
        for thread in started.values():
            thread.start()
        for name, thread in started.items():
            thread.join(max(0.0, ends - time.monotonic()))
            if thread.is_alive():
                self._busy[name] = thread
        return dict(answers)

    def _redis(self, answers: Mapping[str, Any], now: float) -> tuple[dict[str, RedisState], Keys | None]:
        silent = RedisState(alive=None, error="has not answered yet")
        states, system_keys = {}, None
        for name in self._probes:
            state, keys = answers.get(f"redis {name}", (silent, None))
            states[name] = self._since(name, state, now)
            if name == SYSTEM_BUS:
                system_keys = keys
        return states, system_keys

    def _since(self, name: str, state: RedisState, now: float) -> RedisState:
        """Say since when a server is down, where it was seen to fall."""
        if state.alive:
            self._fell[name] = 0.0
            return state
        if name not in self._fell:
            return state
        fell = self._fell[name] = self._fell[name] or now
        return replace(state, error=f"{state.error} (since {datetime.fromtimestamp(fell, UTC):%H:%M:%S} UTC)")

    def _service(self, component: Component, keys: Keys | None, now: float) -> ServiceState:
        key = f"{component.name}:heartbeat"
        if keys is None:
            beat = Beat(present=None)
        else:
            beat = self._with_last(
                component.name, read_beat(keys.values[key], keys.pttl[key], component, now), now
            )
        known = self._known.get(component.name)
        process, handle = look_at(component, self._root, beat.pid if beat.present else None, known)
        if beat.present and handle is not None:
            self._known[component.name] = handle
        return ServiceState(judge(beat, process, component), beat, process, component.ttl_s)

    def _with_last(self, service: str, beat: Beat, now: float) -> Beat:
        """Remember when it beat last, since the key takes that with it when it goes."""
        if beat.present and beat.age is not None:
            self._last_beat[service] = now - beat.age
        last = self._last_beat.get(service)
        if beat.present or last is None:
            return beat
        return replace(beat, ts=round(last, 3), age=now - last)

    def _http(self, answers: Mapping[str, Any], services: Mapping[str, ServiceState]) -> dict[str, HttpState]:
        states = {}
        for name, component in self._components.items():
            if component.port is None:
                continue
            state: HttpState = answers.get(f"http {name}", HttpState(None, error="has not answered yet"))
            if state.reachable and services[name].process.alive is False:
                state = replace(state, healthy=False, error=STRANGER)
            states[name] = state
        return states

    def _mysql(self, answers: Mapping[str, Any]) -> MysqlState | None:
        if not any(component.mysql for component in self._components.values()):
            return None
        state: MysqlState = answers.get("mysql", MysqlState(None, error="has not answered yet"))
        return state

    def _disk(self) -> float | None:
        try:
            return round(shutil.disk_usage(self._root).free / (1024 * 1024), 1)
        except OSError:
            return None


def _into(answers: dict[str, Any], name: str, task: Callable[[], Any]) -> None:
    answers[name] = task()
