"""Calls that hold up the whole event loop: slept and waited for in a way that lets others run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import libcst as cst

from agent.model.builtin.coroutines import is_async, place_of, scope_of
from agent.model.builtin.importing import importing
from agent.model.builtin.regression import turn_test
from agent.model.builtin.scene import Candidate, Scene
from agent.model.builtin.source import Change, Source, expression, name_of
from agent.model.builtin.talk import Asking

LATE = re.compile(
    r"TimeoutError|timed? ?out|heartbeat|keepalive|\blate\b|\boverdue\b|ConnectionClosed"
    r"|loop (?:was |is )?(?:blocked|stalled|busy|lag)",
    re.IGNORECASE,
)
"""What is said where something had to wait too long: only then is it asked who held the loop up."""
_SLOW = re.compile(r"Executing <.*?(?:running|defined|created) at (\S+?):(\d+).*? took [\d.]+ seconds")
_WORDS = (
    r"\b(?:sleep|urlopen|urlretrieve|check_output|check_call|create_connection|gethostbyname|getaddrinfo)\("
    r"|\b(?:requests|httpx|subprocess)\.\w+\(|\bos\.system\(|^import (?:requests|httpx|subprocess) as "
)
_METHODS = ("get", "post", "put", "patch", "delete", "head", "request")
SLEEP = "time.sleep"
BLOCKING = frozenset(
    {
        *(f"{module}.{method}" for module in ("requests", "httpx") for method in _METHODS),
        *(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")),
        *(f"socket.{name}" for name in ("create_connection", "gethostbyname", "getaddrinfo")),
        *("urllib.request.urlopen", "urllib.request.urlretrieve", "os.system", SLEEP),
    }
)
MOST = 4


def blocking(scene: Scene) -> Asking[list[Candidate]]:
    """Blocking calls in coroutines, where something came too late: each function's in one candidate.

    Those that asyncio's own warnings name come first, then those in the functions of the crash.
    """
    if LATE.search(scene.trouble.text) is None or scene.incident.down:
        return []
    root = scene.incident.root.rstrip("/")
    matches = yield from scene.desk.grep(_WORDS, path=root)
    paths = [one.path for one in matches if one.path.endswith(".py") and "/tests/" not in one.path]
    if not paths:
        return []
    yield from scene.desk.look([(path, None) for path in dict.fromkeys(paths) if path not in scene.draft])
    slow = [(path, int(line)) for path, line in _SLOW.findall((yield from scene.desk.log()))]
    found: list[Candidate] = []
    for path in dict.fromkeys(paths):
        source = yield from scene.source(path)
        for function, calls in _held_up(source).items() if source else ():
            assert source is not None
            named = any(log.endswith(path) and source.spanned(function, line) for log, line in slow)
            crashed = (path, function.name.value) in [(one.path, one.function) for one in scene.trouble.spots]
            changes: dict[cst.CSTNode, Change] = {call: _let_run(source, call, what) for call, what in calls}
            names = " and ".join(dict.fromkeys(source.code(call.func) for call, _ in calls))
            why = f"{names} in {function.name.value}() holds up the whole event loop"
            text = importing(source.changed(changes), "asyncio")
            rank = 1 if named else 2 if crashed else 3
            spot = place_of(path, source, calls[0][0])
            test = turn_test(scene.incident, spot, source, text, dict(calls))
            found.append(Candidate(why, {path: text}, rank=rank, spot=spot, tests=(test,) if test else ()))
    return sorted(found, key=lambda one: one.rank)[:MOST]


def _held_up(source: Source) -> Mapping[cst.FunctionDef, list[tuple[cst.Call, str]]]:
    """The blocking calls of each coroutine function: its own, and calls of plain functions that make one."""
    names = _imported(source)
    blocked: dict[cst.FunctionDef, list[tuple[cst.Call, str]]] = {}
    plain: set[str] = set()
    for call in source.nodes(cst.Call):
        function, what = scope_of(source, call), _called(source, call, names)
        if function is None or what not in BLOCKING:
            continue
        if function.asynchronous is None:
            plain.add(function.name.value)
        else:
            blocked.setdefault(function, []).append((call, what))
    for call in _calls_of(source, plain):
        function = scope_of(source, call)
        if function is not None:
            blocked.setdefault(function, []).append((call, ""))
    return blocked


def _calls_of(source: Source, plain: set[str]) -> Iterator[cst.Call]:
    """Calls, in coroutines, of a file's own plain functions: by name, or by `self`."""
    for call in source.nodes(cst.Call):
        own = isinstance(call.func, cst.Name) or source.code(call.func).startswith("self.")
        if own and name_of(call.func) in plain and is_async(source, call):
            yield call


def _imported(source: Source) -> Mapping[str, str]:
    """The dotted name behind each name that an import binds."""
    names = {}
    for node in source.nodes(cst.Import):
        for one in node.names:
            dotted = source.code(one.name)
            names[source.code(one.asname.name) if one.asname else dotted] = dotted
    for statement in source.nodes(cst.ImportFrom):
        if statement.module is not None and not isinstance(statement.names, cst.ImportStar):
            for one in statement.names:
                bound = source.code(one.asname.name) if one.asname else source.code(one.name)
                names[bound] = f"{source.code(statement.module)}.{source.code(one.name)}"
    return names


def _called(source: Source, call: cst.Call, names: Mapping[str, str]) -> str:
    """The dotted name of what is called, empty for what no import gives."""
    code = source.code(call.func)
    owner, _, name = code.rpartition(".")
    return f"{names[owner]}.{name}" if owner in names else names.get(code, "")


def _let_run(source: Source, call: cst.Call, what: str) -> Change:
    given = ", ".join(source.code(one).rstrip(", ") for one in call.args)
    if what == SLEEP:
        return expression(f"await asyncio.sleep({given})")
    code = f"await asyncio.to_thread({source.code(call.func)}{', ' if given else ''}{given})"
    read = isinstance(source.parents.get(call), cst.Attribute | cst.Subscript)
    return expression(f"({code})" if read else code)
