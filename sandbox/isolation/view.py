"""Which parts of the host a box sees, read-only, and at which paths."""
# ruff: noqa: PTH - these paths are the text of mount points

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
    for path in SYSTEM:
        if os.path.islink(path):
            parts.append(Link(os.readlink(path), path))
        elif os.path.isdir(path):
            parts.append(Bind(path, path))
    parts += [Bind(os.path.realpath(path), path) for path in SETTINGS if os.path.exists(path)]
    return tuple(parts)


def chosen(paths: Iterable[Path], already: tuple[Part, ...]) -> tuple[Part, ...]:
    """`paths` and every symlink on the way to them, outermost folders first.

    Raises:
        BoxError: a path that is not absolute or does not exist.
    """
    parts: dict[str, Part] = {}
    for path in paths:
        if not path.is_absolute():
            raise BoxError(f"{path} is not absolute, so that it has no place in a box")
        _trace(str(path), parts, already)
    binds = [part for part in parts.values() if isinstance(part, Bind)]
    kept = [part for part in parts.values() if not _covered(part.inside, [b for b in binds if b != part])]
    return tuple(sorted(kept, key=lambda part: part.inside.count("/")))


def folders(parts: Iterable[Part]) -> tuple[str, ...]:
    """The folders that must be made for these parts, outermost first."""
    found = {}
    for part in parts:
        above = [str(parent) for parent in reversed(Path(part.inside).parents)]
        found.update(dict.fromkeys(above[1:]))
    return tuple(sorted(found, key=lambda path: path.count("/")))


def _trace(path: str, parts: dict[str, Part], already: tuple[Part, ...]) -> None:
    """Walk down `path`; a symlink becomes a link inside, and the walk goes on at its target."""
    walked = "/"
    names = [name for name in os.path.normpath(path).split("/") if name]
    for index, name in enumerate(names):
        walked = os.path.join(walked, name)
        if _covered(walked, already) or _covered(walked, parts.values()):
            rest = os.path.realpath("/".join([walked, *names[index + 1 :]]))
            if rest != path and not _covered(rest, already):
                _trace(rest, parts, already)
            return
        if os.path.islink(walked):
            target = os.readlink(walked)
            parts[walked] = Link(target, walked)
            onward = os.path.join(os.path.dirname(walked), target, *names[index + 1 :])
            _trace(onward, parts, already)
            return
    if not os.path.exists(walked):
        raise BoxError(f"{path} does not exist, so that the box cannot see it")
    parts[walked] = Bind(walked, walked)


def _covered(path: str, parts: Iterable[Part]) -> bool:
    return any(path == part.inside or path.startswith(part.inside + "/") for part in parts)
