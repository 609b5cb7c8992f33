"""What a piece of the service's code reads, and where in the code something is named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.diagnosis import Culprit
from agent.triage.scene import Scene
from tools.logs.frames import is_test, likely_path
from tools.repository import Match
from tools.repository.tree import RepositoryError
from tools.truth import Use, name_pattern

_AROUND = 6
_SHORTEST = 4
_BLAMED = 6


@dataclass(frozen=True, slots=True)
class Span:
    """Lines [first, last] of a file, 1-based: a function, or what surrounds a line."""

    path: str
    first: int
    last: int
    function: str | None
    text: str


def uses_in_frames(scene: Scene, writer: str) -> list[Use]:
    """What `writer` writes and the functions of the traceback name, as text or by a constant."""
    own = list(_own_frames(scene))
    # Where functions cannot be told apart, what stands near an outer frame proves nothing.
    near = own[-2:] if own and own[-1][0].endswith(".py") else own[-1:]
    spans = [span for frame in near if (span := span_of(scene, *frame)) is not None]
    written = dict.fromkeys(scene.truth.component(writer).writes)
    wanted = [use for use in scene.component.reads if writer in scene.truth.writers(use)]
    return [use for use in dict.fromkeys((*wanted, *written)) if _is_named(scene, use, spans)]


def _own_frames(scene: Scene) -> Iterator[tuple[str, int]]:
    frames = scene.final.frames if scene.final else ()
    for frame in frames:
        if scene.owner_of(frame) == "service":
            yield likely_path(frame), frame.line


def _is_named(scene: Scene, use: Use, spans: list[Span]) -> bool:
    prefix = re.split(r"[{*]", use.name)[0]
    if len(prefix) < _SHORTEST:
        return False
    names = [prefix, *(name for name, text in scene.constants.items() if text.startswith(prefix))]
    patterns = [re.compile(rf"(?<!\w){re.escape(name)}") for name in names]
    return any(pattern.search(span.text) for span in spans for pattern in patterns)


def matches(scene: Scene, text: str) -> tuple[Match, ...]:
    """Lines of the service's own code that hold a text, tests apart."""
    try:
        found = scene.repository.grep(text, paths=[scene.root.rstrip("/")]).found
    except RepositoryError:
        return ()
    return tuple(match for match in found if not is_test(match.path))


def is_gone(scene: Scene, use: Use) -> bool | None:
    """Whether the capture lacks what a use names; None where no Redis values were captured."""
    values = scene.folder.redis_values()
    if not any(values.values()):
        return None
    return not any(name_pattern(use.name).fullmatch(key) for bus in values.values() for key in bus)


def span_of(scene: Scene, path: str, line: int) -> Span | None:
    """The innermost function around a line, else the lines near it; None when the file is not there."""
    source = scene.source(path)
    if source is None:
        return None
    lines = source.splitlines()
    node = _function(source, line) if path.endswith(".py") else None
    if node is None:
        first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
        return Span(path, first, last, None, "\n".join(lines[first - 1 : last]))
    last = node.end_lineno or node.lineno
    return Span(path, node.lineno, last, node.name, "\n".join(lines[node.lineno - 1 : last]))


def _function(source: str, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around, key=lambda node: node.lineno, default=None)


def newest(scene: Scene, places: list[Culprit]) -> Culprit | None:
    """Of several lines the one that was written last: what broke is usually what changed."""
    if len(places) < 2:
        return places[0] if places else None
    dated = []
    for place in places[:_BLAMED]:
        try:
            dated.append((scene.repository.blame_line(place.file, place.line or 1).date, place))
        except RepositoryError:
            continue
    return max(dated, key=lambda pair: pair[0])[1] if dated else places[0]


def place_of_words(scene: Scene, message: str) -> Culprit | None:
    """Where the code is that a swallowed error speaks of, when its message names a key or attribute."""
    key = re.search(r"(?:^|: )'([\w.:-]{1,80})'$", message)
    attribute = re.search(r"has no attribute '(\w{1,80})'$|unexpected keyword argument '(\w{1,80})'", message)
    if key is not None:
        texts = [f'["{key.group(1)}"]', f"['{key.group(1)}']"]
    elif attribute is not None:
        texts = [f".{attribute.group(1)}"] if attribute.group(1) else [f"{attribute.group(2)}="]
    else:
        return None
    found = [match for text in texts for match in matches(scene, text)]
    read = [match for match in found if not re.search(r"\]\s*=[^=]", match.text)]
    return newest(scene, [_culprit(scene, match) for match in read])


def _culprit(scene: Scene, match: Match) -> Culprit:
    span = span_of(scene, match.path, match.line)
    return Culprit(file=match.path, line=match.line, function=span.function if span else None)
