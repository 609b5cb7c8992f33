"""Settings: files, environment, errors."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from agent.models import spec_named
from agent.settings import Settings, SettingsError, load


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults_ask_grok_first_and_gpt_4o_mini_second() -> None:
    settings = load()
    first, second = (spec_named(settings, name) for name in settings.models)
    assert (first.id, first.base_url) == ("grok-4", "https://api.x.ai/v1")
    assert (second.id, second.key_names) == ("gpt-4o-mini", ("OPENAI_API_KEY",))


def test_any_compatible_endpoint_works_by_settings_alone(tmp_path: Path) -> None:
    text = '[model.own]\nbase_url = "http://127.0.0.1:8000/v1"\napi = "chat"\nkey = ["OWN"]\noutput_price = 2.0\n'
    spec = spec_named(load(write(tmp_path / "own.toml", text)), "own")
    assert (spec.api, spec.base_url, spec.key_names) == ("chat", "http://127.0.0.1:8000/v1", ("OWN",))
    assert spec.prices is None, "one price of three is no price"


def test_later_sources_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "autohealer.toml", 'models = ["a"]\n[limits]\nsteps = 5\ncost_usd = 0.5\n')
    monkeypatch.setenv("AUTOHEALER_LIMITS__COST_USD", "0.25")
    monkeypatch.setenv("AUTOHEALER_MODELS", "b,c")
    settings = load(overrides={"limits": {"steps": 7, "cost_usd": None}})
    assert settings.models == ("b", "c")
    assert (settings.limits.steps, settings.limits.cost_usd) == (7, 0.25)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("modles = []", "modles"),
        ("[limits]\nsteps = 0", "limits.steps"),
        ("[sandbox]\ntest_runs = 'three'", "sandbox.test_runs"),
        ("= 3", "TOML"),
        ('[model.x]\napi = "soap"\nbase_url = "http://127.0.0.1"', "model.x.api"),
    ],
)
def test_a_mistake_is_told_by_its_name(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        load(write(tmp_path / "mine.toml", text))


def test_a_missing_file_and_an_unknown_model_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="autohealer init"):
        load(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match="base_url"):
        spec_named(Settings(), "mystery")


def test_the_sample_names_every_setting_with_its_default(tmp_path: Path) -> None:
    sample = (files("prompts") / "autohealer.toml").read_text()
    assert load(write(tmp_path / "sample.toml", sample)) == Settings()
    for section in ("limits", "triage", "sandbox", "watch", "publish", "notify"):
        body = sample.split(f"[{section}]")[1].split("\n[")[0]
        for name in type(getattr(Settings(), section)).model_fields:
            assert f"# {name} = " in body, f"{section}.{name}"
    uncommented = "\n".join(
        line.removeprefix("# ")
        for line in sample.splitlines()
        if " = " in line or line.startswith(("[", "# ["))
    )
    assert load(write(tmp_path / "all.toml", uncommented)).limits == Settings().limits


def test_the_targets_own_interpreter_comes_first(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    assert Settings().interpreter(tmp_path) != python
    python.parent.mkdir(parents=True)
    python.touch()
    assert Settings().interpreter(tmp_path) == python
    assert Settings(python=Path("/opt/python")).interpreter(tmp_path) == Path("/opt/python")
