"""Whether changed files build: they compile or can be read, and what they import is there. None is run."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path

from sandbox.isolation import Box, Isolation, interpreter_mounts
from sandbox.process import Limits

CHECK = Path(__file__).parent / "inside" / "check_build.py"
_LINE = re.compile(r":\d+ ")
"""Where it stands: a patch may move what was so on the base."""
_DATA = (".json", ".toml")
LIMITS = Limits(wall_s=30.0, cpu_s=20, memory_mb=1024, processes=16)


def build_problems(
    isolation: Isolation, python: Path, tree: Path, base: Path, changed: Sequence[str]
) -> tuple[str, ...]:
    """What keeps the changed files from building with `python`, a sentence each; empty when they build.

    `tree` and `base` are folders with the patched and the unpatched tree. An import that did not
    resolve on the base either is no problem of the patch.
    """
    data = tuple(_unread(tree, base, path) for path in changed if path.endswith(_DATA))
    scripts = [path for path in changed if path.endswith(".py")]
    return (*filter(None, data), *_imports(isolation, python, tree, base, scripts))


def _unread(tree: Path, base: Path, path: str) -> str:
    """Why a file of data cannot be read, where it could on the base or is new; "" where it can."""
    file = tree / path
    if file.is_symlink() or not file.is_file() or (why := _mistake(file)) is None:
        return ""
    was = base / path
    return "" if was.is_file() and _mistake(was) is not None else f"{path}: {why}"


def _mistake(file: Path) -> str | None:
    try:
        text = file.read_text("utf-8")
        tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _imports(
    isolation: Isolation, python: Path, tree: Path, base: Path, scripts: Sequence[str]
) -> tuple[str, ...]:
    if not scripts:
        return ()
    after = _check(isolation, python, tree, scripts)
    if not after:
        return ()
    before = {_LINE.sub(" ", problem) for problem in _check(isolation, python, base, scripts)}
    return tuple(problem for problem in after if _LINE.sub(" ", problem) not in before)


def _check(isolation: Isolation, python: Path, tree: Path, scripts: Sequence[str]) -> tuple[str, ...]:
    box = Box(
        argv=(str(python), "-I", str(CHECK), *scripts),
        tree=tree,
        read_only=(*interpreter_mounts(python), CHECK),
        limits=LIMITS,
    )
    run = isolation.run(box).completed
    try:
        problems = json.loads(run.stdout)
    except ValueError:
        said = run.stderr.decode("utf-8", "replace").strip().splitlines()
        return (f"the build check did not finish: {said[-1] if said else f'exit {run.returncode}'}",)
    return tuple(str(problem) for problem in problems)
