"""Makes the tree into a real git repository with a past, the same one every time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
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


def git(repo: Path, *arguments: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> str:
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
        [*argv, *arguments], env=clean | (env or {}), input=stdin, capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def make_repository(path: Path) -> TestbedRepository:
    """Build the testbed in the new folder `path`: every commit of its history, and a clean checkout.

    Raises:
        FileExistsError: `path` exists.
        HistoryError: the history names a text that the tree does not hold, or leaves a file out.
    """
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main", "--object-format=sha1")
    git(path, "fast-import", "--quiet", stdin=b"".join(_stream()))
    git(path, "reset", "--quiet", "--hard", "main")
    return TestbedRepository(path, git(path, "rev-parse", "HEAD").strip())


def commit(repo: Path, message: str, *, date: str, author: str, paths: Iterable[str] = (".",)) -> str:
    """Commit what changed under `paths`. The same content, date and author give the same commit id.

    `date` is ISO 8601 with an offset, `author` a key of `AUTHORS`. Without paths the index is committed.
    """
    name, _, address = AUTHORS[author].partition(" <")
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", name), ("EMAIL", address.rstrip(">")), ("DATE", date))
    }
    if chosen := list(paths):
        git(repo, "add", "--all", "--force", "--", *chosen)
    git(repo, "commit", "--quiet", "--no-verify", "--message", message, env=who)
    return git(repo, "rev-parse", "HEAD").strip()


def tree_files() -> list[str]:
    """Every file of the tree, relative and sorted, without what running it leaves behind."""
    files = []
    for folder, folders, names in os.walk(TREE):
        folders[:] = sorted(set(folders) - LITTER)
        files += [str((Path(folder) / name).relative_to(TREE)) for name in names]
    return sorted(file for file in files if not file.endswith(".pyc"))


def _stream() -> Iterator[bytes]:
    """The history in the language of git fast-import."""
    files = tree_files()
    written: dict[str, bytes] = {}
    done: set[str] = set()
    for change in CHANGES:
        done.add(change.id)
        arriving = [file for file in files if any(fnmatchcase(file, pattern) for pattern in change.paths)]
        now = {file: _content(file, done) for file in dict.fromkeys([*written, *arriving])}
        yield _header(change)
        for file, content in now.items():
            if written.get(file) != content:
                mode = 0o100755 if os.access(TREE / file, os.X_OK) else 0o100644
                yield b"M %o inline %s\ndata %d\n%s\n" % (mode, file.encode(), len(content), content)
        written = now
    if late := sorted(set(files) - set(written)):
        raise HistoryError(f"no change of the history brings {', '.join(late)}")


def _header(change: Change) -> bytes:
    moment = datetime.fromisoformat(change.date)
    who = f"{AUTHORS[change.author]} {int(moment.timestamp())} {moment.strftime('%z')}"
    message = change.message.encode() + b"\n"
    lines = f"commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata {len(message)}\n"
    return lines.encode() + message


def _content(name: str, done: set[str]) -> bytes:
    """What a file said once the changes in `done` had been made."""
    content = (TREE / name).read_bytes()
    for item in EARLIER:
        if item.path != name or item.until in done:
            continue
        current = item.current.encode()
        if content.count(current) != 1:
            raise HistoryError(f"{name} holds the text of {item.until!r} {content.count(current)} times")
        content = content.replace(current, item.earlier.encode())
    return content


__all__ = ["Change", "HistoryError", "TestbedRepository", "commit", "git", "make_repository", "tree_files"]
