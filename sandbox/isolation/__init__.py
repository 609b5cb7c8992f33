"""Where code that a model wrote is run: a box that it cannot leave.

isolation = find_isolation()
isolation.run(Box(argv=("/usr/bin/python3", "-c", "..."), tree=Path("copy/of/a/tree")))
"""

from sandbox.isolation.box import (
    RESULT_BYTES,
    RESULT_FD,
    WORK,
    Box,
    BoxError,
    BoxRun,
    Isolation,
    SandboxUnavailable,
)
from sandbox.isolation.find import find_isolation
from sandbox.isolation.interpreter import interpreter_mounts

__all__ = [
    "RESULT_BYTES",
    "RESULT_FD",
    "WORK",
    "Box",
    "BoxError",
    "BoxRun",
    "Isolation",
    "SandboxUnavailable",
    "find_isolation",
    "interpreter_mounts",
]
