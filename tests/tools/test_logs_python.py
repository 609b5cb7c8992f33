"""Python tracebacks, most of them printed by a real interpreter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.logs import Crash, last_crash


def crash_of(code: str, folder: Path) -> Crash:
    """The crash in what a program printed when it died."""
    file = folder / "main.py"
    file.write_text(code, encoding="utf-8")
    done = subprocess.run([sys.executable, "-u", str(file)], capture_output=True, timeout=30)
    crash = last_crash(done.stdout + done.stderr)
    assert crash is not None
    return crash


def parsed(log: str) -> Crash:
    crash = last_crash(log.encode())
    assert crash is not None
    return crash


def types(crash: Crash) -> list[tuple[str, str]]:
    return [(error.relation, error.name) for error in crash.errors]


def test_cause_and_context_are_told_apart(tmp_path: Path) -> None:
    crash = crash_of(
        """
def load():
    try:
        {}["spot"]
    except KeyError as error:
        raise ValueError("no spot") from error
try:
    load()
except ValueError:
    1 / 0
""",
        tmp_path,
    )
    assert types(crash) == [("cause", "KeyError"), ("context", "ValueError"), ("raised", "ZeroDivisionError")]
    assert crash.final is not None and crash.final.frames[-1].code == "1 / 0"
    assert crash.errors[1].frames[-1].function == "load" and crash.errors[1].frames[-1].line == 6


def test_message_of_several_lines_with_blank_ones_before_a_chain(tmp_path: Path) -> None:
    crash = crash_of(
        """
try:
    raise ValueError("first\\n\\n  third: x\\nfourth")
except ValueError as error:
    raise RuntimeError("outer\\ntwo lines") from error
""",
        tmp_path,
    )
    assert [error.message for error in crash.errors] == ["first\n\n  third: x\nfourth", "outer\ntwo lines"]


def test_notes_belong_to_the_message(tmp_path: Path) -> None:
    crash = crash_of("e = KeyError('a')\ne.add_note('while reading massive:spot')\nraise e\n", tmp_path)
    assert crash.final is not None and crash.final.message == "'a'\nwhile reading massive:spot"


def test_exception_without_message_and_with_local_class(tmp_path: Path) -> None:
    code = "def make():\n    class Odd(Exception):\n        pass\n    raise Odd\nmake()\n"
    crash = crash_of(code, tmp_path)
    assert crash.final is not None
    assert (crash.final.type, crash.final.message) == ("make.<locals>.Odd", "")


def test_recursion_is_one_error_with_its_frames(tmp_path: Path) -> None:
    crash = crash_of("def again(n):\n    return again(n + 1)\nagain(0)\n", tmp_path)
    assert crash.final is not None and crash.final.name == "RecursionError"
    assert {frame.function for frame in crash.final.frames} == {"<module>", "again"}


def test_syntax_error_in_an_imported_module(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n    pass\n", encoding="utf-8")
    crash = crash_of("import broken\n", tmp_path)
    assert crash.final is not None and crash.final.name == "SyntaxError"
    assert crash.final.frames[-1].path.endswith("broken.py") and crash.final.frames[-1].line == 1


def test_syntax_error_in_the_program_itself_has_no_header(tmp_path: Path) -> None:
    crash = crash_of("x = 1\nif x\n    pass\n", tmp_path)
    assert crash.final is not None and crash.final.name == "SyntaxError"
    assert (crash.final.frames[-1].line, crash.final.frames[-1].code) == (2, "if x")


def test_task_group_ends_with_its_first_member(tmp_path: Path) -> None:
    crash = crash_of(
        """
import asyncio
async def work(name):
    try:
        {}[name]
    except KeyError as error:
        raise RuntimeError(f"worker {name}") from error
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(work("spot"))
        group.create_task(work("chain"))
asyncio.run(main())
""",
        tmp_path,
    )
    assert crash.final is not None and crash.final.message == "worker spot"
    assert types(crash)[0] == ("raised", "ExceptionGroup")
    assert types(crash)[-1] == ("member", "RuntimeError")
    assert crash.final.frames[-1].function == "work"


def test_nested_groups_behind_a_cause(tmp_path: Path) -> None:
    crash = crash_of(
        """
def fail():
    raise ExceptionGroup("all", [ValueError("1"), ExceptionGroup("deep", [KeyError("k"), TypeError("t")])])
try:
    fail()
except ExceptionGroup as error:
    raise RuntimeError("final") from error
""",
        tmp_path,
    )
    assert [error.name for error in crash.errors] == [
        "ExceptionGroup",
        "ValueError",
        "ExceptionGroup",
        "KeyError",
        "TypeError",
        "RuntimeError",
    ]
    assert crash.final is not None and crash.final.message == "final"
    assert {error.relation for error in crash.errors[:-1]} == {"cause"}


def test_task_that_nobody_awaited(tmp_path: Path) -> None:
    crash = crash_of(
        """
import asyncio
async def worker():
    return 1 / 0
async def main():
    asyncio.create_task(worker())
    await asyncio.sleep(0.05)
asyncio.run(main())
""",
        tmp_path,
    )
    assert crash.kind == "unretrieved_task"
    assert crash.final is not None and crash.final.frames[-1].function == "worker"
    assert crash.text.startswith("Task exception was never retrieved")


def test_error_of_the_main_program_counts_before_that_of_a_thread(tmp_path: Path) -> None:
    crash = crash_of(
        """
