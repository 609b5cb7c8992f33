"""What a traceback is made of, and whose code a frame is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import unquote

CrashKind = Literal["traceback", "node", "unretrieved_task", "error_line", "no_trace", "stopped"]
Relation = Literal["raised", "cause", "context", "member"]
Owner = Literal["service", "shared", "other_service", "package", "interpreter", "unknown"]

_PACKAGE = re.compile(r"/(?:site-packages|dist-packages|node_modules)/")
_INTERPRETER = re.compile(
    r"/lib(?:64)?/python\d|/Lib/(?!site-packages)|^node:|^internal/|^<frozen |\.framework/"
)
_REPOSITORY = re.compile(r"(?:^|/)((?:services|shared|scripts)/.+)$")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a stack.

    `path` is what was logged, on whatever machine; `line` is 0 when the log does not say it;
    `code` is the first line of the logged source; `repo_path` is set by `map_frames`.
    """

    path: str
    line: int
    function: str
    code: str | None = None
    repo_path: str | None = None


@dataclass(frozen=True, slots=True)
class CrashError:
    """One exception of a crash, its frames with the innermost last.

    `type` is as logged (`redis.exceptions.ConnectionError`), empty when the log was cut before
    it. `relation` says how it stands to the final one: what was `raised`, its `cause` or
    `context`, or a `member` of an exception group. `code` is Node's (`EADDRINUSE`).
    """

    type: str
    message: str
    frames: tuple[Frame, ...] = ()
    relation: Relation = "raised"
    code: str | None = None

    @property
    def name(self) -> str:
        """The type without its module."""
        return self.type.rpartition(".")[2]

    @property
    def text(self) -> str:
        """Type and message as Python prints them."""
        return f"{self.type}: {self.message}" if self.message else self.type


def posix_path(path: str) -> str:
    """A logged path or file URL as a plain path with forward slashes."""
    if path.startswith("file://"):
        path = unquote(path[len("file://") :])
    return path.replace("\\", "/")


def is_foreign(path: str) -> bool:
    """Whether a path can only be a package's or the interpreter's."""
    return path.startswith("<") or bool(_PACKAGE.search(path) or _INTERPRETER.search(path))


def repository_path(path: str, exists: Callable[[str], bool]) -> str | None:
    """The longest suffix of a logged path for which `exists` holds."""
    path = posix_path(path)
    if is_foreign(path):
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or not path.isprintable() or len(parts) > 64:
        return None
    suffixes = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((suffix for suffix in suffixes if exists(suffix)), None)


def likely_path(frame: Frame) -> str:
    """The mapped path, else what a MarketSwarm checkout would call it, else the path as logged."""
    if frame.repo_path is not None:
        return frame.repo_path
    path = posix_path(frame.path)
    if is_foreign(path):
        return path
    found = _REPOSITORY.search(path)
    return found.group(1) if found else path


def owner_of(frame: Frame, service: str) -> Owner:
    """Whose code a frame is, seen from `service`."""
    path = likely_path(frame)
    if frame.repo_path is None and is_foreign(path):
        if _PACKAGE.search(path):
            return "package"
        return "interpreter" if _INTERPRETER.search(path) else "unknown"
    if path.startswith(f"services/{service}/"):
        return "service"
    if path.startswith("services/"):
        return "other_service"
    return "shared" if path.startswith("shared/") else "unknown"


def is_test(path: str) -> bool:
    """Whether a repository path is a test's."""
    parts = path.split("/")
    return "tests" in parts[:-1] or parts[-1].startswith("test_") or parts[-1].endswith("_test.py")


def mapped(error: CrashError, lookup: Callable[[str], str | None]) -> CrashError:
    """The error with `repo_path` set on every frame."""
    return replace(error, frames=tuple(replace(f, repo_path=lookup(f.path)) for f in error.frames))
