"""Who answers: the order of models, the rule-based one first, last or alone, and what a reader is told of it.

The providers are real HTTP servers on this machine, the crashes are recorded ones.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent.cli import main
from agent.result import HealResult
from evals.cases import INCIDENTS
from evals.testbed.faults import FAULTS
from evals.testbed.repository import make_repository

RULES = "rule-based, no model"
MENDED = "healer-null-heartbeat"
"""What builtin can mend."""
NOT_MENDED = "copilot-mel-empty"
"""What it cannot, though it is the service's own code."""
NOT_PROVEN = "healer-logger-exception"
"""What it proposes a patch for that nothing proves."""


@dataclass
class Desk:
    """A broken repository and the command line, in a folder with its own autohealer.toml."""

    folder: Path
    repo: Path
    incident: Path
    models: dict[str, str] = field(default_factory=dict)

    def configure(self, *lines: str, limits: str = "", sandbox: bool = True) -> None:
        """The settings: lines on top, limits, one section for each model that was named."""
        sections = (
            f'[model."{name}"]\nbase_url = "{url}/v1"\napi = "chat"\nkey = ["TEST_KEY"]\ntimeout_s = 0.5\n'
            for name, url in self.models.items()
        )
        top = (f'repo = "{self.repo}"', f'python = "{sys.executable}"', *lines)
        boxed = f"[sandbox]\ntest_runs = 1\nenabled = {str(sandbox).lower()}"
        text = "\n".join((*top, boxed, f"[limits]\n{limits}", *sections))
        (self.folder / "autohealer.toml").write_text(text)

    def heal(self, *words: str) -> HealResult:
        told = self.run("heal", str(self.incident), *words, "--json")
        result = HealResult.model_validate_json(told.stdout)
        assert told.exit_code == result.exit_code
        return result

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, ["--state", str(self.folder / "state"), *words])

    def message(self, branch: str | None) -> str:
        argv = ["git", "log", "-1", "--format=%B", str(branch)]
        return subprocess.run(argv, cwd=self.repo, capture_output=True, text=True, check=True).stdout


MakeDesk = Callable[[str], Desk]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeDesk:
    """`desk(fault)`: the testbed with a fault, no key but the one of the test's own models."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XAI_API_KEY", "OPENAI_API_KEY", "TEST_KEY"):
        monkeypatch.delenv(name, raising=False)

    def made(fault: str) -> Desk:
        repo = make_repository(tmp_path / "marketswarm").path
        incident = tmp_path / "incident"
        shutil.copytree(INCIDENTS / fault, incident)
        file = incident / "incident.json"
        commit = FAULTS[fault].apply(repo)
        file.write_text(json.dumps({**json.loads(file.read_text()), "commit": commit}))
        return Desk(tmp_path, repo, incident)

    return made


def nobody() -> str:
    """The URL of a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def said(answer: dict[str, Any]) -> dict[str, Any]:
    """A chat completion with a last message."""
    message = {"role": "assistant", "content": json.dumps(answer)}
    usage = {"prompt_tokens": 1000, "completion_tokens": 50}
    choices = [{"message": message, "finish_reason": "stop"}]
    return {"id": "1", "model": "own-2", "choices": choices, "usage": usage}


DIAGNOSIS = {
    "root_cause": "a name that nobody defined",
    "category": "bad_data",
    "culprit": None,
    "evidence": [],
    "fixable": False,
    "why_not": "it needs a person",
    "risk": None,
    "confidence": 0.6,
    "operator_action": None,
}


