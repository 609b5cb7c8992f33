"""Which of all that went wrong in a log is the crash of its last run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tools.logs import Crash, CrashError, Frame, fingerprint, last_crash, map_frames

ROOT = "/Users/ernie/MarketSwarm"
START = datetime(2026, 11, 22, 10, 0, 0)


def line(level: str, message: str, second: float = 0.0, service: str = "vigil") -> str:
    """A line as the shared logger writes it."""
    return f"[{START + timedelta(seconds=int(second)):%Y-%m-%d %H:%M:%S}][{service}][{level}] • {message}\n"


def banner(second: float = 0.0) -> str:
    moment = START + timedelta(seconds=second)
    return f"{'=' * 60}\n Starting vigil at {moment:%a %b %d %H:%M:%S} EST 2026\n python services/vigil/main.py\n"


def work(count: int, start: float = 0.0, step: float = 0.15) -> str:
    return "".join(line("INFO", f"spot SPX {4000 + n} checked", start + n * step) for n in range(count))


def traceback(error: str = "KeyError: 'spot'", at: int = 88, module: str = "intel/rules.py") -> str:
    return (
        "Traceback (most recent call last):\n"
        f'  File "{ROOT}/services/vigil/main.py", line 41, in main\n'
        "    await run(config, logger, stop)\n"
        f'  File "{ROOT}/services/vigil/{module}", line {at}, in evaluate\n'
        '    return values["spot"]\n'
        f"{error}\n"
    )


STOP = (
    line("INFO", "orchestrator stopped", 900)
    + line("INFO", "redis connections closed", 900)
    + line("INFO", "shutdown complete", 901)
)


def crash_of(log: str) -> Crash:
    crash = last_crash(log.encode())
    assert crash is not None
    return crash


def final_of(log: str) -> CrashError:
    final = crash_of(log).final
    assert final is not None
    return final


def test_nothing_in_the_log_is_no_crash() -> None:
    assert last_crash(b"") is None
    assert last_crash(b"\n  \n\n") is None


def test_uncaught_exception_at_the_end() -> None:
    crash = crash_of(banner() + work(200) + traceback())
    assert crash.kind == "traceback"
    assert crash.final is not None and crash.final.text == "KeyError: 'spot'"
    assert crash.text == traceback().rstrip("\n")


def test_line_and_offset_say_where_the_crash_stands() -> None:
    log = banner() + work(20) + traceback()
    crash = crash_of(log)
    assert log.splitlines()[crash.line - 1] == traceback().splitlines()[0]
    assert log.encode()[crash.offset :].startswith(b"Traceback")


def test_error_line_with_its_traceback_and_an_orderly_end() -> None:
    log = banner() + work(30) + line("ERROR", "vigil died: KeyError: 'spot'", 5) + traceback() + STOP
    crash = crash_of(log)
    assert crash.kind == "traceback"
    assert "vigil died" in crash.text.splitlines()[0]


def test_swallowed_traceback_leaves_the_error_line() -> None:
    log = banner() + work(40) + line("ERROR", "orchestrator internal error: division by zero", 6) + STOP
    crash = crash_of(log)
    assert crash.kind == "error_line"
    assert crash.final is not None
    assert crash.final.message == "orchestrator internal error: division by zero"
    assert crash.culprit("vigil") is None


def test_type_is_taken_from_an_error_line_that_names_it() -> None:
    log = work(10) + line("ERROR", "setup failed: redis.exceptions.ConnectionError: Error 111", 6)
    assert final_of(log).name == "ConnectionError"


def test_page_of_shutdown_lines_after_one_error_is_still_the_crash() -> None:
    page = "".join(line("INFO", f"worker {n} cancelled", 7) for n in range(45))
    log = banner() + work(40) + line("ERROR", "main loop crashed: bad spot", 6) + page + STOP
    crash = crash_of(log)
    assert (crash.kind, crash.final.message if crash.final else "") == (
        "error_line",
        "main loop crashed: bad spot",
    )


def test_fatal_sounding_error_line_goes_before_a_later_lesser_one() -> None:
    log = (
        work(10)
        + line("ERROR", "orchestrator internal error: 'NoneType' object is not subscriptable", 6)
        + line("ERROR", "could not publish the last snapshot", 6)
        + STOP
    )
    assert "NoneType" in final_of(log).message


def test_normal_stop_by_signal() -> None:
    log = banner() + work(200) + line("INFO", "received SIGTERM, shutting down", 30) + STOP
    crash = crash_of(log)
    assert (crash.kind, crash.errors) == ("stopped", ())


def test_stop_without_the_word_signal() -> None:
    assert crash_of(banner() + work(100) + STOP).kind == "stopped"


def test_error_lines_while_it_ran_do_not_make_a_stop_a_crash() -> None:
    log = (
        banner()
        + work(30)
        + line("ERROR", "websocket error: received 1008 (policy violation); reconnecting", 10)
        + work(5, 11)
        + line("INFO", "signal received: SIGTERM", 12)
        + line("ERROR", "failed to unsubscribe: connection closed", 12)
        + STOP
    )
    assert crash_of(log).kind == "stopped"


def test_traceback_during_the_shutdown_is_a_crash() -> None:
    log = banner() + work(30) + line("INFO", "signal received: SIGTERM", 12) + traceback() + STOP
    assert crash_of(log).kind == "traceback"


def test_killed_leaves_no_trace() -> None:
    crash = crash_of(banner() + work(300))
    assert (crash.kind, crash.errors) == ("no_trace", ())
    assert crash.text.endswith("checked")


def test_survived_traceback_is_not_the_crash_of_a_killed_run() -> None:
    log = banner() + work(50) + line("ERROR", "worker failed, retrying", 9) + traceback() + work(400, 10)
    assert crash_of(log).kind == "no_trace"


def test_few_healthy_lines_over_a_long_time_are_survival() -> None:
    log = banner() + work(5) + line("ERROR", "poll failed", 9) + traceback() + work(12, 60, step=60)
    assert crash_of(log).kind == "no_trace"


def test_last_of_two_crashes_counts() -> None:
    log = banner() + traceback("ValueError: survived") + work(300, 1) + traceback("TypeError: fatal")
    assert final_of(log).text == "TypeError: fatal"


def test_later_fatal_error_line_overrules_a_survived_traceback_close_before() -> None:
    log = (
        banner()
        + work(20)
        + line("ERROR", "enrichment failed", 5)
        + traceback("ValueError: bad enrichment")
        + work(10, 6)
        + line("ERROR", "orchestrator internal error: division by zero", 8)
        + STOP
    )
    assert "division by zero" in final_of(log).message


def test_error_line_that_repeats_the_traceback_does_not_overrule_it() -> None:
    log = (
        banner()
        + traceback()
        + line("INFO", "writing state", 8)
        + line("ERROR", "fatal: KeyError: 'spot', exiting", 8)
    )
    assert crash_of(log).kind == "traceback"


def test_task_failure_after_a_survived_traceback() -> None:
    task = (
        "Task exception was never retrieved\n"
        "future: <Task finished name='Task-3' coro=<poll() done> exception=TypeError('task')>\n"
        + traceback("TypeError: task")
    )
    log = banner() + traceback("ValueError: survived") + work(20, 1) + task
    crash = crash_of(log)
    assert (crash.kind, crash.final.text if crash.final else "") == ("unretrieved_task", "TypeError: task")


def test_uncaught_exception_goes_before_a_task_reported_after_it() -> None:
    task = "Task exception was never retrieved\n" + traceback("TypeError: task")
    log = banner() + work(5) + traceback("ValueError: main") + task
    assert final_of(log).text == "ValueError: main"


def test_logging_error_is_not_the_crash() -> None:
    log = banner() + work(5) + "--- Logging error ---\n" + traceback("TypeError: not all arguments converted")
    assert crash_of(log).kind == "no_trace"


@pytest.mark.parametrize(
    "text",
    [
        "Fatal Python error: Segmentation fault",
        "/usr/bin/python3: can't open file '/x/services/vigil/main.py': [Errno 2] No such file or directory",
        "scripts/ms-vigil.sh: line 12: 4711 Segmentation fault      python main.py",
        "bash: .venv/bin/python: No such file or directory",
    ],
)
def test_death_before_or_below_python(text: str) -> None:
    crash = crash_of(banner() + text + "\n")
    assert crash.kind == "error_line"


def test_only_the_last_run_counts() -> None:
    log = banner() + work(20) + traceback() + banner(100) + work(200, 101)
    assert crash_of(log).kind == "no_trace"


def test_restart_loop_shows_the_last_run() -> None:
    loop = "".join(banner(n * 10) + work(3, n * 10) + traceback(f"ValueError: run {n}") for n in range(30))
    assert final_of(loop).message == "run 29"


def test_runs_without_a_banner_are_told_by_their_set_up_lines() -> None:
    def setup(second: float) -> str:
        return (
            line("INFO", "loading Truth from redis://127.0.0.1:6379", second)
            + line("INFO", "Truth loaded (version 3)", second)
            + line("INFO", "heartbeat thread started (vigil:heartbeat)", second)
        )

    first = setup(0) + work(20, 1) + traceback()
    assert crash_of(first + setup(60) + work(60, 61)).kind == "no_trace"
    assert crash_of(first + setup(60) + work(60, 61) + traceback("ValueError: 2")).kind == "traceback"


def test_error_that_names_the_logger_starts_no_run() -> None:
    log = work(20) + traceback("AttributeError: 'LogUtil' object has no attribute 'exception'")
    assert final_of(log).name == "AttributeError"
    log = work(20) + line("ERROR", "SetupBase failed: no such component", 5)
    assert crash_of(log).kind == "error_line"


def test_configuration_dump_is_part_of_the_run() -> None:
    dump = "".join(line("INFO", f"  bus {n} = redis://127.0.0.1:{6379 + n}", 1) for n in range(80))
    log = banner() + line("INFO", "configuration:", 1) + dump + traceback("KeyError: 'buses'")
    assert final_of(log).text == "KeyError: 'buses'"


def test_uvicorn_start_up_failure() -> None:
    inner = "".join(f"{row}\n" for row in traceback("RuntimeError: no db").splitlines())
    log = (
        "INFO:     Started server process [4711]\nINFO:     Waiting for application startup.\nERROR:    "
        + inner
        + "\nERROR:    Application startup failed. Exiting.\n"
    )
    assert final_of(log).text == "RuntimeError: no db"


def test_uvicorn_port_in_use() -> None:
    log = (
        "INFO:     Started server process [4711]\nINFO:     Application startup complete.\n"
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 3005): address already in use\n"
        "INFO:     Waiting for application shutdown.\nINFO:     Application shutdown complete.\n"
    )
    crash = crash_of(log)
    assert crash.kind == "error_line" and crash.final is not None and "bind on address" in crash.final.message


def test_crash_far_above_the_end_of_a_long_traceback() -> None:
    chain = "\n".join(
        f'  File "{ROOT}/services/vigil/intel/a{n % 7}.py", line {n + 1}, in f{n}\n    call_{n}()'
        for n in range(3000)
    )
    log = banner() + work(10) + f"Traceback (most recent call last):\n{chain}\nRecursionError: deep\n"
    final = final_of(log)
    assert (final.text, len(final.frames)) == ("RecursionError: deep", 3000)


# Frames


def frames(crash: Crash) -> Iterator[Frame]:
    assert crash.final is not None
    return iter(crash.final.frames)


COMMIT = {"services/vigil/main.py", "services/vigil/intel/rules.py", "shared/setup_base.py", "main.py"}


def test_frames_map_to_the_longest_suffix_of_the_commit() -> None:
    crash = map_frames(crash_of(traceback()), COMMIT.__contains__)
    assert [frame.repo_path for frame in frames(crash)] == [
        "services/vigil/main.py",
        "services/vigil/intel/rules.py",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/venv/lib/python3.14/site-packages/vendor/main.py",
        "/usr/lib/python3.11/asyncio/main.py",
        "<frozen importlib._bootstrap>",
        "<string>",
        "/srv/../services/vigil/main.py",
        "/srv/services/vigil/\x07main.py",
        "node:internal/main.py",
    ],
)
def test_frames_of_others_are_not_mapped(path: str) -> None:
    crash = Crash("traceback", (CrashError("E", "", (Frame(path, 1, "f"),)),), "", 1)
    assert [frame.repo_path for frame in frames(map_frames(crash, COMMIT.__contains__))] == [None]


def test_windows_paths_and_file_urls_are_mapped() -> None:
    paths = ("C:\\swarm\\services\\vigil\\main.py", "file:///srv/x%20y/services/vigil/main.py")
    error = CrashError("E", "", tuple(Frame(path, 1, "f") for path in paths))
    crash = map_frames(Crash("node", (error,), "", 1), COMMIT.__contains__)
    assert {frame.repo_path for frame in frames(crash)} == {"services/vigil/main.py"}


def stack(*paths: str) -> Crash:
    found = tuple(Frame(path, 1, "f") for path in paths)
    return Crash("traceback", (CrashError("E", "", found),), "", 1)


MAIN = f"{ROOT}/services/vigil/main.py"


@pytest.mark.parametrize(
    ("paths", "owner"),
    [
        ((MAIN, "/x/site-packages/redis/connection.py"), "service"),
        ((MAIN, f"{ROOT}/shared/setup_base.py", "/x/site-packages/redis/connection.py"), "shared"),
        ((MAIN, f"{ROOT}/services/massive/intel/api.py"), "other_service"),
        (("/x/site-packages/uvicorn/main.py", "/usr/lib/python3.11/socket.py"), "package"),
        (("/usr/lib/python3.11/asyncio/runners.py",), "interpreter"),
        (("<string>",), "unknown"),
        ((), "unknown"),
    ],
)
def test_owner_is_whose_code_the_innermost_frame_of_the_repository_is(
    paths: tuple[str, ...], owner: str
) -> None:
    assert stack(*paths).owner("vigil") == owner


def test_culprit_is_no_test_and_no_sibling_of_a_like_name() -> None:
    crash = stack(MAIN, f"{ROOT}/services/vigil2/a.py", f"{ROOT}/services/vigil/tests/test_a.py")
    culprit = crash.culprit("vigil")
    assert culprit is not None and culprit.path == MAIN


# Fingerprint


def test_fingerprint_does_not_change_with_what_changes_from_run_to_run() -> None:
    one = crash_of(traceback("RuntimeError: order 8f3a21 of pid 4711 at 0x7f00 failed in /a/b/x.json", at=88))
    two = crash_of(
        traceback(
            "RuntimeError: order 77aa12 of pid 99 at 0x7fee failed in /home/me/b/x.json", at=93
        ).replace(ROOT, "/home/me/swarm")
    )
    assert fingerprint("vigil", one) == fingerprint("vigil", two)
    assert len(fingerprint("vigil", one)) == 16


def test_fingerprint_is_the_same_before_and_after_mapping() -> None:
    crash = crash_of(traceback())
    assert fingerprint("vigil", crash) == fingerprint("vigil", map_frames(crash, COMMIT.__contains__))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (traceback("KeyError: 'spot'"), traceback("KeyError: 'chain'")),
        (traceback("KeyError: 'spot'"), traceback("IndexError: 'spot'")),
        (traceback(module="intel/rules.py"), traceback(module="intel/filters.py")),
        (
            traceback("ConnectionError: Error 111 connecting to 127.0.0.1:6379"),
            traceback("ConnectionError: Error 111 connecting to 127.0.0.1:6380"),
        ),
    ],
)
def test_fingerprint_tells_faults_apart(one: str, other: str) -> None:
    assert fingerprint("vigil", crash_of(one)) != fingerprint("vigil", crash_of(other))


def test_fingerprint_depends_on_the_service() -> None:
    crash = crash_of(traceback())
    assert fingerprint("vigil", crash) != fingerprint("massive", crash)
