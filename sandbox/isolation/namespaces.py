"""The box without bubblewrap: namespaces, Landlock and the call filter, from Python alone.

It wants Linux 5.12, for mounts that become read-only with all that lies below them.
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Sequence

from sandbox.isolation import job, session, view
from sandbox.isolation.box import Box, BoxError, BoxRun

_MODULES = ("sandbox.isolation.landlock", "sandbox.isolation.init", "sandbox.isolation.unshare")
_INODES = 200_000


class Namespaces:
    """Isolation by namespaces that a Python process makes for itself."""

    name = "namespaces"

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise BoxError("namespaces are a thing of Linux")
        self._system = view.system()
        self._code = job.program(_MODULES)

    def run(self, box: Box) -> BoxRun:
        """Run one box to its end.

        Raises:
            BoxError: the box did not start, or argv[0] cannot be executed in it.
        """
        chosen = view.chosen(box.read_only, self._system)
        return session.run(box, self._code, _as_it_is, preface=lambda status: self._plan(box, chosen, status))

    def _plan(self, box: Box, chosen: Sequence[view.Part], status: int) -> bytes:
        parts = (*self._system, *chosen)
        size = f"size={box.limits.tmpfs_mb}m,nr_inodes={_INODES},mode=0755"
        return marshal.dumps(
            {
                "status": status,
                "uid": view.UID,
                "binds": [(part.host, part.inside) for part in parts if isinstance(part, view.Bind)],
                "links": [(part.target, part.inside) for part in parts if isinstance(part, view.Link)],
                "files": view.ETC,
                "writable": job.writable(box),
                "tmpfs": f"{size},uid={view.UID},gid={view.UID}",
            }
        )


def _as_it_is(first: Sequence[str]) -> Sequence[str]:
    return first
