"""Heartbeat thread: `{service}:heartbeat` in system-redis, with a TTL.

Outside asyncio on purpose: a busy loop must not look like a dead service.
"""

import json
import os
import threading
import time

import redis

DEFAULT_INTERVAL_SEC = 5
DEFAULT_TTL_SEC = 15
ERROR_EVERY = 12
JOIN_SEC = 3


class StopEvent(threading.Event):
    """Setting it waits for the thread: one that is cut off while the interpreter ends may hold a lock for ever."""

    thread = None

    def set(self):
        super().set()
        if self.thread is not None and self.thread is not threading.current_thread():
            self.thread.join(JOIN_SEC)


def start_heartbeat(config, logger):
    """Start beating; set the returned threading.Event to stop."""
    service = config["service_name"]
    beat = config.get("heartbeat") or {}
    interval = float(os.getenv("HEARTBEAT_INTERVAL_SEC") or beat.get("interval_sec", DEFAULT_INTERVAL_SEC))
    ttl = int(float(os.getenv("HEARTBEAT_TTL_SEC") or beat.get("ttl_sec", DEFAULT_TTL_SEC)))
    url = config["buses"]["system-redis"]["url"]
    stop = StopEvent()
    logger.info(f"heartbeat thread started ({service}:heartbeat)", emoji="💓")
    thread = threading.Thread(
        target=_beat, args=(service, url, interval, ttl, stop, logger), name=f"{service}-heartbeat", daemon=True
    )
    stop.thread = thread
    thread.start()
    return stop


def _beat(service, url, interval, ttl, stop, logger):
    client = redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2)
    failures = 0
    while not stop.is_set():
        payload = {"service": service, "ts": time.time(), "pid": os.getpid(), "status": "running"}
        try:
            client.set(f"{service}:heartbeat", json.dumps(payload), ex=ttl)
            failures = 0
        except redis.RedisError as exc:
            if failures % ERROR_EVERY == 0:
                logger.error(f"heartbeat failed: {exc}")
            failures += 1
        stop.wait(interval)
    client.close()
