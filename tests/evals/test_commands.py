"""The commands that evals brings: found by entry points, light to list; a relay for recording; progress."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from agent.cli import main
from agent.model.cassette import read_head
from evals.run.pool import SOURCES
from evals.run.progress import progress
from evals.run.relay import RelayError, relay
from evals.score.answer import Answer

ROOT = Path(__file__).parents[2]
STAND_IN = """
    import json, sys
    from http.server import BaseHTTPRequestHandler, HTTPServer
    SAID = {"root_cause": "a module is gone", "category": "import_module", "culprit": None, "evidence": [],
            "fixable": False, "why_not": "said by a stub", "risk": None, "confidence": 0.5,
            "operator_action": None}
    class Stand(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            message = {"role": "assistant", "content": json.dumps(SAID)}
            body = json.dumps({
                "id": "c", "object": "chat.completion", "created": 0, "model": "stub",
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Stand).serve_forever()
"""


def here(*words: str) -> Result:
    return CliRunner().invoke(main, words)


def python(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def answer(**more: object) -> Answer:
    told = {"case": "a", "service": "s", "group": "trap", "model": "m", "fixable": False, "true_category": "killed",
            "verdict": "not_fixable", **more}  # fmt: skip
    return Answer.model_validate(told)


def test_commands_of_the_layer_above_are_found_and_listed() -> None:
    told = here("--help").output
    assert "eval       Does it heal, does it know when not to, and what does it cost?" in told
    assert "record     Record a crash, or a model's answers." in told
    assert [word for word in ("run", "show", "compare", "report") if f"\n  {word} " in here("eval", "-h").output] == [
        "run", "show", "compare", "report",
    ]  # fmt: skip
    assert here("record", "answers", "--help").exit_code == 0
    assert here("record", "incident", "--help").exit_code == 0
    assert here("no-such-command").exit_code == 2


def test_help_imports_nothing_heavy_and_a_command_of_ours_nothing_from_above() -> None:
    tell = "print('\\n'.join(sorted(name for name in sys.modules if name.partition('.')[0] in %r)))"
    ask = "import sys; from agent.cli import main; main([%s'--help'], standalone_mode=False);"
    heavy = ("pydantic", "rich", "openai", "redis", "evals")
    assert [line for line in python(ask % "" + tell % (heavy,)) if line in heavy or "." in line.split(" ")[0]] == [
        "evals", "evals.commands",
    ]  # fmt: skip
    assert [
        line for line in python(ask % "'doctor', " + tell % (("evals",),)) if line.startswith("evals")
    ] == []


def test_without_the_package_s_metadata_our_own_commands_are_there(tmp_path: Path) -> None:
    argv = [
        sys.executable,
        "-S",
        "-c",
        "import sys; sys.path += sys.argv[1:]; from agent.cli import main; main(['-h'])",
    ]
    (tmp_path / "click").symlink_to(Path(sys.modules["click"].__file__ or "").parent)
    done = subprocess.run(
        [*argv, str(ROOT), str(tmp_path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "heal" in done.stdout
    assert "eval" not in done.stdout


def test_incidents_lists_as_before_and_has_export_below_it(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path))
    assert json.loads(here(*state, "incidents", "--json").output) == []
    assert "no incidents" in here(*state, "incidents").output
    told = here(*state, "incidents", "export", "no-such-incident", "--fix", "HEAD")
    assert told.exit_code == 1
    assert "there is no incident 'no-such-incident'" in told.output
    assert here(*state, "incidents", "--limit", "x").exit_code == 2


@pytest.mark.parametrize(("changed", "rebuilt"), [("pyproject.toml", False), ("requirements.lock", True)])
def test_a_changed_pyproject_installs_again_and_builds_no_environment(
    tmp_path: Path, changed: str, rebuilt: bool
) -> None:
    for name in (".installed", ".editable"):
        (tmp_path / name).touch()
    argv = ["make", "-n", "-W", changed, "setup", f"VENV={tmp_path}"]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-e ." in told
    assert ("venv --clear" in told) == rebuilt


@pytest.fixture
def stand_in(tmp_path: Path) -> str:
    """A program that answers as a model would, as --relay takes it."""
    (tmp_path / "stand_in.py").write_text(textwrap.dedent(STAND_IN))
    return f"{sys.executable} {tmp_path / 'stand_in.py'} {{port}}"


@pytest.mark.slow
def test_one_command_starts_what_answers_and_records_it(tmp_path: Path, stand_in: str) -> None:
    words = (
        "record",
        "answers",
        "copilot-redis-replica",
        "--api",
        "chat",
        "--answered-by",
        "a stub",
        "--json",
    )
    told = here(*words, "--relay", stand_in, "--into", str(tmp_path), "--folder", str(tmp_path / "work"))
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert [(one["outcome"], one["steps"]) for one in said] == [("not_fixable", 1)]
    assert read_head(tmp_path / "copilot-redis-replica.yaml").answered_by == "a stub"


def test_a_relay_is_ended_with_what_was_recorded(stand_in: str) -> None:
    with relay(stand_in) as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        pid = int(
            subprocess.run(["pgrep", "-f", f"stand_in.py {port}"], capture_output=True, check=True).stdout
        )
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("python3 relay.py", "say where the relay's port goes"),
        ("/no/such/program {port}", "cannot be started"),
        (f"{sys.executable} -c 'raise SystemExit(3)' {{port}}", "ended with 3 before it listened"),
    ],
)
def test_a_relay_that_cannot_answer_is_refused(words: str, why: str) -> None:
    with pytest.raises(RelayError, match=why), relay(words):
        pass


def test_what_answers_is_said_once() -> None:
    assert here("record", "answers", "vigil-module-lost").exit_code == 2
    told = here("record", "answers", "no-such-case", "--url", "http://127.0.0.1:1/v1")
    assert told.exit_code == 2
    assert "no case 'no-such-case'" in told.output


def test_progress_is_lines_in_a_file_and_a_bar_on_a_terminal() -> None:
    answers = [
        answer(),
        answer(case="b", verdict="fixable", summary="x"),
        answer(case="c", error="OSError: [gone]"),
    ]
    texts = {}
    for terminal in (False, True):
        out = io.StringIO()
        console = Console(file=out, force_terminal=terminal, width=120, color_system=None)
        with progress(4, console) as tell:
            for number, one in enumerate(answers, 1):
                tell(one, number, 3)
        texts[terminal] = out.getvalue()
    assert texts[False].splitlines() == [
        "[  1/3] right m a: failed, not_fixable  (0.0 s)",
        "[  2/3] wrong m b: failed, fixable  (0.0 s)",
        "[  3/3] broke m c: OSError: [gone] (0.0 s)",
    ]
    assert "1 right 1 wrong 1 broke" in texts[True]
    assert "4/4" in texts[True]
    assert "wrong m b: failed" in texts[True] and "right m a" not in texts[True]
    assert "OSError: [gone]" in texts[True]


@pytest.mark.slow
def test_a_changed_prompt_is_told_with_the_recordings_that_it_makes_stale(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "prompts" / "system.md").open("a") as prompt:
        prompt.write("\nOne more sentence.\n")
    argv = [sys.executable, "-m", "evals", "run", "--model", "recorded", "--only", "rss-no-date"]
    done = subprocess.run([*argv, "--workers", "1", "--folder", str(tmp_path / "out")], cwd=copy, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert (
        "stale recordings: rss-no-date; record them anew with autohealer record answers rss-no-date"
        in done.stdout
    )
    assert "missed: recorded: broken run: rss-no-date: CassetteMiss" in done.stderr
