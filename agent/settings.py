"""Settings: defaults, then `autohealer.toml`, then `AUTOHEALER_*` variables, then the command line."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agent.sources import COMMAND_LINE, SettingsError, Sources, from_file, lay_environment, names_below

__all__ = [
    "CONFIG_NAME",
    "LimitSettings",
    "ModelSettings",
    "NotifySettings",
    "PublishSettings",
    "SandboxSettings",
    "Settings",
    "SettingsError",
    "TriageSettings",
    "WatchSettings",
    "load",
]

CONFIG_NAME = "autohealer.toml"


class Section(BaseModel):
    """Base of the sections: an unknown name is an error, so that a typo is told and not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(Section):
    """One model: where it answers and how. Prices are US dollars per million tokens."""

    base_url: str
    api: Literal["responses", "chat"] = "responses"
    key: tuple[str, ...] = Field(default=(), description="names of the key in Truth or the environment")
    timeout_s: float = Field(default=300.0, gt=0)
    effort: Literal["low", "medium", "high"] | None = None
    input_price: float | None = None
    cached_price: float | None = None
    output_price: float | None = None


class LimitSettings(Section):
    """What one run may spend; tokens are input tokens."""

    soft_steps: int = Field(default=12, ge=1)
    steps: int = Field(default=25, ge=1)
    soft_input_tokens: int = Field(default=150_000, ge=1_000)
    input_tokens: int = Field(default=600_000, ge=1_000)
    cost_usd: float = Field(default=1.0, gt=0)
    wall_s: float = Field(default=900.0, gt=0)


class TriageSettings(Section):
    """When the rules alone may end a run."""

    clear: float = Field(default=0.9, ge=0, le=1, description="confidence from which a verdict is clear")
    always_ask: bool = Field(default=False, description="ask the model even about clear cases")


class SandboxSettings(Section):
    """How the target's code is run."""

    enabled: bool = Field(default=True, description="off: no code of the target is run, diagnosis only")
    allow_seatbelt: bool = Field(default=False, description="macOS: not tried yet, so off until asked for")
    test_runs: int = Field(default=3, ge=1, le=20, description="how often a proof's tests must pass")


class WatchSettings(Section):
    """When the watch acts. Times are seconds, money is US dollars a day; None is no bound."""

    interval_s: float = Field(default=1.0, gt=0)
    cooldown_s: float = Field(default=600.0, ge=0)
    grace_s: float = Field(default=30.0, ge=0)
    concurrent: int = Field(default=2, ge=1)
    services: tuple[str, ...] = Field(default=(), description="empty: all that Truth names")
    breaker: int = Field(default=3, ge=1, description="heals a day for one fault of one service")
    budget_usd: float | None = Field(default=None, gt=0)
    service_budget_usd: float | None = Field(default=None, gt=0)
    quiet_hours: tuple[str, str] | None = Field(default=None, description="no heal starts between them")
    dry_run: bool = Field(default=False, description="capture and tell, start no heal")
    healed_s: float = Field(default=600.0, gt=0, description="a merged service has to beat so long")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="Prometheus on 127.0.0.1; 0: off")


class PublishSettings(Section):
    """Where a branch goes beyond the target. By default nowhere: nothing is pushed."""

    remote: str = Field(
        default="", pattern=r"^([A-Za-z0-9_][\w./-]*)?$", description="a git remote of the target"
    )
    forge: Literal["none", "github", "gitlab"] = "none"
    project: str = Field(default="", description="owner/name on the forge; else from the remote's URL")
    api: str = Field(default="", description="the forge's API; else from the remote's host")
    base: str = Field(default="", description="the branch to merge into; else the project's default")
    most_open: int = Field(default=5, ge=1, description="pull requests of ours that may be open at once")
    approval: bool = Field(default=False, description="wait for a person before anything is pushed")


