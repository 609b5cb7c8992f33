"""Runs every attempt with the isolation off and in each box, as whoever starts it.

`driver.py < attempts.py` prints {"off" | "bubblewrap" | "namespaces": {attempt: how it ended}};
where a box did not come up, {"the box": why} instead.
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
        # Not below /tmp, all of which a box may write to as far as Landlock knows.
        shown = Path(tempfile.mkdtemp(prefix="autohealer-shown-", dir="/var/tmp"))
        stack.callback(shutil.rmtree, shown)
        shown.chmod(0o755)
        folder, tree = top / "folder", top / "tree"
        for path in (folder, tree):
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
        try:
            yield plug.getsockname()[1]
        finally:
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
            return dict(json.loads(done.stdout))
        try:
            done = isolation.run(Box(argv=argv, tree=tree, read_only=(shown,), limits=LIMITS)).completed
        except BoxError as error:
            return {"the box": str(error)}
        said = dict(json.loads(done.stdout))
        if (shown / "file").read_text() != "as it was":
            said["write_to_what_is_shown_read_only"] = "escaped: the file is another one on the host"
        if Path("/proc", str(bait["pid"]), "stat").read_text().split()[2] == "Z":
            said["signal_a_host_process"] = "escaped: it is dead"
    return said


def main() -> None:
    source = sys.stdin.read()
    boxes: dict[str, Isolation | None] = {"off": None}
    for make in (Bubblewrap, Namespaces):
        with suppress(BoxError):
            boxes[make.name] = make()
    json.dump({mode: outcomes(source, box) for mode, box in boxes.items()}, sys.stdout)


if __name__ == "__main__":
    main()
