"""Reads the heartbeats of the node."""

PATTERN = "*:heartbeat"
SUFFIX = ":heartbeat"
BATCH = 100


async def scan_heartbeats(system):
    """{service: (raw payload, ttl in seconds)} of every heartbeat key that exists now."""
    names = []
    async for key in system.scan_iter(match=PATTERN, count=BATCH):
        names.append(key)
    if not names:
        return {}
    pipeline = system.pipeline(transaction=False)
    for name in names:
        pipeline.get(name)
        pipeline.pttl(name)
    answers = await pipeline.execute()
    beats = {}
    for position, name in enumerate(names):
        raw, ttl_ms = answers[2 * position], answers[2 * position + 1]
        if raw is not None:
            beats[name[: -len(SUFFIX)]] = (raw, max(0, ttl_ms) / 1000)
    return beats
