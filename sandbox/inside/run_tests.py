"""Entry of a trusted test run in the box: forks the worker before anything is known, then supervises it.

Reads a plan (JSON) from standard input and writes the verdict (JSON) to the result channel.
`sandbox.testing` makes the one and reads the other.
"""

from __future__ import annotations

import os
import sys

_PACKAGE = "_autohealer_testrun"
_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "testrun")  # noqa: PTH100, PTH118, PTH120
RESULT_FD = "AUTOHEALER_RESULT_FD"


def main() -> None:
    """As supervisor, or, with two descriptors as arguments, as a worker that was started later.

    The first argument is a folder with a pytest, for an interpreter that has none.
    """
    if len(sys.argv) == 4:
        _work(int(sys.argv[2]), int(sys.argv[3]))
    result = int(os.environ.pop(RESULT_FD))
    os.set_inheritable(result, False)
    order_end, orders = os.pipe()
    events, event_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        for descriptor in (result, orders, events):
            os.close(descriptor)
        _work(order_end, event_end)
    os.close(order_end)
    os.close(event_end)
    _load()
    from _autohealer_testrun import process, supervisor  # type: ignore[import-not-found]

    program = (sys.executable, "-I", os.path.abspath(__file__), sys.argv[1])  # noqa: PTH100
    supervisor.supervise(result, process.Worker(pid, orders, events), program)


def _work(orders: int, events: int) -> None:
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.set_inheritable(events, False)
    os.set_inheritable(orders, False)
    _load()
    import json

    from _autohealer_testrun import process, recorder, worker

    sys.path.append(sys.argv[1])
    process.hide(with_parent=True)
    worker.warm_up()
    recorder.mark_hooks()
    with os.fdopen(orders, "rb") as stream:
        plan = json.loads(stream.read() or b"null")
    if plan is None:
        os._exit(0)
    for name in [name for name in sys.modules if name.startswith(_PACKAGE)]:
        del sys.modules[name]
    worker.work(plan, events)


def _load() -> None:
    """Make the package beside this file importable, under a name that no tree has."""
    import importlib.util

    places = [_FOLDER]
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, f"{_FOLDER}/__init__.py", submodule_search_locations=places
    )
    if spec is None or spec.loader is None:
        raise ImportError(_FOLDER)
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    main()
