"""Which parts of the host a box sees, read-only, and at which paths."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sandbox.isolation.box import BoxError

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
"""The operating system: programs and libraries."""
SETTINGS = (
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
)
"""What programs need of the host's /etc; the rest of it is not there."""
ETC = {
    "/etc/passwd": "root:x:0:0::/:/usr/sbin/nologin\nbox:x:65534:65534::/tmp:/usr/sbin/nologin\n",
    "/etc/group": "root:x:0:\nbox:x:65534:\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/resolv.conf": "",
}
"""The box's own /etc."""
RESERVED = ("/tmp", "/work", "/dev/shm", "/etc", "/proc", "/sys")
"""What a box has of its own: no part of the host may lie there, or above it."""
UID = 65534
"""The box's user and group, inside; also outside when the healer is root."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A host file or folder, visible at `inside`."""

    host: str
    inside: str


@dataclass(frozen=True, slots=True)
class Link:
    """A symlink at `inside`, as it stands on the host."""

    target: str
    inside: str


Part = Bind | Link


def system() -> tuple[Part, ...]:
    """The operating system's folders; where /bin is a link to /usr/bin it is one inside, too."""
    parts: list[Part] = []
    for path in map(Path, SYSTEM):
        if path.is_symlink():
            parts.append(Link(str(path.readlink()), str(path)))
        elif path.is_dir():
            parts.append(Bind(str(path), str(path)))
    parts += [Bind(str(Path(path).resolve()), path) for path in SETTINGS if Path(path).exists()]
    return tuple(parts)


def chosen(paths: Iterable[Path], already: tuple[Part, ...]) -> tuple[Part, ...]:
    """`paths` and every symlink on the way to them, outermost folders first.

    Raises:
        BoxError: a path that is not absolute, does not exist or would hide what is the box's own.
    """
    parts: dict[str, Part] = {}
    for path in paths:
        if not path.is_absolute():
            raise BoxError(f"{path} is not absolute, so that it has no place in a box")
        _trace(Path(os.path.normpath(path)), parts, already)
    binds = [part for part in parts.values() if isinstance(part, Bind)]
    kept = [part for part in parts.values() if not _covered(part.inside, [b for b in binds if b != part])]
    return tuple(sorted(kept, key=lambda part: part.inside.count("/")))


def folders(parts: Iterable[Part]) -> tuple[str, ...]:
    """The folders that must be made for these parts, outermost first."""
    found: dict[str, None] = {}
    for part in parts:
        above = [str(parent) for parent in reversed(Path(part.inside).parents)]
        found.update(dict.fromkeys(above[1:]))
    return tuple(sorted(found, key=lambda path: path.count("/")))


def _trace(path: Path, parts: dict[str, Part], already: tuple[Part, ...]) -> None:
    """Walk down `path`; a symlink becomes a link inside, and the walk goes on at its target."""
    for above in [*reversed(path.parents), path]:
        if _covered(str(above), already) or isinstance(parts.get(str(above)), Bind):
            real = path.resolve()
            if real != path and not _covered(str(real), already):
                _trace(real, parts, already)
            return
        if above.is_symlink():
            target = above.readlink()
            parts[str(above)] = Link(str(target), str(above))
            onward = above.parent / target / path.relative_to(above)
            _trace(Path(os.path.normpath(onward)), parts, already)
            return
    if not path.exists():
        raise BoxError(f"{path} does not exist, so that the box cannot see it")
    own = [place for place in RESERVED if Path(place).is_relative_to(path)]
    own += [place for place in ("/proc", "/sys", "/dev") if path.is_relative_to(place)]
    if own:
        raise BoxError(f"{path} cannot be shown in a box, which has its own {own[0]}")
    parts[str(path)] = Bind(str(path), str(path))


def _covered(path: str, parts: Iterable[Part]) -> bool:
    return any(path == part.inside or path.startswith(part.inside + "/") for part in parts)
