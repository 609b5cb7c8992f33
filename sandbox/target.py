"""Where a target repository keeps its things: a checkout, a bare repository or a linked worktree.

Read from the files themselves. Asking git would make it look for the repository, judge its
owner and read its configuration, and a target that another user owns would be refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.git import GitError, Owner, git, unquoted

_DEEPEST_ALTERNATE = 8


@dataclass(frozen=True, slots=True)
class Target:
    """A located repository. `git_dir` has its HEAD, `common_dir` its refs and objects."""

    path: Path
    git_dir: Path
    common_dir: Path

    @property
    def objects(self) -> Path:
        """The object store that new objects go into."""
        return self.common_dir / "objects"

    @property
    def owner(self) -> Owner:
        """Who owns the object store."""
        status = self.objects.stat()
        return Owner(status.st_uid, status.st_gid)

    def object_format(self) -> str:
        """`sha1` or `sha256`."""
        return git(self.common_dir, "rev-parse", "--show-object-format").decode().strip()

    def object_stores(self) -> tuple[Path, ...]:
        """The object store and all that it borrows from, as absolute paths."""
        found: list[Path] = []
        waiting = [(self.objects, 0)]
        while waiting:
            store, depth = waiting.pop()
            if store in found or depth > _DEEPEST_ALTERNATE:
                continue
            found.append(store)
            waiting += [(path, depth + 1) for path in _alternates(store)]
        return tuple(found)


def locate(path: Path) -> Target:
    """Find the repository at `path`, the top folder of a checkout or a bare repository.

    Raises:
        GitError: there is none.
    """
    path = path.resolve()
    dot_git = path / ".git"
    if dot_git.is_file():
        git_dir = _pointer(dot_git, "gitdir: ", path)
    else:
        git_dir = dot_git if dot_git.is_dir() else path
    common_file = git_dir / "commondir"
    common_dir = _pointer(common_file, "", git_dir) if common_file.is_file() else git_dir
    if not (git_dir / "HEAD").exists() or not (common_dir / "objects").is_dir():
        raise GitError(f"{path} is not the top folder of a git repository")
    return Target(path, git_dir, common_dir)


def _pointer(file: Path, prefix: str, base: Path) -> Path:
    text = file.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\r\n")
    if not text.startswith(prefix):
        raise GitError(f"{file} does not say where the repository is")
    return (base / text.removeprefix(prefix)).resolve()


def _alternates(store: Path) -> list[Path]:
    file = store / "info" / "alternates"
    if not file.is_file():
        return []
    lines = file.read_bytes().splitlines()
    entries = [unquoted(line) for line in lines if line and not line.startswith(b"#")]
    stores = [(store / entry.decode("utf-8", "surrogateescape")).resolve() for entry in entries]
    return [path for path in stores if path.is_dir()]


def quoted(path: Path) -> bytes:
    """One line of an alternates file."""
    raw = str(path).encode("utf-8", "surrogateescape")
    if not raw.startswith((b'"', b"#")) and b"\n" not in raw:
        return raw
    octal = b"".join(b"\\%03o" % byte if byte in b'"\\\n' else bytes([byte]) for byte in raw)
    return b'"' + octal + b'"'
