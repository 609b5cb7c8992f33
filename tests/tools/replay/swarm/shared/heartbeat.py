import json
import os
import threading
import time

import redis


def start_heartbeat(config, logger):
    client = redis.Redis.from_url(os.environ["SYSTEM_REDIS_URL"])
    name, beat, stop = config["service_name"], config["heartbeat"], threading.Event()

    def run():
        while not stop.is_set():
            payload = {"service": name, "ts": time.time(), "pid": os.getpid(), "status": "running"}
            client.set(f"{name}:heartbeat", json.dumps(payload), ex=beat["ttl_sec"])
            stop.wait(beat["interval_sec"])

    threading.Thread(target=run, daemon=True).start()
    logger.info("heartbeat started")
    return stop
