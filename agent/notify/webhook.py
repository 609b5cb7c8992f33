"""Slack-compatible incoming webhooks: Slack, Mattermost, Rocket.Chat, Discord's /slack and others.

A message cannot be changed once it is sent, so each one stands for itself.
"""

from __future__ import annotations

from agent.model.faults import retry_after
from agent.notify.book import Thread
from agent.notify.channel import ChannelError, Later, post
from agent.notify.text import Message, mrkdwn


class Webhook:
    """One incoming webhook. The URL is a secret."""

    name = "webhook"
    edits = False

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url, self._timeout_s = url, timeout_s

    def send(self, message: Message, thread: Thread, ref: str | None) -> str | None:
        """Post the message."""
        body = {"text": mrkdwn(message), "unfurl_links": False}
        status, told, headers = post(self._url, body, {}, self._timeout_s, self.name)
        if status == 429 or status >= 500:
            raise Later(f"webhook: HTTP {status}", retry_after(headers))
        if not 200 <= status < 300:
            raise ChannelError(f"webhook: HTTP {status}: {str(told)[:100]}")
        return None
