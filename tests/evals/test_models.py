"""Who answers in a run: the rule-based model is scored as one, and never under a live model's name."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent.cli import main
from agent.settings import SettingsError
from evals.cases import INCIDENTS, load_cases
from evals.run.models import OFFLINE, can_answer, check_known
from evals.run.perform import Job, perform


def job(tmp_path: Path, case: str, model: str, config: Path | None = None) -> Job:
    return Job(INCIDENTS / case, model, 1, tmp_path / "work", tmp_path / "record", "code", config)


def test_the_rule_based_model_has_something_to_say_to_every_case() -> None:
    for model in ("builtin", "builtin-without-history"):
        assert model in OFFLINE
        assert all(can_answer(model, case) for case in load_cases().values())


def test_the_rule_based_model_is_scored_as_one(tmp_path: Path) -> None:
    answer = perform(job(tmp_path, "healer-null-heartbeat", "builtin"))
    assert answer.right, answer
    assert (answer.branch, answer.correct, answer.violations) == (True, True, ())
    assert (answer.models, answer.cost_usd) == (("rule-based, no model",), 0.0)


def test_what_it_cannot_mend_is_no_wrong_verdict(tmp_path: Path) -> None:
    answer = perform(job(tmp_path, "content-name-error", "builtin"))
    assert (answer.branch, answer.patched) == (False, False)
    assert answer.verdict_right
    assert answer.mark == "open"


@pytest.mark.slow
@pytest.mark.parametrize(("model", "right"), [("builtin", True), ("builtin-without-history", False)])
def test_what_history_gives_it_can_be_left_out(tmp_path: Path, model: str, right: bool) -> None:
    assert perform(job(tmp_path, "vigil-module-lost", model)).right is right


def test_a_live_model_that_fails_is_not_scored_by_what_the_rules_can_do(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/v1"
    config = tmp_path / "autohealer.toml"
    config.write_text(f'[model.own]\nbase_url = "{url}"\n')
    answer = perform(job(tmp_path, "healer-null-heartbeat", "own", config))
    assert (answer.branch, answer.models, answer.steps) == (False, (), 0)


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
