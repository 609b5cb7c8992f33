"""Detection as data: snapshots in, signals out. No clock, no Redis, no process."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agent.watch.detect import step
from agent.watch.picture import Ending, Picture, Rules
from tools.health import Beat, Health, ProcessState, RedisState, ServiceState

TTL = 15.0
RULES = Rules(grace_s=30, loop_count=3, loop_window_s=300, short_life_s=60, again_s=600)
CRASH = Ending("crash", "KeyError: 'SPX'", "abc")
ORDERLY = Ending("orderly")
SILENT = Ending("silent")


@dataclass
class Story:
    """Time passes in looks at one service, `vigil`."""

    now: float = 1_000_000.0
    picture: Picture = field(default_factory=Picture)
    told: list[str] = field(default_factory=list)
    rules: Rules = RULES

    def look(
        self,
        key: bool | None,
        alive: bool | None,
        *,
        pid: int = 10,
        after: float = 1.0,
        ending: Ending | None = None,
        recorded: bool = True,
        recorded_at: float | None = None,
        started: float = 0.0,
        age: float | None = 1.0,
        status: str = "healthy",
        settled: bool = False,
        redis: bool | None = True,
    ) -> Story:
        self.now += after
        fate = {True: "alive", False: "dead", None: "unknown"}[alive]
        at = (recorded_at if recorded_at is not None else 0.0) if recorded else None
        process = ProcessState(fate, pid if alive is not None else None, started, recorded, at)
        beat = Beat(key, age=age if key else None)
        if not key:
            status = "unknown" if key is None else ("running_no_heartbeat" if alive else "dead")
        service = ServiceState(status, beat, process, TTL)
        health = Health(self.now, {"system-redis": RedisState(redis)}, {"vigil": service})
        endings = {"vigil": ending} if ending else {}
        names = frozenset({"vigil"}) if settled else frozenset()
        self.picture, signals = step(self.picture, health, endings, self.rules, names)
        self.told += [signal.event for signal in signals]
        self.last = signals[-1] if signals else None
        return self

    def up(self) -> Story:
        return self.look(True, True).look(True, True)


def test_key_gone_and_process_dead_is_down_once():
    story = Story().up().look(True, False, ending=CRASH).look(False, False, ending=CRASH)
    assert story.told == ["service_down"]
    assert "KeyError: 'SPX'" in story.last.reason
    assert story.look(False, False, ending=CRASH, after=500).told == ["service_down"]


def test_a_dead_process_whose_key_lives_on_is_not_down_yet():
    assert Story().up().look(True, False, ending=CRASH).look(True, False, ending=CRASH).told == []


def test_a_restart_before_the_key_expires_is_one_crash_and_no_event():
    story = Story().up().look(True, False, ending=CRASH).look(True, True, pid=11, ending=CRASH)
    assert story.told == []
    assert len(story.picture.services["vigil"].crashes) == 1


def test_a_living_process_without_a_key_is_lost_not_down():
    story = Story().up()
    for _ in range(12):
        story.look(False, True)
    assert story.told == ["heartbeat_lost"]
    assert story.look(True, True).told == ["heartbeat_lost", "service_recovered"]


def test_a_lost_service_that_dies_is_down():
    story = Story().up().look(False, True, after=1).look(False, True, after=20)
    assert story.look(False, False, ending=SILENT).told == ["heartbeat_lost", "service_down"]


def test_an_unreadable_redis_changes_nothing():
    story = Story().up()
    for _ in range(100):
        story.look(None, False, redis=None)
    assert [event for event in story.told if event.startswith("service")] == []


def test_what_died_while_redis_was_away_is_down_when_it_is_back():
    story = Story().up().look(None, False, redis=False).look(False, False, ending=CRASH)
    assert story.told == ["service_down"]


def test_keys_that_a_restarted_redis_forgot_are_given_time():
    story = Story().up().look(None, True, redis=False).look(False, True).look(False, True, after=8)
    assert story.look(True, True, after=2).told == []


def test_a_service_that_takes_long_to_notice_that_redis_is_back_is_given_its_ttl():
    story = Story().up()
    for _ in range(3):
        story.look(None, True, redis=None)
    for _ in range(18):
        story.look(False, True)
    assert story.told == ["redis_down", "redis_recovered"]
    for _ in range(5):
        story.look(False, True)
    assert story.told == ["redis_down", "redis_recovered", "heartbeat_lost"]


def test_a_redis_that_forgot_its_keys_between_two_looks_is_given_time_too():
    story = Story().up().look(False, True).look(False, True, after=5).look(True, True)
    assert story.told == []


@pytest.mark.parametrize(
    ("ending", "recorded", "event"),
    [
        (ORDERLY, False, "service_stopped"),
        (ORDERLY, True, "service_stopped"),
        (SILENT, False, "service_stopped"),
        (None, False, "service_stopped"),
        (SILENT, True, "service_down"),
        (None, True, "service_down"),
        (CRASH, True, "service_down"),
        (CRASH, False, "service_down"),
    ],
)
def test_a_stop_on_purpose_is_told_from_a_crash(ending, recorded, event):
    story = Story().up().look(False, False, ending=ending, recorded=recorded)
    assert story.told == [event]


def test_a_pid_file_taken_away_while_the_process_still_ends_is_remembered():
    story = Story().up().look(True, True, recorded=False).look(False, False, recorded=False, ending=SILENT)
    assert story.told == ["service_stopped"]


def test_a_service_without_pid_files_is_not_stopped_by_having_none():
    story = Story()
    story.look(True, True, recorded=False).look(False, False, recorded=False, ending=SILENT)
    assert story.told == ["service_down"]


def test_a_deploy_that_replaces_the_process_is_nothing():
    story = Story().up()
    story.look(True, False, ending=ORDERLY, recorded=False)
    story.look(True, True, pid=11, ending=ORDERLY).look(True, True, pid=11, ending=ORDERLY)
    assert story.told == [] and story.picture.services["vigil"].crashes == ()


def test_a_slow_start_has_its_grace_and_then_is_lost():
    story = Story(now=1000.0)
    for _ in range(28):
        story.look(False, True, started=1000.0)
    assert story.told == []
    for _ in range(5):
        story.look(False, True, started=1000.0)
    assert story.told == ["heartbeat_lost"]


def test_a_restart_after_a_stop_that_crashes_is_down_though_nothing_beat():
    story = Story().up().look(False, False, ending=ORDERLY, recorded=False)
    began = story.now + 10
    story.look(False, False, pid=11, ending=CRASH, recorded_at=began, after=11)
    assert story.told == ["service_stopped"]
    story.look(False, False, pid=11, ending=CRASH, recorded_at=began, after=31)
    assert story.told == ["service_stopped", "service_down"]
    assert "never seen to beat" in story.last.reason


def test_a_service_that_never_came_up_is_down_after_its_grace():
    story = Story()
    for _ in range(29):
        story.look(False, False, recorded_at=1_000_000.0)
    assert story.told == []
    for _ in range(5):
        story.look(False, False, recorded_at=1_000_000.0)
    assert story.told == ["service_down"]


def test_a_process_that_was_seen_to_live_and_die_needs_no_grace():
    story = Story().look(False, True, recorded_at=1_000_000.0, started=1_000_000.0)
    assert story.look(False, False, recorded_at=1_000_000.0, ending=CRASH).told == ["service_down"]


def test_what_was_never_started_is_nothing():
    story = Story()
    for _ in range(100):
        story.look(False, None, recorded=False, after=10)
    assert story.told == []


def test_pid_files_from_before_the_machine_started_are_nothing():
    story = Story(rules=Rules(boot=999_000.0))
    for _ in range(100):
        story.look(False, False, recorded_at=998_000.0, after=10)
    assert story.told == []


def test_a_death_that_was_dealt_with_before_is_nothing():
    story = Story()
    for _ in range(100):
        story.look(False, False, settled=True, after=10)
    assert story.told == []
    assert story.look(True, True, pid=12).told == ["service_recovered"]


def test_a_key_that_dies_right_after_the_watch_began_is_down():
    story = Story().look(True, False, ending=CRASH, age=10.0).look(False, False, ending=CRASH)
    assert story.told == ["service_down"]


def test_three_crashes_with_a_living_key_are_a_loop_told_once():
    story = Story().up()
    for pid in range(11, 20):
        story.look(True, True, pid=pid, ending=CRASH, after=5)
        if story.last:
            reason = story.last.reason
    assert story.told == ["crash_loop"]
    assert reason == "vigil crashed 3 times within 5 minutes: KeyError: 'SPX'"


def test_restarts_far_apart_or_orderly_are_no_loop():
    far = Story().up()
    for pid in range(11, 20):
        far.look(True, True, pid=pid, ending=CRASH, after=200)
    orderly = Story().up()
    for pid in range(11, 20):
        orderly.look(True, True, pid=pid, ending=ORDERLY, after=5)
    assert far.told == [] and orderly.told == []


def test_silent_ends_count_for_a_loop_only_after_short_lives():
    short, long = Story().up(), Story().up()
    for pid in range(11, 16):
        short.look(True, True, pid=pid, ending=SILENT, after=5, started=short.now)
        long.look(True, True, pid=pid, ending=SILENT, after=70, started=long.now)
    assert short.told == ["crash_loop"] and long.told == []


def test_a_loop_that_calmed_down_can_be_told_again():
    story = Story().up()
    for pid in (11, 12, 13):
        story.look(True, True, pid=pid, ending=CRASH, after=5)
    story.look(True, True, pid=13, after=400)
    for pid in (14, 15, 16):
        story.look(True, True, pid=pid, ending=CRASH, after=5)
    assert story.told == ["crash_loop", "crash_loop"]


def test_a_pid_that_is_dead_while_the_service_beats_on_is_not_believed():
    story = Story().look(True, False, age=2.0).look(True, False, age=4.0).look(True, False, age=0.5)
    story.look(False, False, age=None)
    assert story.told == []
    story.look(True, False, age=0.5).look(True, False, age=3.0)
    assert story.told == []


def test_degraded_is_told_after_two_looks_and_again_only_after_it_was_well():
    story = Story().up().look(True, True, status="degraded")
    assert story.told == []
    story.look(True, True, status="degraded").look(True, True, status="degraded")
    assert story.told == ["service_degraded"]
    story.look(True, True).look(True, True, status="degraded").look(True, True, status="degraded")
    assert story.told == ["service_degraded"] * 2


def test_the_key_of_the_old_process_may_grow_old_while_the_new_one_starts():
    story = Story().up()
    began = story.now
    for _ in range(10):
        story.look(True, True, pid=11, started=began, ending=ORDERLY, status="degraded")
    assert story.told == []
    for _ in range(25):
        story.look(True, True, pid=11, started=began, status="degraded")
    assert story.told == ["service_degraded"]


def test_a_process_that_nobody_knows_is_lost_and_never_down():
    story = Story().look(True, None, recorded=False).look(True, None, recorded=False)
    for _ in range(100):
        story.look(False, None, recorded=False)
    assert story.told == ["heartbeat_lost"]


def test_redis_is_down_after_two_looks_and_comes_back_once():
    story = Story().up().look(None, True, redis=None)
    assert story.told == []
    story.look(None, True, redis=None).look(None, True, redis=False)
    assert story.told == ["redis_down"]
    story.look(True, True).look(True, True)
    assert story.told == ["redis_down", "redis_recovered"]
    assert story.picture.redis["system-redis"].down is False


def test_one_bad_look_at_a_redis_is_nothing():
    story = Story().up()
    for _ in range(10):
        story.look(None, True, redis=None).look(True, True)
    assert story.told == []


def test_a_service_that_comes_back_is_told_with_its_downtime():
    story = Story().up().look(False, False, ending=CRASH).look(True, True, pid=11, after=60)
    assert story.told == ["service_down", "service_recovered"]
    assert story.last.data["downtime_sec"] == 60.0


def test_a_new_death_long_after_the_last_is_news():
    story = Story().up().look(False, False, ending=CRASH)
    start = story.now + 700
    story.look(False, False, pid=11, ending=CRASH, recorded_at=start, after=701)
    story.look(False, False, pid=11, ending=CRASH, recorded_at=start, after=31)
    assert story.told == ["service_down", "service_down"]
