"""Facts of the node that mesh runs on."""

import os
import platform
import time


def node_facts(name, started):
    """`mesh:node:{node}`."""
    try:
        load = [round(value, 2) for value in os.getloadavg()]
    except OSError:
        load = []
    return {
        "node": name,
        "ts": time.time(),
        "system": platform.system(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": load,
        "mesh_uptime_sec": round(time.time() - started),
    }
