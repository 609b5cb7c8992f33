"""Makes the tree into a real git repository with a past, the same one every time."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from evals.testbed.history import AUTHORS, CHANGES, EARLIER, Change

TREE = Path(__file__).with_name("tree")
LITTER = {"__pycache__", ".pytest_cache", "logs", "node_modules"}
CONFIG = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.autocrlf", "false"),
    ("core.fileMode", "true"),
    ("core.excludesFile", os.devnull),
    ("core.attributesFile", os.devnull),
    ("commit.gpgSign", "false"),
    ("gc.auto", "0"),
)


class HistoryError(Exception):
    """The history and the tree do not fit together; the message names the file."""


@dataclass(frozen=True, slots=True)
class TestbedRepository:
    """A checkout with its past: where it is, and the commit that every service is healthy at."""

    __test__ = False
    path: Path
    head: str


def git(repo: Path, *arguments: str, env: dict[str, str] | None = None) -> str:
    """Run git in a checkout of ours, deaf to the user's and the system's configuration.

    Raises:
        subprocess.CalledProcessError: git failed; `stderr` says why.
    """
    argv = ["git", "-C", str(repo)]
    for key, value in CONFIG:
        argv += ["-c", f"{key}={value}"]
    clean = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
    }
    done = subprocess.run(
        [*argv, *arguments], env=clean | (env or {}), capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def make_repository(path: Path) -> TestbedRepository:
    """Build the testbed in the new folder `path`, commit by commit.

    Raises:
        FileExistsError: `path` exists.
        HistoryError: the history names a text that the tree does not hold, or leaves a file out.
    """
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main", "--object-format=sha1")
    arrived: dict[str, None] = {}
    done: set[str] = set()
    for change in CHANGES:
        done.add(change.id)
        arrived.update(dict.fromkeys(_matching(change.paths)))
        for name in arrived:
            _write(path, name, done)
        commit(path, change.message, date=change.date, author=change.author)
    late = sorted(set(tree_files()) - set(arrived))
    if late:
        raise HistoryError(f"no change of the history brings {', '.join(late)}")
    return TestbedRepository(path, git(path, "rev-parse", "HEAD").strip())


def commit(repo: Path, message: str, *, date: str, author: str, paths: Iterable[str] = (".",)) -> str:
    """Commit what changed under `paths`. The same content, date and author give the same commit id.

    `date` is ISO 8601 with an offset, `author` a key of `AUTHORS`.
    """
    name, _, address = AUTHORS[author].partition(" <")
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", address.rstrip(">")), ("DATE", date))
    }
    git(repo, "add", "--all", "--force", "--", *paths)
    git(repo, "commit", "--quiet", "--no-verify", "--message", message, env=who)
    return git(repo, "rev-parse", "HEAD").strip()


def tree_files() -> list[str]:
    """Every file of the tree, relative and sorted, without what running it leaves behind."""
    files = []
    for folder, folders, names in os.walk(TREE):
        folders[:] = sorted(set(folders) - LITTER)
        files += [str((Path(folder) / name).relative_to(TREE)) for name in names]
    return sorted(file for file in files if not file.endswith(".pyc"))


def _matching(patterns: tuple[str, ...]) -> list[str]:
    return [file for file in tree_files() if any(fnmatchcase(file, pattern) for pattern in patterns)]


def _write(repo: Path, name: str, done: set[str]) -> None:
    source, target = TREE / name, repo / name
    target.parent.mkdir(parents=True, exist_ok=True)
    pending = [item for item in EARLIER if item.path == name and item.until not in done]
    if not pending:
        shutil.copy(source, target)
        return
    text = source.read_text(encoding="utf-8")
    for item in pending:
        if text.count(item.current) != 1:
            raise HistoryError(f"{name} holds the text of {item.until!r} {text.count(item.current)} times")
        text = text.replace(item.current, item.earlier)
    target.write_text(text, encoding="utf-8")
    shutil.copymode(source, target)


__all__ = ["Change", "HistoryError", "TestbedRepository", "commit", "git", "make_repository", "tree_files"]
