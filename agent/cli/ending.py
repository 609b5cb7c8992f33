"""The last words of a heal that is told to end before its time: where its findings are, how to go on."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from agent.cli.stream import tell_error
from agent.exit import Exit
from agent.store import Store
from tools.incident import IncidentFolder

ENDED_BY = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def tells_its_end(store: Store, folder: IncidentFolder, *, as_json: bool) -> Iterator[None]:
    """Within it, Ctrl-C, SIGTERM and SIGHUP leave a line. A signal that was ignored stays so.

    After SIGTERM and SIGHUP the process dies of the signal, without a result: so a watch that comes
    back knows the run for one to go on with.
    """

    def end(number: int, frame: FrameType | None) -> None:
        message, stream = _told(store, folder, f"ended by {signal.Signals(number).name}"), sys.stderr
        if as_json:
            message, stream = json.dumps({"error": message, "exit_code": 128 + number}), sys.stdout
        with suppress(OSError, ValueError):
            os.write(stream.fileno(), f"{'' if as_json else 'autohealer: '}{message}\n".encode())
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    ours = [number for number in ENDED_BY if signal.getsignal(number) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    except KeyboardInterrupt:
        tell_error(_told(store, folder, "interrupted"), Exit.INTERRUPTED, as_json=as_json)
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _told(store: Store, folder: IncidentFolder, how: str) -> str:
    runs = store.runs(folder)
    place = runs[-1].path if runs else folder.path
    return f"{how}; what was found is in {place}; go on with `autohealer heal {folder.path.name}`"
