"""What changed since the last look: a pure step from what was known and a snapshot to signals.

A service is down when its key is gone AND its process is dead. Neither alone is: a key that
cannot be read is unknown, and a living process without a key is reported, not healed. A dead
process whose log ends orderly, or whose PID file was taken away, was stopped on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace

from agent.watch.picture import LOOKS_TO_BELIEVE, Ending, Known, KnownRedis, Picture, Rules
from agent.watch.signals import Kind, Signal
from tools.health import SYSTEM_BUS, Health, HttpState, RedisState, ServiceState


def step(
    before: Picture,
    health: Health,
    endings: Mapping[str, Ending],
    rules: Rules,
    settled: Set[str] = frozenset(),
) -> tuple[Picture, tuple[Signal, ...]]:
    """One look: what is known now, and what happened.

    Args:
        endings: by service, how its last dead process ended, where that could be told.
        settled: services whose present death was dealt with before this watch started.
    """
    signals: list[Signal] = []
    redis = {
        name: _see_redis(name, before.redis.get(name, KnownRedis()), state, health.ts, signals)
        for name, state in health.redis.items()
    }
    back = redis[SYSTEM_BUS].since if SYSTEM_BUS in redis else 0.0
    services = {}
    for name, service in health.services.items():
        ending, http = endings.get(name), health.http.get(name)
        look = Look(name, service, ending, health.ts, rules, name in settled, signals, http, back)
        services[name] = look.judge(before.services.get(name, Known(since=health.ts)))
    return Picture(services, redis), tuple(signals)


def _see_redis(
    name: str, known: KnownRedis, state: RedisState, now: float, signals: list[Signal]
) -> KnownRedis:
    if state.alive:
        if not known.down:
            return replace(known, bad_looks=0)
        downtime = {"downtime_sec": round(now - known.since, 1)}
        signals.append(Signal("redis_recovered", now, f"{name} answers again", redis=name, data=downtime))
        return KnownRedis(since=now)
    bad = known.bad_looks + 1
    if known.down or bad < LOOKS_TO_BELIEVE:
        return replace(known, bad_looks=bad)
    how = {"refused": state.alive is False}
    why = state.error or "it does not answer"
    signals.append(Signal("redis_down", now, f"{name} is down: {why}", redis=name, data=how))
    return KnownRedis(down=True, since=now, bad_looks=bad)


CLOCK_SLACK_S = 5.0


@dataclass(frozen=True, slots=True)
class Look:
    """One service at one moment, and the rules that judge it."""

    name: str
    state: ServiceState
    ending: Ending | None
    now: float
    rules: Rules
    settled: bool
    signals: list[Signal]
    http: HttpState | None = None
    redis_back: float = 0.0

    def judge(self, known: Known) -> Known:
        """What is known after this look; what happened is added to `signals`."""
        beat = self.state.beat
        if beat.present is None:
            return replace(known, keyless=None)
        known = self._process(known)
        if beat.present:
            return self._beating(replace(known, keyless=None))
        known = replace(known, keyless=self.now if known.keyless is None else known.keyless, age=None)
        if self.state.process.alive is False and not known.doubtful:
            return self._gone(self._new_life(known))
        return self._silent(known)

    def _process(self, known: Known) -> Known:
        """Remember the process; a new one in place of the old is a restart."""
        process = self.state.process
        if process.alive is not True or process.pid is None:
            return replace(known, recorded=known.recorded or process.recorded)
        if known.phase == "up" and known.pid not in (None, process.pid):
            known = self._restarted(known)
        # A stop takes the PID file away while the process still ends: remember that it was there.
        recorded = process.recorded or (known.recorded and process.pid == known.pid)
        return replace(known, pid=process.pid, started=process.started, recorded=recorded, doubtful=False)

    def _restarted(self, known: Known) -> Known:
        how = self.ending.how if self.ending else "silent"
        lived = self.now - known.started if known.started is not None else 0.0
        if how == "orderly" or (how == "silent" and lived >= self.rules.short_life_s):
            return known
        recent = [at for at in known.crashes if self.now - at < self.rules.loop_window_s]
        known = replace(known, crashes=(*recent, self.now))
        if len(known.crashes) < self.rules.loop_count or known.looping:
            return known
        count, minutes = len(known.crashes), self.rules.loop_window_s / 60
        error = f": {self.ending.error}" if self.ending and self.ending.error else ""
        self._tell("crash_loop", f"crashed {count} times within {minutes:g} minutes{error}", restarts=count)
        return replace(known, looping=True)

    def _beating(self, known: Known) -> Known:
        beat = self.state.beat
        if self.state.process.alive is False:
            # A dying key only grows older. One that grows younger has another process behind it.
            young = beat.age is not None and known.age is not None and beat.age < known.age - 0.5
            return replace(known, beaten=True, age=beat.age, doubtful=known.doubtful or young)
        if known.phase in ("down", "lost"):
            self._tell("service_recovered", "beats again", downtime_sec=round(self.now - known.since, 1))
        calm = all(self.now - at >= self.rules.loop_window_s for at in known.crashes)
        since = known.since if known.phase == "up" else self.now
        looping = known.looping and not calm
        known = replace(known, phase="up", since=since, beaten=True, looping=looping, age=beat.age)
        return self._sickness(self._lateness(known))

    def _sickness(self, known: Known) -> Known:
        """Its HTTP endpoint, at those looks that ask for it."""
        if self.http is None or self.http.healthy is None or self._starting(known):
            return known
        if self.http.healthy:
            return replace(known, sick_looks=0)
        if known.sick_looks + 1 == LOOKS_TO_BELIEVE:
            what = self.http.error or f"status {self.http.status_code}"
            self._tell("service_degraded", f"beats, but its HTTP endpoint is not well: {what}", http=what)
        return replace(known, sick_looks=known.sick_looks + 1)

    def _lateness(self, known: Known) -> Known:
        # While a new process starts, its key is still the old one's and grows older.
        if self.state.status != "degraded" or self._starting(known):
            return replace(known, late_looks=0)
        if known.late_looks + 1 == LOOKS_TO_BELIEVE:
            beat = self.state.beat
            self._tell("service_degraded", "beats late or is not well", age_sec=beat.age, status=beat.status)
        return replace(known, late_looks=known.late_looks + 1)

    def _silent(self, known: Known) -> Known:
        """No key, and a process that lives or that nobody knows."""
        alive = self.state.process.alive is True
        if known.phase == "lost" or (not alive and (known.phase != "up" or not known.beaten)):
            return known
        if self._starting(known) or self._may_come_back(known):
            return known
        self._tell(
            "heartbeat_lost", f"does not beat, though its process {'lives' if alive else 'is not known'}"
        )
        return replace(known, phase="lost", since=self.now)

    def _gone(self, known: Known) -> Known:
        """No key and a dead process: stopped on purpose, or down."""
        process = self.state.process
        if known.phase in ("down", "stopped"):
            return known
        if self.settled:
            return replace(known, phase="down", since=self.now)
        if not known.beaten and self._waiting(known):
            return known
        details = {"pid": process.pid, "beaten": known.beaten, "process": process.fate}
        if self._was_planned(known):
            self._tell("service_stopped", "was stopped on purpose", **details)
            return replace(known, phase="stopped", since=self.now)
        never = "" if known.beaten else " and was never seen to beat"
        error = f": {self.ending.error}" if self.ending and self.ending.error else ""
        self._tell(
            "service_down", f"does not beat{never}, and its process is {process.fate}{error}", **details
        )
        return replace(known, phase="down", since=self.now)

    def _new_life(self, known: Known) -> Known:
        """A process started after a stop, or long after the last death, gets a judgement of its own."""
        at = self.state.process.recorded_at
        if at is None or at <= known.since:
            return known
        over = known.phase == "down" and self.now - known.since >= self.rules.again_s
        if known.phase != "stopped" and not over:
            return known
        return replace(known, phase="unseen", since=self.now, beaten=False)

    def _was_planned(self, known: Known) -> bool:
        if self.ending is not None and self.ending.how != "silent":
            return self.ending.how == "orderly"
        return known.recorded and not self.state.process.recorded

    def _starting(self, known: Known) -> bool:
        started = self.state.process.started
        since = known.since if started is None else started
        return self.state.process.alive is True and self._is_within_grace(since)

    def _may_come_back(self, known: Known) -> bool:
        """A Redis that was away may have forgotten its keys: a living service is given time to beat again."""
        if self.now - self.redis_back < self.state.expected_ttl + self.rules.reconnect_s:
            return True
        return known.keyless is not None and self.now - known.keyless < self.state.expected_ttl * 2 / 3

    def _waiting(self, known: Known) -> bool:
        """Never seen to live: within the grace of a start, or nothing says that it was to run at all."""
        at = self.state.process.recorded_at
        if at is None or at < self.rules.boot:
            return True
        seen_alive = known.pid is not None and known.pid == self.state.process.pid
        return not seen_alive and self._is_within_grace(max(at, known.since))

    def _is_within_grace(self, since: float) -> bool:
        """A start that lies ahead was timed by a clock that has moved since: it is no start any more."""
        return -CLOCK_SLACK_S <= self.now - since < self.rules.grace_s

    def _tell(self, event: Kind, what: str, **data: object) -> None:
        self.signals.append(Signal(event, self.now, f"{self.name} {what}", service=self.name, data=data))
