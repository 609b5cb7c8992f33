"""Which host paths an interpreter needs to run."""

from __future__ import annotations

import json
import os
from pathlib import Path

from sandbox.isolation.box import BoxError
from sandbox.process import Limits, ProcessError, run

_ASK = (
    "import json,sys,sysconfig\n"
    "names=['stdlib','platstdlib']\n"
    "print(json.dumps({'prefixes':[sys.base_prefix,sys.base_exec_prefix],"
    "'libraries':[sysconfig.get_path(name) for name in names]}))"
)


def interpreter_mounts(python: Path) -> tuple[Path, ...]:
    """Every host path that `python`, of a virtual environment or not, needs in a box: for `Box.read_only`.

    The environment's own start-up files (.pth, sitecustomize) are not run to find out.

    Raises:
        BoxError: `python` is no interpreter that starts.
    """
    python = python.absolute()
    mounts = [python, python.resolve()]
    environment = python.parent.parent
    if (environment / "pyvenv.cfg").is_file():
        mounts.append(environment)
    told = _ask(python.resolve())
    for prefix in told["prefixes"]:
        mounts += [Path(prefix)] if _narrow(Path(prefix)) else []
    mounts += [Path(library) for library in told["libraries"]]
    return tuple(dict.fromkeys(path for path in mounts if path.exists()))


def _ask(python: Path) -> dict[str, list[str]]:
    try:
        done = run([str(python), "-I", "-S", "-c", _ASK], env={}, limits=Limits(wall_s=10))
        told = json.loads(done.stdout)
    except (ProcessError, ValueError) as error:
        raise BoxError(f"{python} does not start as a Python interpreter: {error}") from error
    if not isinstance(told, dict):
        raise BoxError(f"{python} does not answer as a Python interpreter")
    return told


def _narrow(prefix: Path) -> bool:
    """Whether a prefix holds an interpreter, and not a whole home or system."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - a uid without a home is no error here
    return prefix not in (Path("/"), home) and prefix not in home.parents
