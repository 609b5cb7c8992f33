"""Git by its plumbing, hardened: no hooks, no filters, no user configuration, no network.

Every call names its repository explicitly and gets a complete environment of its own, so
neither the caller's environment nor a folder that somebody else may write is consulted.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sandbox.process import Completed, Limits, ProcessError, run

IDENTITY = ("AutoHealer", "autohealer@localhost")

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.protectHFS=true",
    "core.protectNTFS=true",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.ignoreCase=false",
    "core.precomposeUnicode=false",
    "core.quotePath=false",
    "core.logAllRefUpdates=false",
    "core.alternateRefsCommand=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
)
_OBJECT_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
LARGEST_BLOB = 8 << 20
"""Bytes of one file above which the gate and the worktrees refuse to hold it in memory."""


class GitError(Exception):
    """Git could not do what it was asked; the message is git's own, shortened."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose files a command writes: with euid 0 it runs as that user, so that nothing of root's is left."""

    uid: int
    gid: int


def is_object_id(text: str) -> bool:
    """True for a full SHA-1 or SHA-256 id in lower case."""
    return _OBJECT_ID.fullmatch(text) is not None


def unquoted(name: bytes) -> bytes:
    """A name without the C-style quotes that git writes around odd ones."""
    if len(name) < 2 or not (name.startswith(b'"') and name.endswith(b'"')):
        return name
    try:
        return name[1:-1].decode("unicode_escape").encode("latin-1")
    except UnicodeError:
        return name


def git(
    git_dir: Path,
    *args: str,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    timeout: float = 30,
    cwd: Path | None = None,
    owner: Owner | None = None,
) -> bytes:
    """Run one git command on `git_dir` and return its output.

    `env` adds to the fixed environment. `timeout` is in seconds.

    Raises:
        GitError: git is missing, failed, or took longer than `timeout`.
    """
    uid, gid = _identity_of(owner)
    try:
        done = subprocess.run(
            _argv(git_dir, args),
            input=stdin,
            capture_output=True,
            env={**_environment(), **(env or {})},
            cwd=cwd or git_dir,
            timeout=timeout,
            user=uid,
            group=gid,
            extra_groups=None if uid is None else [],
        )
    except subprocess.TimeoutExpired:
        raise GitError(f"git {args[0]} took longer than {timeout:g} s") from None
    except OSError as error:
        raise GitError(f"git {args[0]} could not be started: {error}") from error
    if done.returncode:
        raise GitError(f"git {args[0]}: {_complaint(done.stderr) or f'exit code {done.returncode}'}")
    return done.stdout


def git_bounded(git_dir: Path, *args: str, limits: Limits) -> Completed:
    """The same for a command that may run long or answer much: how it ended is the caller's to judge.

    Raises:
        GitError: git is missing.
    """
    try:
        return run(_argv(git_dir, args), env=_environment(), cwd=git_dir, limits=limits)
    except ProcessError as error:
        raise GitError(f"git {args[0]} could not be started: {error}") from error


def blobs(
    git_dir: Path, ids: Iterable[str], *, largest: int = LARGEST_BLOB, timeout: float = 120
) -> Generator[bytes, None, None]:
    """The contents of blobs, in the order of `ids`, by one `cat-file --batch`. `timeout` is in seconds.

    Raises:
        GitError: an object is missing, no blob, or larger than `largest` bytes, or it took too long.
    """
    names = list(ids)
    # The ids come from a file: a pipe that we fill while git fills ours could stop both.
    with tempfile.TemporaryFile() as wanted:
        wanted.write("".join(f"{name}\n" for name in names).encode())
        wanted.seek(0)
        with subprocess.Popen(
            _argv(git_dir, ("cat-file", "--batch", "--buffer")),
            stdin=wanted,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
            cwd=git_dir,
        ) as process:
            assert process.stdout is not None
            deadline = threading.Timer(timeout, process.kill)
            deadline.daemon = True
            deadline.start()
            try:
                for name in names:
                    yield _read_blob(process.stdout, name, largest)
            finally:
                deadline.cancel()
                process.kill()


def _read_blob(stream: IO[bytes], name: str, largest: int) -> bytes:
    words = stream.readline().split()
    if len(words) != 3 or words[1] != b"blob":
        raise GitError(f"object {name} is missing or no file: the clone may be partial or damaged")
    size = int(words[2])
    if size > largest:
        raise GitError(f"object {name} has {size} bytes, more than the {largest} that are allowed")
    content = stream.read(size + 1)
    if len(content) != size + 1:
        raise GitError(f"object {name} could not be read to its end")
    return content[:-1]


def _argv(git_dir: Path, args: tuple[str, ...]) -> list[str]:
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    return ["git", f"--git-dir={git_dir}", *settings, *args]


def _environment() -> dict[str, str]:
    name, email = IDENTITY
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }


def _identity_of(owner: Owner | None) -> tuple[int, int] | tuple[None, None]:
    if owner is None or os.geteuid() != 0 or owner.uid == 0:
        return None, None
    return owner.uid, owner.gid


def _complaint(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").splitlines()
    return "; ".join(line.removeprefix("fatal: ").removeprefix("error: ") for line in lines[:6])[:1000]