@pytest.mark.slow
def test_when_every_provider_fails_the_rules_mend_it_and_everything_says_so(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = provider(reply({"error": {"message": "Incorrect API key provided"}}, status=401))
    place = desk(MENDED)
    place.models = {"first": refusing.url, "second": nobody()}
    place.configure('models = ["first", "second"]')
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal()

    assert result.outcome == "branch", result.summary
    assert (result.answered_by, result.models) == (RULES, (RULES,))
    assert [one.model for one in result.failed_models] == ["first", "second"]
    assert "HTTP 401" in result.failed_models[0].why
    assert "no connection" in result.failed_models[1].why
    assert result.cost_usd == 0.0
    folder = Path(result.folder)
    for text in (
        (folder / "report.md").read_text(),
        (folder / "report.html").read_text(),
        json.loads((folder / "publication.json").read_text())["body"],
    ):
        answered = text[text.lower().index("answered by") :]
        for part in (RULES, "first failed (the key was refused", "second failed (no connection"):
            assert part in answered
    message = place.message(result.branch)
    assert f"Assisted-by: {RULES}" in message
    assert "builtin" not in message
    told = place.run("show", result.incident).output
    assert RULES in told


@pytest.mark.parametrize(
    ("failing", "why"),
    [
        ({"status": 401}, "key was refused"),
        ({"status": 429, "body": {"error": {"code": "insufficient_quota", "message": "pay"}}}, "quota"),
        ({"status": 429, "headers": {"Retry-After": "3600"}}, "HTTP 429"),
        ({"status": 500}, "HTTP 500"),
        ({"silent": 1.0}, "answer"),
        (None, "no connection"),
    ],
    ids=["refused-key", "no-quota", "overloaded", "broken", "silent", "nobody-there"],
)
def test_whatever_the_provider_s_fault_is_a_diagnosis_comes_of_it(
    desk: MakeDesk,
    provider: Any,
    reply: Any,
    monkeypatch: pytest.MonkeyPatch,
    failing: dict[str, Any] | None,
    why: str,
) -> None:
    place = desk(NOT_MENDED)
    place.models = {"own": provider(reply(**failing)).url if failing else nobody()}
    place.configure('models = ["own"]', sandbox=False)
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal()

    assert (result.outcome, result.answered_by) == ("diagnosed", RULES)
    assert [one.model for one in result.failed_models] == ["own"]
    assert why in result.failed_models[0].why
    assert result.diagnosis is not None
    assert result.diagnosis.fixable
    assert (result.diagnosis.why_not or "").startswith(RULES)


def test_where_nothing_is_configured_and_no_key_is_found_the_rules_are_the_model(desk: MakeDesk) -> None:
    place = desk(NOT_MENDED)
    place.configure(sandbox=False)

    result = place.heal()

    assert (result.outcome, result.answered_by) == ("diagnosed", RULES)
    assert result.failed_models == (), "nobody asked for a model, so none failed"
    assert [note for note in result.notes if "no key for any model" in note]
    found = {one["what"]: one for one in json.loads(place.run("doctor", "--json").output)}
    assert "in place of the models" in found["model builtin"]["found"]


def test_models_that_were_written_down_and_have_no_key_are_told_one_by_one(desk: MakeDesk) -> None:
    place = desk(NOT_MENDED)
    place.configure('models = ["grok-4", "gpt-4o-mini"]', sandbox=False)

    result = place.heal()

    assert (result.outcome, result.answered_by) == ("diagnosed", RULES)
    assert [one.model for one in result.failed_models] == ["grok-4", "gpt-4o-mini"]
    assert all("no key" in one.why for one in result.failed_models)


def test_a_model_that_was_asked_for_by_name_and_has_no_key_is_exit_code_4(desk: MakeDesk) -> None:
    place = desk(NOT_MENDED)
    place.configure(sandbox=False)

    result = place.heal("--model", "grok-4")

    assert (result.outcome, int(result.exit_code)) == ("no_key", 4)
    assert result.answered_by is None
    report = (Path(result.folder) / "report.md").read_text()
    assert "triage alone, no model answered, after grok-4 failed (no key" in report


def test_a_model_that_was_asked_for_by_name_and_fails_is_not_the_end(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = desk(NOT_MENDED)
    place.models = {"own": provider(reply(status=401)).url}
    place.configure(sandbox=False)
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal("--model", "own")

    assert (result.outcome, result.answered_by) == ("diagnosed", RULES)
    assert [one.model for one in result.failed_models] == ["own"]


@pytest.mark.slow
def test_the_rules_go_first_and_hand_over_what_they_read_and_tried(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = provider(reply(said(DIAGNOSIS)))
    place = desk(NOT_PROVEN)
    place.models = {"own": server.url}
    place.configure('models = ["builtin", "own"]', limits="steps = 6\nsoft_steps = 5")
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal()

    assert (result.outcome, result.answered_by) == ("not_fixable", "own-2")
    assert result.models == (RULES, "own-2")
    assert result.failed_models == (), "to find no repair is no failure"
    assert result.summary == "it needs a person"
    assert not (Path(result.folder) / "patch.diff").exists()
    messages = server.asked[0].body["messages"]
    calls = [call for one in messages for call in one.get("tool_calls", ())]
    answers = {one["tool_call_id"] for one in messages if one["role"] == "tool"}
    names = {call["function"]["name"] for call in calls}
    assert names >= {"read_file", "propose_patch"}, "what builtin read and tried is in the conversation"
    assert {call["id"] for call in calls} == answers
    assert messages[-1]["role"] == "user"
    assert f"without a proven patch: a diagnosis without a patch: {RULES}" in messages[-1]["content"]
    assert "with all of your steps" in messages[-1]["content"]
    assert result.steps == 7, "builtin used up six of six, and the next model had its own"


@pytest.mark.slow
def test_what_the_rules_mend_costs_no_request(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = provider(reply(said(DIAGNOSIS)))
    place = desk(MENDED)
    place.models = {"own": server.url}
    place.configure('models = ["builtin", "own"]')
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal("--stop-after", "prove")

    assert (result.outcome, result.answered_by) == ("proven", RULES)
    assert server.asked == []


def test_the_rules_answer_stands_where_the_next_model_fails(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = desk(NOT_MENDED)
    place.models = {"own": provider(reply(status=401)).url}
    place.configure('models = ["builtin", "own"]', sandbox=False)
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal()

    assert (result.outcome, result.answered_by) == ("diagnosed", RULES)
    assert [one.model for one in result.failed_models] == ["own"]
    kept = json.loads((Path(result.folder) / "diagnosis.json").read_text())
    assert kept["why_not"].startswith(RULES)


def test_the_last_resort_keeps_to_the_budget(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = desk(MENDED)
    place.models = {"own": provider(reply(status=401)).url}
    place.configure('models = ["own"]', limits="steps = 2\nsoft_steps = 1")
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    result = place.heal()

    assert (result.outcome, int(result.exit_code)) == ("limit", 6)
    assert result.steps == 3, "two, and the last word"
    assert result.branch is None
    assert result.diagnosis is not None
    assert (result.diagnosis.why_not or "").startswith(RULES)


def test_the_terminal_says_who_answered(desk: MakeDesk) -> None:
    place = desk(NOT_MENDED)
    place.configure('models = ["grok-4"]', sandbox=False)

    told = " ".join(place.run("heal", str(place.incident)).output.split())

    assert "from here on builtin answers (rule-based, no model)" in told
    assert "answered by rule-based, no model, after grok-4 failed (no key" in told


def test_on_the_command_line_a_model_is_asked_about_clear_cases_too(
    desk: MakeDesk, provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = provider(reply(said(DIAGNOSIS)))
    place = desk("vigil-market-redis")
    place.models = {"own": server.url}
    place.configure(sandbox=False)
    monkeypatch.setenv("TEST_KEY", "sk-test-of-this-file")

    clear = place.heal("--model", "own")
    assert (clear.outcome, clear.answered_by, server.asked) == ("not_fixable", None, [])
    asked = place.heal("--model", "own", "--always-ask")
    assert (asked.outcome, asked.answered_by, len(server.asked)) == ("not_fixable", "own-2", 1)
    assert asked.summary == "it needs a person"
