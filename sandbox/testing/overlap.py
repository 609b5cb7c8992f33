"""Where a patch's code and the tests meet: by a name that both have, an import, or a file that both read."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import pairwise
from pathlib import PurePosixPath

from sandbox.testing.material import in_test_folder
from sandbox.testing.names import imported, texts
from sandbox.testing.trees import Trees

_IMPORTS = "test-detection: {0}:{1} imports {2}, which belongs to the patch's tests"
_OF_TESTS = "test-detection: {0}:{1} imports {2}, which belongs to the tests"
_SHADOWS = "shadowing: {0} is a new module by the name that {1}:{2} imports from the tests"
_LEANS = "overruled: {0} is run as the base has it, and {1}:{2} uses it: put what code needs elsewhere"


def overlaps(trees: Trees) -> tuple[tuple[str, str], ...]:
    """What a patch may not share with tests: path and text each.

    Code that newly imports what belongs to the base's tests, or came along with the patch's, and new
    modules of the service by whose names the base's tests import what lies beside them.
    """
    return (*_test_imports(trees), *_base_test_imports(trees), *_shadows(trees))


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


def _base_test_imports(trees: Trees) -> Iterator[tuple[str, str]]:
    """Code that could change in place what the tests compare with, or tell that it is tested."""
    tops, folders = _tops_of_tests(trees), _folders_of_tests(trees)

    def found(source: bytes) -> Iterator[tuple[int, str]]:
        yield from ((line, name) for line, name in imported(source, tops=True) if name.split(".")[0] in tops)
        for line, name in imported(source):
            parts = ("", *name.split("."))
            if not folders.isdisjoint(pairwise(parts)):
                yield line, name

    for change in trees.changes():
        if change.path.endswith(".py") and not change.test:
            news = dict.fromkeys(found(change.after))
            had = {name for _, name in found(change.before or b"")} if news else set()
            had |= {name.rpartition(".")[0] for name in had if "." in name}
            for line, name in news:
                if had.isdisjoint((name, name.rpartition(".")[0])):
                    yield change.path, _OF_TESTS.format(change.path, line, name)


def _tops_of_tests(trees: Trees) -> frozenset[str]:
    """Names by which what lies beside the tests is imported, and nothing of the service's own code is."""
    code = {path[len(trees.prefix) :].partition("/")[0] for path in trees.base.keys() - trees.material}
    return trees.names_beside_tests() - {name.removesuffix(".py") for name in code}


def _folders_of_tests(trees: Trees) -> frozenset[tuple[str, str]]:
    """The tests' folders, each with the one above, or with nothing where a name may begin with it."""
    parents = {PurePosixPath(path).parent for path in trees.material if in_test_folder(path)}
    folders = [
        each for folder in parents for each in (folder, *folder.parents) if in_test_folder(f"{each.name}/x")
    ]
    return frozenset(pair for each in folders for pair in ((each.parent.name, each.name), ("", each.name)))


def _shadows(trees: Trees) -> Iterator[tuple[str, str]]:
    shared = trees.added_modules() & trees.names_beside_tests()
    for path, source in trees.test_sources() if shared else ():
        for line, name in (*imported(source, tops=True), *texts(source)):
            top = name.partition(".")[0]
            if top in shared:
                new = f"{trees.prefix}{top}"
                yield new, _SHADOWS.format(new, path, line)


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
