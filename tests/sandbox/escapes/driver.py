"""Runs every attempt with the isolation off and in each box, as whoever starts it.

`driver.py < attempts.py` prints {"off" | "bubblewrap" | "namespaces": {attempt: how it ended}}.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from sandbox.isolation import Box, BoxError, Isolation
from sandbox.isolation.bubblewrap import Bubblewrap
from sandbox.isolation.namespaces import Namespaces
from sandbox.process import Limits, run

PYTHON = "/usr/bin/python3"
LIMITS = Limits(wall_s=10)


@contextmanager
def baited() -> Iterator[dict[str, object]]:
    """What there is to reach: files, sockets and a process of the healer's."""
    marker = f"autohealer-{secrets.token_hex(8)}"
    seconds = str(1000 + secrets.randbelow(1000))
    with ExitStack() as stack:
        top = Path(tempfile.mkdtemp(prefix="autohealer-escape-"))
        stack.callback(shutil.rmtree, top)
        folder, shown, tree = top / "folder", top / "shown", top / "tree"
        for path in (folder, shown, tree):
            path.mkdir()
        (folder / "private").write_text(marker)
        (folder / "private").chmod(0o600)
        (folder / "public").write_text(marker)
        (shown / "file").write_text("as it was")
        (tree / "link-to-public").symlink_to(folder / "public")
        port = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port6 = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
        for address in ("\0" + marker, str(folder / "socket")):
            plug = stack.enter_context(socket.socket(socket.AF_UNIX))
            plug.bind(address)
            plug.listen()
        opened = os.open(folder, os.O_RDONLY)
        stack.callback(os.close, opened)
        os.set_inheritable(opened, True)
        sleeper = subprocess.Popen(["/bin/sleep", seconds], env={"SECRET": marker})
        stack.callback(sleeper.wait)
        stack.callback(sleeper.kill)
        yield {
            "marker": marker,
            "seconds": seconds,
            "folder": str(folder),
            "shown": str(shown),
            "tree": str(tree),
            "port": port.getsockname()[1],
            "port6": port6.getsockname()[1],
            "udp": stack.enter_context(echo()),
            "address": host_address(),
            "pid": sleeper.pid,
            "descriptor": opened,
        }


@contextmanager
def echo() -> Iterator[int]:
    """A datagram port of the host that answers in capitals."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        plug.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (said := plug.recvfrom(64))[0] != b"stop":
                plug.sendto(said[0].upper(), said[1])

        thread = threading.Thread(target=serve)
        thread.start()
        yield plug.getsockname()[1]
        plug.sendto(b"stop", plug.getsockname())
        thread.join()


def host_address() -> str:
    """An address that the host has a route to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plug:
        try:
            plug.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(plug.getsockname()[0])


def outcomes(source: str, isolation: Isolation | None) -> dict[str, str]:
    with baited() as bait:
        argv = (PYTHON, "-I", "-S", "-c", source, json.dumps({**bait, "inside": isolation is not None}))
        tree, shown = Path(str(bait["tree"])), Path(str(bait["shown"]))
        if isolation is None:
            descriptor = int(str(bait["descriptor"]))
            done = run(argv, env={}, cwd=tree, limits=LIMITS, pass_fds=(descriptor,))
        else:
            done = isolation.run(Box(argv=argv, tree=tree, read_only=(shown,), limits=LIMITS)).completed
            if (shown / "file").read_text() != "as it was":
                raise AssertionError("a file that was shown read-only is another one now")
            os.kill(int(str(bait["pid"])), 0)
            if Path("/proc", str(bait["pid"]), "stat").read_text().split()[2] == "Z":
                raise AssertionError("a host process was ended from inside")
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode} {done.stdout!r} {done.stderr!r} {done.timed_out}")
    return dict(json.loads(done.stdout))


def main() -> None:
    source = sys.stdin.read()
    boxes: dict[str, Isolation | None] = {"off": None}
    for make in (Bubblewrap, Namespaces):
        with suppress(BoxError):
            boxes[make.name] = make()
    json.dump({mode: outcomes(source, box) for mode, box in boxes.items()}, sys.stdout)


if __name__ == "__main__":
    main()
