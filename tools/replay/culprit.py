"""Whether what crashed ran again, by the functions that a boot saw reached."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from sandbox.boot import BootReport
from tools.logs import Crash
from tools.replay.javascript import ANONYMOUS, MODULE, functions_of, is_script

_BY_STOPPING = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"})
"""Of these only what the base shows is its manner; how a service is stopped is not among what is seen."""
_RAISED_BY_V8 = ("TypeError", "ReferenceError")

Place = tuple[str, str]
"""A path of the repository and the name of a function in it; `<module>` is the file itself."""


def doubts(report: BootReport, stack: Sequence[Place], defined: Callable[[Place], bool]) -> list[str]:
    """Why it cannot be said that the culprit function, or what replaced it, ran and lives on.

    `stack` is the way to the crash, the culprit first; `defined` says what the booted tree still has.
    """
    if not stack:
        return []
    present = [place for place in stack if defined(place)]
    if not present or not ran(report.functions, present[0]):
        return [f"{stack[0][1]} in {stack[0][0]} was not reached, so nothing shows that it works"]
    first = [place for place in present if ran(report.first_functions, place)]
    if first and not any(ran(report.late_functions, place) for place in first[:2]):
        return [f"{first[0][1]} in {first[0][0]} took the messages once and then no more"]
    return []


def escapes(report: BootReport, base: BootReport, place: Place, error: str) -> list[str]:
    """Which exceptions still leave the culprit, or a watched function, for something further out to take.

    Of the culprit that is `error`, the incident's, and any that it did not show on the base; of the
    other functions of its file, and of those that a patch changes, `error` only, where the base did not
    show that.
    """
    known = _ends(base) - {end for end in _ends(base) if ran(frozenset({end[0]}), place) and end[1] == error}
    found = sorted(end for end in _ends(report) - known if end[1])
    return [
        f"{name} still leaves {told} in {path}, and something further out takes it"
        for function, name in found
        if name == error or ran(frozenset({function}), place)
        for path, _, told in [function.partition(":")]
    ]


def crashes_on(report: BootReport, base: BootReport, crash: Crash, place: Place) -> list[str]:
    """Which errors that only JavaScript itself raises still leave the culprit, silenced further out.

    A TypeError without a code tells that the code reached for what is not there. Nobody raises it to say
    that data is bad, as Python's are, so whoever silences it mends nothing.
    """
    final = crash.final
    if crash.kind != "node" or final is None or final.code or final.name not in _RAISED_BY_V8:
        return []
    return escapes(report, base, place, final.name)


def never_through(report: BootReport, base: BootReport, place: Place) -> list[str]:
    """The types of exceptions by which the culprit ended each time that it ended; none if it ever returned.

    Not only the incident's: what is raised in its stead tells no less that it did not get through.
    """
    names = {name for function, name in _ends(report) if ran(frozenset({function}), place)}
    usual = _BY_STOPPING & {name for _, name in _ends(base)}
    return [] if "" in names else sorted(names - usual)


def _ends(report: BootReport) -> set[tuple[str, str]]:
    """How functions were left: by which exception's type, empty for a return."""
    parts = (each.partition(" ") for each in report.ends)
    return {(function, name) for function, _, name in parts}


def ran(functions: frozenset[str], place: Place) -> bool:
    """Whether a function is among those reached; traces name it without its class."""
    path, name = place
    names = {name, MODULE} if name == ANONYMOUS else {name}
    told = (one[len(path) + 1 :] for one in functions if one.startswith(f"{path}:"))
    return any(one.rpartition(".")[2].rpartition(" ")[2] in names for one in told)


def functions_in(path: str, source: bytes) -> set[str]:
    """The names of all functions in a file, and `<module>`; empty where Python does not compile."""
    if is_script(path):
        return functions_of(source)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {"<module>", *(node.name for node in ast.walk(tree) if isinstance(node, kinds))}
