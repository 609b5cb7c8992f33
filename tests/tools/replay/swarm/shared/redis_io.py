import json


async def publish(client, channel, *, document):
    await client.publish(channel, json.dumps(document))


async def messages(client, channel):
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    await pubsub.subscribe(channel)
    async for message in pubsub.listen():
        yield json.loads(message["data"])
