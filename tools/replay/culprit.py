"""Whether what crashed ran again, by the functions that a boot saw reached."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sandbox.boot import BootReport
from tools.logs import Crash
from tools.replay.definitions import Definition
from tools.replay.javascript import ANONYMOUS, MODULE, functions_of, is_script
from tools.replay.tried import CAME_BACK, CRASHED_ON, GIVEN, Calls, tried

_BY_STOPPING = frozenset({"CancelledError", "GeneratorExit", "KeyboardInterrupt", "SystemExit"})
"""Of these only what the base shows is its manner; how a service is stopped is not among what is seen."""
_RAISED_BY_V8 = ("TypeError", "ReferenceError")

RETURNED, ENTERED, AGAIN, RAISED, NAMELESS = "->", ">", "~", "!", "?"
"""What is noted of a function, beside the types of the exceptions that left it, and what it was given."""
NAME_CHARACTERS = 100
MAIN_THREAD = "on the main thread"

Place = tuple[str, str]
"""A path of the repository and the name of a function in it; `<module>` is the file itself."""


def doubts(
    report: BootReport,
    stack: Sequence[Place],
    defined: Callable[[Place], bool],
    culprit: Culprit | None = None,
) -> list[str]:
    """Why it cannot be said that the culprit function, or what replaced it, ran and lives on.

    `stack` is the way to the crash, the culprit first; `defined` says what the booted tree still has.
    """

    def ran(functions: frozenset[str], place: Place) -> bool:
        if culprit is not None and place == culprit.place:
            return any(map(culprit.ran_as, functions))
        return ran_by_name(functions, place)

    if not stack:
        return []
    present = [place for place in stack if defined(place)]
    if not present or not ran(report.functions, present[0]):
        return [f"{stack[0][1]} in {stack[0][0]} was not reached, so nothing shows that it works"]
    first = [place for place in present if ran(report.first_functions, place)]
    if first and not any(ran(report.late_functions, place) for place in first[:2]):
        return [f"{first[0][1]} in {first[0][0]} took the messages once and then no more"]
    return []


@dataclass(frozen=True, slots=True)
class Culprit:
    """The function that crashed: its place, and what the incident's source says of it, where it does."""

    place: Place
    definition: Definition | None = None

    def ran_as(self, function: str) -> bool:
        """Whether it is this function of those that a boot tells, as `path:qualified name`."""
        if self.definition is None or is_script(self.place[0]):
            return ran_by_name(frozenset({function}), self.place)
        return function == f"{self.place[0]}:{self.definition.qualified}"

    def fared(self, report: BootReport) -> set[str]:
        """How it was left, and what else was noted of it."""
        return {how for function, how in _ends(report) if self.ran_as(function)}


def escapes(
    report: BootReport,
    base: BootReport,
    culprit: Culprit,
    error: str,
    is_new: Callable[[str], bool] = lambda function: False,
) -> list[str]:
    """Which exceptions still leave the culprit, or a watched function, for something further out to take.

    Of the culprit that is `error`, the incident's, and any that it did not show on the base, and so it is of
    the functions that a patch newly has; of the other functions of its file, and of those that a patch
    changes, `error` only, where the base did not show that.
    """
    known = _errors(base) - {end for end in _errors(base) if culprit.ran_as(end[0]) and end[1] == error}
    found = sorted(_errors(report) - known)
    return [
        f"{told(name)} still leaves {_placed(function)}, and something further out takes it"
        for function, name in found
        if name == error or culprit.ran_as(function) or (name not in _BY_STOPPING and is_new(function))
    ]


def taken(
    report: BootReport,
    base: BootReport,
    culprit: Culprit,
    error: str,
    is_new: Callable[[str], bool],
    is_changed: Callable[[str], bool] = lambda function: False,
) -> list[str]:
    """Where the incident's type of exception still comes up and is handled at once.

    That is in the culprit, or in a function that the patch newly has, or in what they call; and in one
    that it changed, unless the base handled it there as well.
    """
    left, before = _errors(report), _ends(base) - _errors(base)
    known = {function for function, how in before if how == f"{RAISED}{error}"}
    known -= {function for function, how in _errors(base) if how == error}
    return [
        f"{error} still comes up in {_placed(function)}, and is taken there"
        for function, how in sorted(_ends(report))
        if how == f"{RAISED}{error}" and (function, error) not in left
        if culprit.ran_as(function) or is_new(function) or (is_changed(function) and function not in known)
    ]


