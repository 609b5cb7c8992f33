"""Redis Pub/Sub on system-redis, for programs: one JSON object a message, with the thread it belongs to.

{"thread", "stage", "title", "text", "do", "link", "services": [...], "incidents": [...], "cause",
 "times", "life": [[stage, Unix seconds], ...]}
"""

from __future__ import annotations

import json

from agent.notify.book import Thread
from agent.notify.channel import Later
from agent.notify.text import Message, plain


class PubSub:
    """One channel of one Redis. Its readers bring a thread up to date by its name."""

    name = "redis"
    edits = True

    def __init__(self, url: str, channel: str, timeout_s: float) -> None:
        self._url, self._channel, self._timeout_s = url, channel, timeout_s

    def send(self, message: Message, thread: Thread, ref: str | None) -> str | None:
        """Publish the message; that nobody listens is no error."""
        from redis import RedisError

        from tools.health import connect

        record = {
            "thread": thread.key, "stage": message.stage, "title": message.title, "text": plain(message),
            "do": message.code, "link": thread.page.link, "services": thread.services,
            "incidents": thread.incidents, "cause": thread.cause, "times": thread.times, "life": thread.life,
        }  # fmt: skip
        client = connect(self._url, self._timeout_s)
        try:
            client.publish(self._channel, json.dumps(record, ensure_ascii=False))
        except (RedisError, OSError) as error:
            raise Later(f"redis: {type(error).__name__}") from error
        finally:
            client.close()
        return None
