"""The box by bubblewrap.

As an ordinary user, one bubblewrap in a user namespace. As root, two: the outer one has only a
mount namespace, in which it shows what the box may see, also what lies below a home that nobody
else can enter; then the uid is dropped for good, and the inner one makes the box.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from sandbox.isolation import job, session, view
from sandbox.isolation.box import Box, BoxError, BoxRun
from sandbox.isolation.interpreter import interpreter_mounts

_MODULES = ("sandbox.isolation.landlock", "sandbox.isolation.init")


class Bubblewrap:
    """Isolation by bubblewrap (and setpriv, where the healer is root)."""

    name = "bubblewrap"

    def __init__(self) -> None:
        self._bwrap = _program("bwrap", "install bubblewrap")
        self._setpriv = _program("setpriv", "install util-linux") if os.geteuid() == 0 else ""
        self._system = view.system()
        self._own = view.chosen(interpreter_mounts(job.interpreter()), self._system)
        self._code = job.program(_MODULES)

    def run(self, box: Box) -> BoxRun:
        """Run one box to its end.

        Raises:
            BoxError: the box did not start, or argv[0] cannot be executed in it.
        """
        chosen = view.chosen(box.read_only, (*self._system, *self._own))
        parts = [*self._own, *chosen]
        with _etc_files() as files:
            command = partial(self._command, box, parts, files)
            return session.run(box, self._code, command, pass_fds=tuple(files.values()))

    def _command(
        self, box: Box, parts: Sequence[view.Part], files: dict[str, int], first: Sequence[str]
    ) -> list[str]:
        everything = [*_show((*self._system, *parts)), *_write(files)]
        if not self._setpriv:
            return [self._bwrap, *_BOX, *self._inside(box, everything), "--", *first]
        system = [part for part in self._system if not part.inside.startswith("/etc/")]
        shown = _show((*system, view.Bind("/etc", "/etc"), *parts))
        return [*self._outer(everything), self._bwrap, *_BOX, *self._inside(box, shown), "--", *first]

    def _outer(self, shown: Sequence[str]) -> list[str]:
        drop = ("--reuid", str(view.UID), "--regid", str(view.UID), "--clear-groups", "--inh-caps=-all")
        return [
            *(self._bwrap, "--die-with-parent", *shown),
            *("--bind", "/proc", "/proc", "--dev-bind", "/dev", "/dev", "--dir", "/tmp"),
            *("--", self._setpriv, *drop, "--"),
        ]

    def _inside(self, box: Box, shown: Sequence[str]) -> list[str]:
        size = str(box.limits.tmpfs_mb << 20)
        above = [str(folder) for folder in reversed(Path(box.place).parents) if folder != Path("/")]
        scratch = [word for folder in above for word in ("--perms", "0755", "--dir", folder)]
        scratch += [
            argument
            for place in job.writable(box)
            for argument in ("--perms", "0755", "--size", size, "--tmpfs", place)
        ]
        return [
            *("--proc", "/proc", "--dev", "/dev", *scratch, *shown),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"),
        ]


_BOX = (
    *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
    *("--unshare-cgroup-try", "--disable-userns", "--uid", str(view.UID), "--gid", str(view.UID)),
    *("--hostname", "box", "--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1"),
)


def _show(parts: Sequence[view.Part]) -> list[str]:
    # Folders first and by name: left to itself, bubblewrap makes them for their owner alone.
    shown: list[str] = []
    for folder in view.folders(parts):
        shown += ["--perms", "0755", "--dir", folder]
    for part in parts:
        if isinstance(part, view.Link):
            shown += ["--symlink", part.target, part.inside]
        else:
            shown += ["--ro-bind", part.host, part.inside]
    return shown


def _write(files: dict[str, int]) -> list[str]:
    return [
        argument
        for path, file in files.items()
        for argument in ("--perms", "0644", "--file", str(file), path)
    ]


@contextlib.contextmanager
def _etc_files() -> Iterator[dict[str, int]]:
    """Pipes that hold the box's own /etc, by path; small enough to fit into them."""
    with contextlib.ExitStack() as stack:
        files = {}
        for path, text in view.ETC.items():
            reading, writing = os.pipe()
            stack.callback(os.close, reading)
            os.write(writing, text.encode())
            os.close(writing)
            files[path] = reading
        yield files


def _program(name: str, advice: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise BoxError(f"{name} is not installed; {advice}")
    return found
