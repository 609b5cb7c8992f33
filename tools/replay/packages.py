"""Node packages of the target that are not in its repository: a box sees them where the service looks."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

FOLDER = "node_modules"


def lend_packages(target: Path, tree: Path, service: str, paths: Collection[str]) -> tuple[Path, ...]:
    """Link the installed packages of a checkout into a staged tree; the folders that a box must show.

    They are the operator's, as an interpreter with its packages is. What the commit holds itself stays.
    """
    lent = []
    for place in (f"services/{service}/{FOLDER}", f"services/{FOLDER}", FOLDER):
        installed = target / place
        if not installed.is_dir() or any(path.startswith(f"{place}/") for path in paths):
            continue
        with contextlib.suppress(FileExistsError):
            (tree / place).parent.mkdir(parents=True, exist_ok=True)
            (tree / place).symlink_to(installed.resolve())
            lent.append(installed.resolve())
    return tuple(lent)
