#!/usr/bin/env python3
"""Merge truth/mm_node.json and truth/components/*.json into one document; publish it to Redis.

    build_truth.py            publish under the key `truth` of system-redis
    build_truth.py --print    write the document to stdout, touch no Redis

SYSTEM_REDIS_URL, MARKET_REDIS_URL, INTEL_REDIS_URL, <SERVICE>_PORT, HEARTBEAT_INTERVAL_SEC and
HEARTBEAT_TTL_SEC of the shell override what the files say, for nodes that are set up otherwise.
"""

import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRUTH_DIR = ROOT / "truth"
BUS_ENV = {
    "system-redis": "SYSTEM_REDIS_URL",
    "market-redis": "MARKET_REDIS_URL",
    "intel-redis": "INTEL_REDIS_URL",
}


def build(truth_dir=TRUTH_DIR, env=os.environ):
    """The merged document. Exits where a component that the node lists has no file."""
    node = json.loads((truth_dir / "mm_node.json").read_text(encoding="utf-8"))
    components = {}
    for name in node["components"]:
        path = truth_dir / "components" / f"{name}.json"
        if not path.exists():
            sys.exit(f"component '{name}' is listed in mm_node.json but {path} does not exist")
        components[name] = override(name, json.loads(path.read_text(encoding="utf-8")), env)
    for bus, variable in BUS_ENV.items():
        if env.get(variable):
            node["buses"][bus]["url"] = env[variable]
    return {**node, "components": components}


def override(name, component, env):
    """What the shell says about one component."""
    beat = component.setdefault("heartbeat", {})
    if env.get("HEARTBEAT_INTERVAL_SEC"):
        beat["interval_sec"] = float(env["HEARTBEAT_INTERVAL_SEC"])
    if env.get("HEARTBEAT_TTL_SEC"):
        beat["ttl_sec"] = float(env["HEARTBEAT_TTL_SEC"])
    http = component.get("outputs", {}).get("http")
    if http and env.get(f"{name.upper()}_PORT"):
        http["port"] = int(env[f"{name.upper()}_PORT"])
    return component


def main():
    document = build()
    text = json.dumps(document, indent=1)
    if "--print" in sys.argv[1:]:
        sys.stdout.write(text + "\n")
        return
    import redis

    url = document["buses"]["system-redis"]["url"]
    redis.Redis.from_url(url, socket_timeout=5).set("truth", text)
    sys.stdout.write(f"Truth {document['version']} with {len(document['components'])} components -> {url}\n")


if __name__ == "__main__":
    main()
