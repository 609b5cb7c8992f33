"""Slack's Web API: one message per root cause that is kept up to date, with its ends told in its thread.

An edit notifies nobody, a reply does.
"""

from __future__ import annotations

from typing import Any

from agent.model.faults import retry_after
from agent.notify.book import Thread
from agent.notify.channel import ChannelError, Later, post
from agent.notify.text import Message, mrkdwn

PASSING_ERRORS = ("ratelimited", "internal_error", "service_unavailable", "fatal_error", "request_timeout")


class Slack:
    """One channel, as a bot with `chat:write`. `token` is the bot's."""

    name = "slack"
    edits = True

    def __init__(self, api: str, token: str, channel: str, timeout_s: float) -> None:
        self._api, self._channel, self._timeout_s = api.rstrip("/"), channel, timeout_s
        self._headers = {"Authorization": f"Bearer {token}"}

    def send(self, message: Message, thread: Thread, ref: str | None) -> str | None:
        """Post the message, or bring the one that is there up to date. `ref` is channel id and timestamp."""
        text = mrkdwn(message, with_life=len(thread.life) > 1)
        if ref is None:
            told = self._call("chat.postMessage", channel=self._channel, text=text)
            return f"{told['channel']} {told['ts']}"
        channel, ts = ref.split(" ")
        try:
            self._call("chat.update", channel=channel, ts=ts, text=text)
        except _Gone:
            return self.send(message, thread, None)
        if message.is_last:
            self._call("chat.postMessage", channel=channel, thread_ts=ts, text=mrkdwn(message))
        return ref

    def _call(self, method: str, **body: Any) -> Any:
        body |= {"unfurl_links": False} if method == "chat.postMessage" else {}
        status, told, headers = post(f"{self._api}/{method}", body, self._headers, self._timeout_s, self.name)
        error = told.get("error", "") if isinstance(told, dict) else f"HTTP {status}"
        if status == 429 or status >= 500 or error in PASSING_ERRORS:
            raise Later(f"slack: {method}: {error or status}", retry_after(headers))
        if error in ("message_not_found", "cant_update_message", "edit_window_closed"):
            raise _Gone(f"slack: {method}: {error}")
        if not isinstance(told, dict) or not told.get("ok"):
            raise ChannelError(f"slack: {method}: {str(error)[:100]}")
        return told


class _Gone(ChannelError):
    """The message is not there any more."""
