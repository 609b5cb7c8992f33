"""The configured channels, and how the courier is told of them with no secret on a command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.notify.book import Rules
from agent.notify.channel import Channel
from agent.notify.outbox import Outbox, Pager
from agent.notify.pubsub import PubSub
from agent.notify.services import Services
from agent.notify.slack import Slack
from agent.notify.webhook import Webhook
from agent.settings import NotifySettings, Settings

SLACK_TOKEN = "SLACK_BOT_TOKEN"


@dataclass(frozen=True, slots=True)
class Paging:
    """Whom to tell and when."""

    channels: tuple[Channel, ...]
    rules: Rules
    secrets: tuple[str, ...]


def pager_for(settings: Settings, state: Path) -> Pager | None:
    """The pager of a process that has its settings at hand; None where nobody is to be told."""
    if not is_configured(settings.notify):
        return None
    secret = {"webhook": settings.notify.webhook, "apprise": settings.notify.apprise}
    told = {
        **settings.notify.model_dump(mode="json"),
        **{name: value.get_secret_value() for name, value in secret.items()},
    }
    config = json.dumps({"notify": told, "system_redis_url": settings.system_redis_url}).encode()
    return Pager(Outbox(state), courier_command(state), config)


def is_configured(settings: NotifySettings) -> bool:
    """Whether anybody is to be told."""
    secrets = (settings.webhook.get_secret_value(), settings.apprise.get_secret_value())
    return any((*secrets, settings.slack_channel, settings.redis_channel))


def courier_command(state: Path, *options: str) -> tuple[str, ...]:
    """The courier as a process. It reads its settings from standard input, or with `--config` from a file."""
    return (sys.executable, "-m", "agent.notify", "--state", str(state), *options)


def paging_of(notify: NotifySettings, system_redis_url: str, environment: Mapping[str, str]) -> Paging:
    """The channels of the settings."""
    channels: list[Channel] = []
    webhook, apprise = notify.webhook.get_secret_value(), notify.apprise.get_secret_value()
    token = environment.get(SLACK_TOKEN, "").strip()
    if webhook:
        channels.append(Webhook(webhook, notify.timeout_s))
    if notify.slack_channel and token:
        channels.append(Slack(notify.slack_api, token, notify.slack_channel, notify.timeout_s))
    if apprise:
        channels.append(Services(apprise))
    if notify.redis_channel:
        channels.append(PubSub(system_redis_url, notify.redis_channel, notify.timeout_s))
    rules = Rules(notify.settle_s, notify.throttle_s, notify.most_per_hour)
    return Paging(tuple(channels), rules, tuple(filter(None, (webhook, token, *apprise.split()))))


def problems(notify: NotifySettings) -> list[str]:
    """What keeps a configured channel from working, as far as it can be told without trying."""
    from agent.notify.services import MISSING, is_installed

    found = []
    if notify.apprise.get_secret_value() and not is_installed():
        found.append(f"no page by apprise: {MISSING}")
    if notify.slack_channel and not os.environ.get(SLACK_TOKEN):
        found.append(f"no page to {notify.slack_channel}: {SLACK_TOKEN} is not set")
    return found


def from_standard_input(raw: bytes) -> Paging:
    """The channels as `pager_for` wrote them. Raises ValueError."""
    said: dict[str, Any] = json.loads(raw)
    notify = NotifySettings.model_validate(said["notify"])
    return paging_of(notify, str(said["system_redis_url"]), os.environ)
