"""Which parts of a tree a service's tests need: its own folder, what all share, what it imports."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sandbox.tree import Listing
from sandbox.worktree import PrivateRepository, service_paths

_SERVICE = re.compile(rb"\bservices[./]([A-Za-z0-9_]+)")


def needed_paths(repo: PrivateRepository, tree: str, service: str) -> tuple[str, ...]:
    """Paths for `PrivateRepository.checkout`: whatever Python of the service or of shared/ names.

    Raises:
        GitError: there is no such tree, or a needed blob is missing.
    """
    listing = repo.listing(tree)
    known = {path.split("/")[1] for path in listing if path.startswith("services/") and path.count("/") > 1}
    tops = [path for path in listing if "/" not in path and listing[path].mode.startswith("100")]
    services, waiting = {service}, [service]
    while waiting:
        paths = tuple(f"services/{name}" for name in waiting)
        with repo.checkout(tree, (*paths, "shared")) as folder:
            named = _services_named(folder) & known
        waiting = sorted(named - services)
        services |= named
    wanted = [*service_paths(service), *(f"services/{name}" for name in sorted(services)), *tops]
    # Packages, settings and conftest files above the service are its tests' as well.
    wanted += [path for path in listing if path.startswith("services/") and path.count("/") == 1]
    wanted += sorted(python_tops(listing) - {"services"})
    return tuple(dict.fromkeys(wanted))


def python_tops(listing: Listing) -> set[str]:
    """Top folders that are Python packages."""
    return {path.split("/")[0] for path in listing if path.endswith("/__init__.py") and path.count("/") == 1}


def _services_named(folder: Path) -> set[str]:
    return {match.decode() for text in _python(folder) for match in _SERVICE.findall(text)}


def _python(folder: Path) -> Iterable[bytes]:
    for file in folder.rglob("*.py"):
        if file.is_file() and not file.is_symlink():
            yield file.read_bytes()
