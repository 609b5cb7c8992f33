"""Settings: files, environment, errors."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from agent.models import spec_named
from agent.settings import Settings, SettingsError, load
from sandbox.isolation import RESULT_FD

EXAMPLES = {
    *("repo", "state", "python", "cassette", "record", "answered_by", "model"),
    *("watch.budget_usd", "watch.service_budget_usd", "watch.quiet_hours"),
}
"""Settings that have no default to show, or none that could be written down: the sample has an example."""


def tuples_of(schema: type[BaseModel], above: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The path of every setting that is a list."""
    found = []
    for name, field in schema.model_fields.items():
        kinds = (field.annotation, *get_args(field.annotation))
        if any(get_origin(kind) is tuple for kind in kinds):
            found.append((*above, name))
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                under = (*above, name, "own") if get_origin(field.annotation) is dict else (*above, name)
                found += tuples_of(kind, under)
    return found


LISTS = tuples_of(Settings)


def flat(values: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Nested settings by their dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{above}{name}.") if isinstance(value, dict) else {f"{above}{name}": value}
    return found


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
    sample = (files("agent") / "templates" / "autohealer.toml").read_text()
    assert load(write(tmp_path / "sample.toml", sample)) == Settings()
    for section in ("limits", "triage", "sandbox", "watch", "publish", "notify"):
        body = sample.split(f"[{section}]")[1].split("\n[")[0]
        for name in type(getattr(Settings(), section)).model_fields:
            assert f"# {name} = " in body, f"{section}.{name}"
    uncommented = "\n".join(
        line.removeprefix("# ") for line in sample.splitlines() if re.match(r"(# )?(\[|[a-z_]+ = )", line)
    )
    shown = flat(load(write(tmp_path / "all.toml", uncommented)).model_dump())
    default = flat(Settings().model_dump())
    differ = {name for name, value in shown.items() if name not in default or value != default[name]}
    assert {"model" if name.startswith("model.") else name for name in differ} == EXAMPLES
    for name in EXAMPLES - {"model"}:
        line = next(
            line for line in sample.splitlines() if line.startswith(f"# {name.rpartition('.')[2]} = ")
        )
        assert "an example" in line, name


@pytest.mark.parametrize("path", LISTS, ids=".".join)
def test_a_list_can_be_given_in_the_environment(
    path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if path[0] == "model":
        monkeypatch.setenv("AUTOHEALER_MODEL__OWN__BASE_URL", "http://127.0.0.1:8000/v1")
    monkeypatch.setenv("AUTOHEALER_" + "__".join(path).upper(), "first, second")
    value: Any = load()
    for name in path:
        value = value[name] if isinstance(value, dict) else getattr(value, name)
    assert value == ("first", "second")


def test_every_list_of_the_settings_is_tried() -> None:
    assert {("models",), ("watch", "services"), ("watch", "quiet_hours"), ("model", "own", "key")} <= set(
        LISTS
    )


def test_an_empty_variable_is_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOHEALER_WATCH__SERVICES", "")
    assert load().watch.services == ()
    monkeypatch.setenv("AUTOHEALER_MODELS", "")
    with pytest.raises(SettingsError, match=r"^AUTOHEALER_MODELS: models: "):
        load()


@pytest.mark.parametrize("file", ["", "[limits]\n", "limits = 5\n"])
def test_a_section_that_is_a_value_elsewhere_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    write(tmp_path / "autohealer.toml", file)
    monkeypatch.setenv("AUTOHEALER_LIMITS__STEPS", "4")
    if not file:
        monkeypatch.setenv("AUTOHEALER_LIMITS", "3")
        both = "^AUTOHEALER_LIMITS and AUTOHEALER_LIMITS__STEPS: "
    elif file.startswith("["):
        monkeypatch.setenv("AUTOHEALER_LIMITS", "3")
        both = r"^autohealer\.toml and AUTOHEALER_LIMITS: "
    else:
        both = r"^autohealer\.toml and AUTOHEALER_LIMITS__STEPS: "
    with pytest.raises(SettingsError, match=both):
        load()


@pytest.mark.parametrize(
    ("variable", "overrides", "told"),
    [
        (None, {}, r"autohealer\.toml: limits\.steps: "),
        ("0", {}, r"AUTOHEALER_LIMITS__STEPS: limits\.steps: "),
        ("5", {"limits": {"steps": -1}}, r"command line: limits\.steps: "),
    ],
)
def test_a_mistake_names_where_it_was_made(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    overrides: dict[str, Any],
    told: str,
) -> None:
    write(tmp_path / "autohealer.toml", "[limits]\nsteps = 0\n")
    if variable is not None:
        monkeypatch.setenv("AUTOHEALER_LIMITS__STEPS", variable)
    with pytest.raises(SettingsError, match=f"^{told}"):
        load(overrides=overrides)


def test_what_is_missing_and_what_is_not_known_name_their_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RESULT_FD, "3")
    assert load() == Settings(), "what a box sets is no setting"
    monkeypatch.setenv("AUTOHEALER_MODEL__OWN__API", "chat")
    with pytest.raises(SettingsError, match=r"^AUTOHEALER_MODEL__OWN__API: model\.own\.base_url: "):
        load()
    monkeypatch.delenv("AUTOHEALER_MODEL__OWN__API")
    monkeypatch.setenv("AUTOHEALER_LIMIT__STEPS", "3")
    with pytest.raises(SettingsError, match=r"^AUTOHEALER_LIMIT__STEPS: limit: "):
        load()


def test_the_targets_own_interpreter_comes_first(tmp_path: Path) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    assert Settings().interpreter(tmp_path) != python
    python.parent.mkdir(parents=True)
    python.touch()
    assert Settings().interpreter(tmp_path) == python
    assert Settings(python=Path("/opt/python")).interpreter(tmp_path) == Path("/opt/python")


def test_every_mistake_is_told_and_an_unknown_name_has_its_nearest(tmp_path: Path) -> None:
    text = 'rpeo = "/x"\nzzz = 1\n[limits]\nstep = 3\nwall_s = -1\n'
    with pytest.raises(SettingsError) as told:
        load(write(tmp_path / "mine.toml", text))
    for part in (
        "rpeo: unknown setting, did you mean repo?",
        "zzz: unknown setting;",
        "limits.step: unknown setting, did you mean steps?",
        "limits.wall_s: ",
    ):
        assert part in str(told.value)
