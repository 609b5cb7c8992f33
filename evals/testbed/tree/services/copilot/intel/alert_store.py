"""Alerts come from journal: hash `alerts:active`, changes on `alerts:sync`, both in system-redis."""

import json

KEY = "alerts:active"
CHANNEL = "alerts:sync"


async def load_alerts(system):
    """Every alert that journal stored; entries that are not JSON are left out."""
    raw = await system.hgetall(KEY)
    alerts = []
    for value in raw.values():
        try:
            alerts.append(json.loads(value))
        except ValueError:
            continue
    return alerts


def apply_sync(engine, message):
    """Apply one message of `alerts:sync`: {"action": "upsert"|"delete"|"reload", "alert"|"id"}.

    True when the whole set must be read again.
    """
    action = message.get("action")
    if action == "upsert":
        engine.upsert(message.get("alert") or {})
    elif action == "delete":
        engine.remove(str(message.get("id")))
    return action == "reload"
