"""Who answers in a run: the rule-based model is scored as one, and never under a live model's name."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.settings import SettingsError
from evals.cases import INCIDENTS, load_cases
from evals.run.models import OFFLINE, can_answer, check_known
from evals.run.perform import Job, perform
from evals.score.answer import Answer


def job(tmp_path: Path, case: str, model: str, config: Path | None = None) -> Job:
    return Job(INCIDENTS / case, model, 1, tmp_path / "work", tmp_path / "record", "code", config)


def test_the_rule_based_model_has_something_to_say_to_every_case() -> None:
    for model in ("builtin", "builtin-without-history"):
        assert model in OFFLINE
        assert all(can_answer(model, case) for case in load_cases().values())


@pytest.mark.slow
def test_the_rule_based_model_is_scored_as_one(tmp_path: Path) -> None:
    answer = perform(job(tmp_path, "healer-null-heartbeat", "builtin"))
    assert answer.right, answer
    assert (answer.branch, answer.correct, answer.violations) == (True, True, ())
    assert (answer.models, answer.cost_usd) == (("rule-based, no model",), 0.0)


@pytest.mark.slow
def test_what_it_cannot_mend_is_no_wrong_verdict(tmp_path: Path) -> None:
    answer = perform(job(tmp_path, "copilot-mel-empty", "builtin"))
    assert (answer.branch, answer.patched) == (False, False)
    assert answer.verdict_right
    assert answer.mark == "open"


@pytest.mark.slow
@pytest.mark.parametrize(("model", "right"), [("builtin", True), ("builtin-without-history", False)])
def test_what_history_gives_it_can_be_left_out(tmp_path: Path, model: str, right: bool) -> None:
    assert perform(job(tmp_path, "vigil-module-lost", model)).right is right


def own_model(tmp_path: Path, url: str, *more: str) -> Path:
    config = tmp_path / "own.toml"
    config.write_text("\n".join((*more, "[model.own]", f'base_url = "{url}"', 'api = "chat"')))
    return config


def is_nothing_said(answer: Answer) -> bool:
    said = (answer.verdict, answer.category, answer.category_right, answer.file_right, answer.culprit)
    return said == ("unclear", "", False, None, None) and not answer.right and not answer.verdict_right


def test_a_live_model_that_fails_is_not_scored_by_what_the_rules_can_do(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    answer = perform(job(tmp_path, "healer-null-heartbeat", "own", own_model(tmp_path, url)))
    assert (answer.branch, answer.models, answer.steps, answer.mark) == (False, (), 0, "broke")
    assert (answer.error or "").startswith("NotAnswered: own: ")
    assert is_nothing_said(answer)


def test_a_model_whose_key_went_midway_did_not_answer(tmp_path: Path) -> None:
    config = own_model(tmp_path, "http://127.0.0.1:1/v1")
    config.write_text(config.read_text() + '\nkey = ["NO_SUCH_KEY_ANYWHERE"]\n')
    answer = perform(job(tmp_path, "rss-no-date", "own", config))
    assert (answer.outcome, answer.mark) == ("no_key", "broke")
    assert is_nothing_said(answer)


def call_of_a_tool(number: int) -> dict[str, object]:
    arguments = json.dumps(
        {"path": "services/rss_agg/main.py", "start": number, "end": number + 1, "commit": None}
    )
    function = {"name": "read_file", "arguments": arguments}
    message = {"role": "assistant", "content": None,
               "tool_calls": [{"id": f"c{number}", "type": "function", "function": function}]}  # fmt: skip
    return {"id": "x", "object": "chat.completion", "created": 0, "model": "own",
            "choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}  # fmt: skip


class NeverConcludes(BaseHTTPRequestHandler):
    """A model that reads on and on; after `answers` of its replies it is gone."""

    answers = 1000
    given = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        kind = type(self)
        kind.given += 1
        payload = json.dumps(call_of_a_tool(kind.given)).encode()
        self.send_response(200 if kind.given <= kind.answers else 401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def reading_on(answers: int) -> Iterator[str]:
    handler = type("Handler", (NeverConcludes,), {"answers": answers})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


def test_a_model_that_leaves_midway_broke_and_what_it_cost_is_kept(tmp_path: Path) -> None:
    with reading_on(answers=2) as url:
        answer = perform(job(tmp_path, "rss-no-date", "own", own_model(tmp_path, url)))
    assert answer.mark == "broke"
    assert is_nothing_said(answer)
    assert (answer.steps, answer.input_tokens) == (2, 14)


def test_a_model_that_reaches_its_limit_without_an_answer_is_silent_not_right(tmp_path: Path) -> None:
    with reading_on(answers=1000) as url:
        config = own_model(tmp_path, url, "[limits]", "steps = 2", "soft_steps = 1")
        answer = perform(job(tmp_path, "rss-no-date", "own", config))
    assert (answer.outcome, answer.mark, answer.error) == ("limit", "silent", None)
    assert answer.unanswered
    assert is_nothing_said(answer)


def test_a_live_model_without_a_key_is_exit_code_4_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XAI_API_KEY", raising=False)
    words = ["eval", "run", "--model", "rules", "--model", "grok-4", "--folder", str(tmp_path / "out")]
    told = CliRunner().invoke(main, [*words, "--only", "rss-no-date", "--need", "verdict=1"])
    assert told.exit_code == 4
    assert "grok-4: no key: XAI_API_KEY" in told.output and "nothing was run" in told.output
    assert not (tmp_path / "out").exists()
    assert json.loads(CliRunner().invoke(main, [*words, "--json"]).stdout)["exit_code"] == 4


def test_an_unknown_model_is_one_usage_error_before_anything_runs(tmp_path: Path) -> None:
    words = ["eval", "run", "--model", "rules", "--model", "gork-4", "--folder", str(tmp_path / "out")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "model 'gork-4' is not known" in told.output
    assert "builtin" in told.output, "it says which ones need no settings"
    assert not (tmp_path / "out").exists()


def test_a_model_of_the_settings_is_known(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text('[model.own]\nbase_url = "http://127.0.0.1:1/v1"\n')
    check_known(["own", "recorded", "grok-4"], config)
    with pytest.raises(SettingsError, match="'other' is not known"):
        check_known(["own", "other"], config)