def crashes_on(report: BootReport, base: BootReport, crash: Crash, culprit: Culprit) -> list[str]:
    """Which errors that only JavaScript itself raises still leave the culprit, silenced further out.

    A TypeError without a code tells that the code reached for what is not there. Nobody raises it to say
    that data is bad, as Python's are, so whoever silences it mends nothing.
    """
    final = crash.final
    if crash.kind != "node" or final is None or final.code or final.name not in _RAISED_BY_V8:
        return []
    return escapes(report, base, culprit, final.name)


def never_through(report: BootReport, base: BootReport, culprit: Culprit) -> list[str]:
    """Why the culprit did not get through: it ended by exceptions only, or it never came back.

    By exceptions not only of the incident's type: what is raised in its stead tells no less. A call that is
    open tells nothing where the incident's source shows that it may live on, or on the main thread, which
    the service itself needs. A coroutine or a generator that goes on and on need not come back.
    """
    path, name = culprit.place
    fared = culprit.fared(report)
    errors = {how for how in fared if _is_error(how)}
    usual = _BY_STOPPING & {how for _, how in _ends(base)}
    if errors - usual and RETURNED not in fared:
        named = " or ".join(map(told, sorted(errors - usual)))
        return [f"each time that {name} in {path} ran, it ended with {named}, unseen"]
    lives_on = culprit.definition.lives_on if culprit.definition else {*report.pending}
    hangs = bool(report.pending - {MAIN_THREAD} - lives_on)
    vanished = ENTERED in fared and not (errors or report.pending or fared & {RETURNED, AGAIN})
    return [f"{name} in {path} was entered and never came back"] if hangs or vanished else []


def overlooked(
    report: BootReport, base: BootReport, culprit: Culprit, again: Callable[[], BootReport]
) -> list[str]:
    """Whether the culprit ran, but no call that came back had been given what crashed it on the base.

    A call that is still open counts where the incident's source shows that it may live on, and the base
    did not show one that came back. `again` boots the base once more.
    """
    if is_script(culprit.place[0]) or not any(map(culprit.ran_as, report.functions)):
        return []
    patched, before = _calls(report, culprit), _calls(base, culprit)
    lives_on = culprit.definition is not None and report.pending & culprit.definition.lives_on
    if lives_on and RETURNED not in culprit.fared(base):
        patched = replace(patched, came_back=patched.came_back | patched.given)
    named = f"{culprit.place[1]} in {culprit.place[0]}"
    told = {
        "not tried": [f"{named} ran, but never on what crashed it"],
        "cannot be told": [f"whether {named} ran on what crashed it cannot be told"],
    }
    return told.get(tried(before, patched, lambda: _calls(again(), culprit)), [])


def _calls(report: BootReport, culprit: Culprit) -> Calls:
    """What the calls of the culprit had been given, by how they fared."""
    fared = culprit.fared(report)
    crashed, came_back, given = (
        frozenset(how[1:] for how in fared if how.startswith(mark)) for mark in (CRASHED_ON, CAME_BACK, GIVEN)
    )
    return Calls(crashed, came_back, given)


def told(name: str) -> str:
    """An exception's type in words."""
    return "an exception without a name" if name == NAMELESS else name


def _placed(function: str) -> str:
    path, _, name = function.rpartition(":")
    return f"{name[:NAME_CHARACTERS]} in {path}"


def _errors(report: BootReport) -> set[tuple[str, str]]:
    return {(function, how) for function, how in _ends(report) if _is_error(how)}


def _is_error(how: str) -> bool:
    return not how.startswith((RETURNED, ENTERED, AGAIN, RAISED, CAME_BACK, CRASHED_ON, GIVEN))


def _ends(report: BootReport) -> set[tuple[str, str]]:
    """How functions fared, as the report tells it."""
    parts = (each.rpartition(" ") for each in report.ends)
    return {(function, how) for function, _, how in parts}


def ran_by_name(functions: frozenset[str], place: Place) -> bool:
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