class NotifySettings(Section):
    """Who is paged. URLs hold secrets, so none of them is ever shown. Times are seconds."""

    webhook: SecretStr = Field(default=SecretStr(""), description="Slack-compatible incoming webhook")
    slack_channel: str = Field(default="", description="with SLACK_BOT_TOKEN: messages that are updated")
    slack_api: str = "https://slack.com/api"
    apprise: SecretStr = Field(default=SecretStr(""), description="apprise URLs, separated by blanks")
    redis_channel: str = Field(default="", description="Pub/Sub channel on system-redis")
    settle_s: float = Field(default=3.0, ge=0, description="deaths within so long become one message")
    throttle_s: float = Field(default=300.0, ge=0, description="the same news is not told again within")
    most_per_hour: int = Field(default=30, ge=1, description="messages on one channel")
    timeout_s: float = Field(default=5.0, gt=0)


class Settings(Section):
    """All settings. Paths are absolute or relative to the working directory."""

    repo: Path | None = Field(default=None, description="the MarketSwarm checkout")
    state: Path | None = Field(default=None, description="where incidents and runs are kept")
    python: Path | None = Field(
        default=None, description="the target's interpreter; else its .venv/bin/python"
    )
    system_redis_url: str = "redis://127.0.0.1:6379"
    models: tuple[str, ...] = Field(
        default=("grok-4", "gpt-4o-mini"),
        min_length=1,
        description="in the order in which they are asked; left out, and no key found: builtin",
    )
    model: dict[str, ModelSettings] = Field(default_factory=dict)
    cassette: Path | None = Field(default=None, description="answer from a recorded model run")
    record: Path | None = Field(default=None, description="record the model's answers into this file")
    answered_by: str = Field(default="", description="for record: what really answers, in words")
    limits: LimitSettings = LimitSettings()
    triage: TriageSettings = TriageSettings()
    sandbox: SandboxSettings = SandboxSettings()
    watch: WatchSettings = WatchSettings()
    publish: PublishSettings = PublishSettings()
    notify: NotifySettings = NotifySettings()

    def state_folder(self) -> Path:
        """The state folder: the setting, else the user's state directory."""
        if self.state is not None:
            return self.state.expanduser().absolute()
        base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        return Path(base) / "autohealer"

    def interpreter(self, repo: Path) -> Path:
        """The Python that runs the target's code: the setting, its own environment, or ours."""
        own = repo / ".venv" / "bin" / "python"
        return (self.python or (own if own.exists() else Path(sys.executable))).absolute()


def load(config: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings.

    `config` is the file to read; without one `./autohealer.toml`, then
    `~/.config/autohealer/autohealer.toml` are tried. `overrides` come last and may be nested.

    Raises:
        SettingsError: a file is missing, is not TOML, or a name or value is not known. It names the file
            or variable that the value comes from.
    """
    file = config or _default_file()
    sources = Sources()
    sources.lay(from_file(file) if file else {}, str(file))
    lay_environment(sources, os.environ, Settings)
    sources.lay(overrides or {}, COMMAND_LINE)
    try:
        return Settings.model_validate(sources.values)
    except ValidationError as error:
        told = [_told(one["loc"], one["type"], one["msg"], sources) for one in error.errors()]
        raise SettingsError(f"{'; '.join(told)}; `autohealer init` writes a sample") from error


def _told(place: tuple[int | str, ...], kind: str, message: str, sources: Sources) -> str:
    """One mistake in a line: where it was made, its name, and for a name that nobody knows the nearest."""
    where = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        near = get_close_matches(str(place[-1]), names_below(Settings, place[:-1]), 1)
        message = "unknown setting" + (f", did you mean {near[0]}?" if near else "")
    return f"{sources.origin_of(place)}: {where}: {message}"


def _default_file() -> Path | None:
    candidates = (Path(CONFIG_NAME), Path.home() / ".config" / "autohealer" / CONFIG_NAME)
    return next((path for path in candidates if path.is_file()), None)
