"""Run a command and write down when it was started and the most memory it held.

A process of its own and a small one: a child begins with the peak of the process that forked it.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path

file, *argv = sys.argv[1:]
started = time.perf_counter()
process = os.posix_spawn(argv[0], argv, os.environ)
_, status = os.waitpid(process, 0)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
unit = 1 if sys.platform == "darwin" else 1024
with Path(file).open("w") as told:
    json.dump({"started": started, "peak_mib": peak * unit / 2**20}, told)
sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
