"""Any other service by apprise URLs: mail, Telegram, ntfy, Pushover, Teams and a hundred more."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from typing import Any

from agent.notify.book import Thread
from agent.notify.channel import ChannelError, Later
from agent.notify.page import Stage
from agent.notify.text import Message, plain

MISSING = "apprise is not installed: pip install 'autohealer[notify]'"
KINDS: dict[Stage, str] = {
    "branch": "success",
    "healed": "success",
    "no_patch": "warning",
    "not_code": "warning",
}


def is_installed() -> bool:
    """Whether the extra is there."""
    return importlib.util.find_spec("apprise") is not None


class Services:
    """All apprise URLs of the settings, separated by blanks. They hold secrets."""

    name = "apprise"
    edits = False

    def __init__(self, urls: str) -> None:
        self._urls = urls.split()

    def send(self, message: Message, thread: Thread, ref: str | None) -> str | None:
        """Hand the message to apprise, which tells only whether all of its services took it."""
        if not is_installed():
            raise ChannelError(MISSING)
        with warnings.catch_warnings(action="ignore"):
            # Among its plug-ins, which it imports here, are some that use what Python deprecates.
            apprise: Any = importlib.import_module("apprise")
            service = apprise.Apprise()
            for number, url in enumerate(self._urls, start=1):
                if not service.add(url):
                    raise ChannelError(f"apprise: URL {number} of {len(self._urls)} is none that it knows")
        kind = KINDS.get(message.stage, "failure")
        if not service.notify(title=message.title, body=plain(message), notify_type=kind):
            raise Later("apprise: a service did not take the message")
        return None
