"""JSON in and out of Redis, as every service does it."""

import json

import redis.asyncio as aioredis


def connect(url):
    """An asyncio client of one bus. Lazy: nothing is opened before the first command."""
    return aioredis.from_url(url, decode_responses=True, socket_connect_timeout=5, health_check_interval=30)


async def read_model(client, key):
    """The JSON document under `key`, or None where there is none or it is not JSON."""
    raw = await client.get(key)
    if raw is None:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return None


async def write_model(client, key, model, ttl_sec=None):
    """Store a JSON document under `key`."""
    await client.set(key, json.dumps(model, separators=(",", ":")), ex=ttl_sec)


async def publish(client, channel, message):
    """Publish a JSON message; how many subscribers got it."""
    return await client.publish(channel, json.dumps(message, separators=(",", ":")))


async def messages(client, channel, stop, poll_sec=0.5):
    """Yield (channel, document) of each JSON message on a channel until `stop` is set.

    A message that is not JSON is dropped.
    """
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(channel)
    try:
        while not stop.is_set():
            message = await pubsub.get_message(timeout=poll_sec)
            if message is None:
                continue
            try:
                yield message["channel"], json.loads(message["data"])
            except ValueError:
                continue
    finally:
        await pubsub.aclose()
