"""Other services with the pattern that a crash came of: told, never patched by the run that found them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from agent.diagnosis import Category
from agent.triage.patterns import Pattern, pattern_of, shared_call
from agent.triage.result import Triage
from agent.triage.shapes import Code
from tools.logs import CrashError, Frame, Owner
from tools.logs.frames import is_test, likely_path, owner_of
from tools.repository import Repository
from tools.repository.tree import RepositoryError

MOST = 8
_FILES = 40
_LINE = 120


def related(repository: Repository, found: Triage) -> tuple[str, ...]:
    """Places of other services that would fail alike, as `path:line: code (what it does)`.

    Nothing where the crash is nobody's code, or has no pattern that can be looked for.
    """
    error = found.crash.final if found.crash else None
    if error is None or (found.verdict == "not_fixable" and not is_shared(found)):
        return ()
    pattern = _pattern(repository, found, error)
    if pattern is None:
        return ()
    places = list(_places(repository, found.service, pattern))
    more = (f"and {len(places) - MOST} more places",) if len(places) > MOST else ()
    return (*places[:MOST], *more)


def is_shared(found: Triage) -> bool:
    """Whether shared/ is at fault, so that everyone who uses it is affected."""
    return found.category is Category.SHARED_BUG and found.reason == "shared"


def _pattern(repository: Repository, found: Triage, error: CrashError) -> Pattern | None:
    """What the code at fault does: a function of shared/, or else the innermost line of the service."""
    frame = _innermost(error, found.service, "shared") if is_shared(found) else None
    if frame is not None and frame.function != "<module>":
        return shared_call(frame.function.rpartition(".")[2], likely_path(frame))
    frame = frame or _innermost(error, found.service, "service")
    if frame is None:
        return pattern_of(error, None, 0)
    return pattern_of(error, _code(repository, likely_path(frame)), frame.line)


def _innermost(error: CrashError, service: str, owner: Owner) -> Frame | None:
    return next((frame for frame in reversed(error.frames) if owner_of(frame, service) == owner), None)


def _places(repository: Repository, service: str, pattern: Pattern) -> Iterator[str]:
    for path in _candidates(repository, service, pattern.word):
        code = _code(repository, path)
        if code is None:
            continue
        lines = {
            node.lineno
            for node in code.nodes
            if isinstance(node, ast.expr | ast.stmt)
            and pattern.is_in(code, node)
            and not code.is_guarded(node, pattern.step, pattern.caught)
        }
        for line in sorted(lines):
            yield f"{path}:{line}: {code.line(line)[:_LINE]} ({pattern.told}, too)"


def _candidates(repository: Repository, service: str, word: str) -> list[str]:
    """Python files of other services that hold a word."""
    try:
        found = repository.grep(word, paths=["services"]).found
    except RepositoryError:
        return []
    own = f"services/{service}/"
    paths = dict.fromkeys(match.path for match in found if match.path.endswith(".py"))
    return [path for path in paths if not path.startswith(own) and not is_test(path)][:_FILES]


def _code(repository: Repository, path: str) -> Code | None:
    try:
        return Code.of(path, repository.read(path).decode("utf-8", "replace"))
    except RepositoryError:
        return None
