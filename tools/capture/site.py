"""The deployment that is watched: its checkout, its Truth as it is live, its buses and its secrets."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from redis import RedisError

from tools.health import SYSTEM_BUS, connect
from tools.truth import (
    NO_TRUTH,
    TRUTH_KEY,
    Truth,
    TruthError,
    from_document,
    from_folder,
    is_secret_name,
)
from tools.truth.secrets import SHORTEST_SECRET

ENV_FILES = (".env", ".env.*", "services/*/.env", "services/*/.env.*")
LARGEST_ENV_FILE = 256 << 10
LARGEST_TRUTH = 16 << 20


@dataclass(frozen=True, slots=True)
class Site:
    """One deployment. `buses` is URL by bus name; `truth_from` is "redis", "checkout" or "table"."""

    root: Path
    truth: Truth
    buses: Mapping[str, str]
    truth_from: str

    def secrets(self) -> set[str]:
        """Every secret that this machine is known to hold for the deployment: for the redactor.

        A path in the environment is none, whatever the variable is called: `PWD` is the working folder.
        """
        found = set(self.truth.secrets().values())
        found.update(_truth_of(self.root).secrets().values())
        found.update(
            value for name, value in os.environ.items() if is_secret_name(name) and not value.startswith("/")
        )
        found.update(_env_file_secrets(self.root))
        return {value for value in found if len(value) >= SHORTEST_SECRET}


def find_site(root: Path, system_redis_url: str, timeout_s: float = 1.0) -> Site:
    """The deployment of a checkout: by its live Truth, else the checkout's files, else the table."""
    published = read_truth(system_redis_url, timeout_s)
    if published is not None:
        return site_of(root, published, system_redis_url, "redis")
    truth = _truth_of(root)
    return site_of(root, truth, system_redis_url, "checkout" if truth.components else "table")


def site_of(root: Path, truth: Truth, system_redis_url: str, truth_from: str) -> Site:
    """A deployment by a Truth that is at hand. System-redis is where it was found to be."""
    buses = {**truth.buses(os.environ), SYSTEM_BUS: system_redis_url}
    return Site(root.absolute(), truth, buses, truth_from)


def read_truth(system_redis_url: str, timeout_s: float = 1.0) -> Truth | None:
    """The published Truth; None where it cannot be read or is no Truth."""
    try:
        client = connect(system_redis_url, timeout_s)
    except (ValueError, RedisError):
        return None
    try:
        if int(client.strlen(TRUTH_KEY)) > LARGEST_TRUTH:
            return None
        raw = client.get(TRUTH_KEY)
        return from_document(bytes(raw)) if isinstance(raw, bytes) else None
    except (RedisError, OSError, TruthError):
        return None
    finally:
        client.close()


def _truth_of(root: Path) -> Truth:
    try:
        return from_folder(root)
    except TruthError:
        return NO_TRUTH


def _env_file_secrets(root: Path) -> Iterator[str]:
    """Values of secret names in the `.env` files, which real checkouts track."""
    for path in (path for pattern in ENV_FILES for path in sorted(root.glob(pattern))):
        for line in _lines(path):
            name, equals, value = line.partition("=")
            if equals and is_secret_name(name.removeprefix("export ").strip()):
                yield value.strip().strip("\"'")


def _lines(path: Path) -> list[str]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return []
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return []
        return os.read(descriptor, LARGEST_ENV_FILE).decode("utf-8", "replace").splitlines()
    except OSError:
        return []
    finally:
        os.close(descriptor)