import threading
thread = threading.Thread(target=lambda: {}["x"])
thread.start()
thread.join()
raise ValueError("main")
""",
        tmp_path,
    )
    assert crash.final is not None and crash.final.text == "ValueError: main"


def test_thread_alone_is_the_crash(tmp_path: Path) -> None:
    crash = crash_of(
        "import threading\nt = threading.Thread(target=lambda: {}['x'])\nt.start()\nt.join()\n", tmp_path
    )
    assert crash.final is not None and crash.final.name == "KeyError"
    assert crash.text.startswith("Exception in thread")


def test_ignored_exception_at_exit_is_not_the_crash(tmp_path: Path) -> None:
    crash = crash_of(
        """
class Bad:
    def __del__(self):
        raise OSError("late")
keep = Bad()
raise ValueError("real")
""",
        tmp_path,
    )
    assert crash.final is not None and crash.final.name == "ValueError"


def test_keyboard_interrupt_is_a_stop(tmp_path: Path) -> None:
    crash = crash_of("raise KeyboardInterrupt\n", tmp_path)
    assert crash.kind == "stopped"
    assert crash.final is not None and crash.final.name == "KeyboardInterrupt"


def test_frames_without_a_file(tmp_path: Path) -> None:
    crash = crash_of("exec('def f():\\n    missing\\nf()')\n", tmp_path)
    assert crash.final is not None
    assert [frame.path for frame in crash.final.frames[1:]] == ["<string>", "<string>"]
    assert crash.owner("vigil") == "unknown"


PYTHON_314 = """\
Traceback (most recent call last):
  File "/Users/ernie/MarketSwarm/services/vigil/main.py", line 41, in <module>
    sys.exit(asyncio.run(main()))
             ~~~~~~~~~~~^^^^^^^^
  File "/opt/homebrew/Cellar/python@3.14/3.14.0/Frameworks/Python.framework/Versions/3.14/lib/python3.14/asyncio/runners.py", line 204, in run
    return runner.run(main)
           ~~~~~~~~~~^^^^^^
  File "/Users/ernie/MarketSwarm/services/vigil/intel/rules.py", line 88, in evaluate
    return Event(
        symbol=symbol,
    ...<5 lines>...
        change=(spot - last) / last,
               ~~~~~~~~~~~~~~^~~~~~
    )
ZeroDivisionError: float division by zero
"""


def test_marks_and_elided_lines_of_newer_pythons() -> None:
    crash = parsed(PYTHON_314)
    assert crash.final is not None and crash.final.text == "ZeroDivisionError: float division by zero"
    assert [frame.code for frame in crash.final.frames][1:] == ["return runner.run(main)", "return Event("]
    culprit = crash.culprit("vigil")
    assert culprit is not None and (culprit.line, culprit.function) == (88, "evaluate")


@pytest.mark.parametrize(
    "prefix",
    [
        "[2026-11-22 10:00:00][vigil][ERROR] ",
        "vigil-1  | ",
        "Nov 22 10:00:00 host vigil[4711]: ",
        "2026-11-22 10:00:00,123 - vigil - ERROR - ",
    ],
)
def test_every_line_behind_a_log_prefix(prefix: str) -> None:
    log = "".join(f"{prefix}{line}\n" for line in PYTHON_314.splitlines())
    crash = parsed(log)
    assert crash.final is not None and crash.final.text == "ZeroDivisionError: float division by zero"
    assert len(crash.final.frames) == 3


def test_header_behind_a_prefix_and_frames_without() -> None:
    crash = parsed(f"[2026-11-22 10:00:00][vigil][ERROR] ❌ worker failed: {PYTHON_314}")
    assert crash.final is not None and crash.final.name == "ZeroDivisionError"


def test_other_log_lines_between_the_frames() -> None:
    lines = PYTHON_314.splitlines()
    noise = "[2026-11-22 10:00:00][vigil][INFO] 💓 heartbeat"
    mixed = "\n".join([*lines[:3], noise, *lines[3:8], noise, "printed by a thread", *lines[8:], noise])
    crash = parsed(mixed)
    assert crash.final is not None and crash.final.text == "ZeroDivisionError: float division by zero"
    assert len(crash.final.frames) == 3


def test_traceback_escaped_inside_a_json_line() -> None:
    inner = PYTHON_314.replace('"', '\\"').replace("\n", "\\n")
    crash = parsed('{"level": "error", "service": "vigil", "exc": "' + inner.removesuffix("\\n") + '"}\n')
    assert crash.final is not None and crash.final.name == "ZeroDivisionError"
    culprit = crash.culprit("vigil")
    assert culprit is not None and culprit.line == 88


def test_coloured_traceback() -> None:
    coloured = (
        "Traceback (most recent call last):\n"
        '  File \x1b[35m"/m/services/vigil/main.py"\x1b[0m, line \x1b[35m9\x1b[0m, in \x1b[35mrun\x1b[0m\n'
        "    x[\x1b[1;31m0\x1b[0m]\n"
        "\x1b[1;35mIndexError\x1b[0m: \x1b[35mlist index out of range\x1b[0m\n"
    )
    crash = parsed(coloured)
    assert crash.final is not None and crash.final.text == "IndexError: list index out of range"


def test_log_that_ends_inside_a_traceback() -> None:
    crash = parsed("\n".join(PYTHON_314.splitlines()[:7]))
    assert crash.kind == "traceback"
    assert crash.final is not None and (crash.final.type, len(crash.final.frames)) == ("", 2)


def test_lone_word_between_frames_is_no_exception() -> None:
    lines = PYTHON_314.splitlines()
    crash = parsed("\n".join([*lines[:4], "done", *lines[4:]]))
    assert crash.final is not None and crash.final.name == "ZeroDivisionError"
