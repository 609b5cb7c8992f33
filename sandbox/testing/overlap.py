"""Where a patch's code and the tests meet: by a name that both have, an import, or a file that both read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from sandbox.inside.testrun.syntax import folded
from sandbox.testing.material import in_test_folder
from sandbox.testing.trees import Trees

_IMPORTS = "test-detection: {0}:{1} imports {2}, which belongs to the patch's tests"
_SHADOWS = "shadowing: {0} is a new module by the name that {1}:{2} imports from the tests"
_LEANS = "overruled: {0} is run as the base has it, and {1}:{2} uses it: put what code needs elsewhere"


def overlaps(trees: Trees) -> tuple[tuple[str, str], ...]:
    """What a patch may not share with tests: path and text each.

    Code that imports what came along with the patch's new tests, and new modules of the service by
    whose names the base's tests import what lies beside them.
    """
    return (*_test_imports(trees), *_shadows(trees))


def leaning(trees: Trees) -> str | None:
    """Why the run says nothing: code uses a file of the tests that the patch changes and the run does not."""
    for path in trees.overruled:
        for file, source in trees.service_code():
            line = next(_uses(source, path), None)
            if line is not None:
                return _LEANS.format(path, file, line)
    return None


def _test_imports(trees: Trees) -> Iterator[tuple[str, str]]:
    names = {path.rpartition("/")[2].removesuffix(".py") for path in trees.helpers} - {"__init__"}
    folders = {part for path in trees.helpers for part in path.split("/")[2:-1]}
    names |= {folder for folder in folders if in_test_folder(f"{folder}/x")}
    for change in trees.changes():
        if change.path.endswith(".py") and not change.test:
            had = {part for _, name in imported(change.before or b"") for part in name.split(".")}
            for line, name in imported(change.after):
                for part in name.split("."):
                    if part in names - had:
                        yield change.path, _IMPORTS.format(change.path, line, part)


def _shadows(trees: Trees) -> Iterator[tuple[str, str]]:
    shared = trees.added_modules() & trees.names_beside_tests()
    for path, source in trees.test_sources() if shared else ():
        for line, name in (*imported(source, tops=True), *texts(source)):
            top = name.partition(".")[0]
            if top in shared:
                new = f"{trees.prefix}{top}"
                yield new, _SHADOWS.format(new, path, line)


def imported(source: bytes, *, tops: bool = False) -> list[tuple[int, str]]:
    """Every dotted name that a Python source imports, with its line; none where it does not compile.

    tops   only those by which something at the top of the path is imported
    """
    found = []
    for node in _nodes(source):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not (tops and node.level):
            found += [(node.lineno, f"{node.module or ''}.{alias.name}".strip(".")) for alias in node.names]
    return found


def texts(source: bytes) -> list[tuple[int, str]]:
    """Every string literal of a Python source, put together where it stands in parts, with its line."""
    whole = ((node, folded(node)) for node in _nodes(source) if isinstance(node, ast.Constant | ast.BinOp))
    return [(node.lineno, text) for node, text in whole if text]


def _uses(source: bytes, path: str) -> Iterator[int]:
    """Lines of a source that name a file: by an import, its name, a pattern, or its folder of tests."""
    file = PurePosixPath(path)
    if file.suffix == ".py":
        own = file.parent.parts if file.name == "__init__.py" else (*file.parent.parts, file.stem)
        module = own[-2:] if in_test_folder(path) else own[-1:]
        for line, name in imported(source):
            parts = tuple(name.split("."))
            if any(parts[at : at + len(module)] == module for at in range(len(parts))):
                yield line
    for line, text in texts(source):
        if _names(text, file):
            yield line


def _names(text: str, file: PurePosixPath) -> bool:
    last = text.rstrip("/").rpartition("/")[2]
    if last == file.name or ("*" in last and last.strip("*.") and fnmatchcase(file.name, last)):
        return True
    # Data of a folder of tests that is read by listing it.
    return file.suffix != ".py" and any(
        part in file.parts[:-1] and in_test_folder(f"{part}/x") for part in text.split("/")
    )


def _nodes(source: bytes) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []
