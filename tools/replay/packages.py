"""Node packages of the target that are not in its repository: a box sees them where the service looks."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from sandbox.boot import World

FOLDER = "node_modules"
MYSQL_CLIENTS = ("mysql2", "mysql", "mariadb")


def with_packages(world: World, target: Path, tree: Path, paths: Collection[str]) -> World:
    """The world of a Node service, which finds its installed packages in the staged `tree`.

    Without a client for it among them it needs no MySQL server: nothing else could talk to one.
    """
    lent = lend_packages(target, tree, world.service, paths)
    places = [tree / place for place in _places(world.service)]
    talks = any((place / client).is_dir() for place in places for client in MYSQL_CLIENTS)
    return replace(world, packages=lent, mysql=world.mysql if talks else None)


def lend_packages(target: Path, tree: Path, service: str, paths: Collection[str]) -> tuple[Path, ...]:
    """Link the installed packages of a checkout into a staged tree; the folders that a box must show.

    They are the operator's, as an interpreter with its packages is. What the commit holds itself stays.
    """
    lent = []
    for place in _places(service):
        installed = target / place
        if not installed.is_dir() or any(path.startswith(f"{place}/") for path in paths):
            continue
        with contextlib.suppress(FileExistsError):
            (tree / place).parent.mkdir(parents=True, exist_ok=True)
            (tree / place).symlink_to(installed.resolve())
            lent.append(installed.resolve())
    return tuple(lent)


def _places(service: str) -> tuple[str, ...]:
    """Where Node looks for the packages of a service."""
    return f"services/{service}/{FOLDER}", f"services/{FOLDER}", FOLDER
