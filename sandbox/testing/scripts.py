"""Whether changed scripts of Node are JavaScript: `node --check`, in a box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sandbox.isolation import Box, Isolation
from sandbox.isolation.box import WORK
from sandbox.node import NO_NODE, SCRIPTS, find_node
from sandbox.process import Limits

_LIMITS = Limits(wall_s=30.0, cpu_s=20)


def script_problems(
    isolation: Isolation, tree: Path, changed: Sequence[str], node: Path | None = None
) -> tuple[str, ...]:
    """What keeps changed scripts from being read by node, a sentence each.

    `tree` is a folder with the patched tree; `node` the program, by default the machine's.

    Raises:
        BoxError: the box did not start.
    """
    node = node or find_node()
    scripts = [path for path in changed if path.endswith(SCRIPTS) and (tree / path).is_file()]
    if not scripts:
        return ()
    if node is None:
        return (f"{NO_NODE}, so that {scripts[0]} cannot be checked",)
    found = (_problem(isolation, tree, path, node) for path in scripts)
    return tuple(problem for problem in found if problem is not None)


def _problem(isolation: Isolation, tree: Path, path: str, node: Path) -> str | None:
    box = Box(argv=(str(node), "--check", f"{WORK}/{path}"), tree=tree, read_only=(node,), limits=_LIMITS)
    done = isolation.run(box).completed
    if done.returncode == 0:
        return None
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    line = lines[0].rpartition(":")[2] if lines else "?"
    error = next((line for line in lines if "Error" in line), f"node ended with {done.returncode}")
    return f"{path}:{line}: {error}"
