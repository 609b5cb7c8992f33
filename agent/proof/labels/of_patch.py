"""The labels of a patch: the changed files with what else the commit and its history say of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agent.proof.labels.crashed import Crashed
from agent.proof.labels.data import SUFFIXES
from agent.proof.labels.plain import asking, beyond, beyond_in_tests, loading, words_in, words_of
from agent.proof.labels.scripts import SCRIPT
from agent.proof.labels.sources import trees
from agent.proof.labels.told import Label, dropped, labels_of
from sandbox.git import blobs, git
from sandbox.patch import Patch, PatchedFile
from sandbox.review import is_test
from tools.tool import Workbench

MOST_TOLD = 4
ODD_TEST = "its own test is more than a plain test"
UNPLACED = Label(
    "look at", "the log shows no line that crashed, so nothing says that what is changed is what crashed"
)
_AMONG_TESTS = re.compile(r"(?:^|/)(?:tests?|__tests__)/")


def labels_for(bench: Workbench, patch: Patch, crashed: Crashed) -> tuple[str, ...]:
    """What a reviewer must be told about a patch of a crash, in words."""
    files = _Files.of(bench, patch)
    labels = (
        *labels_of(patch.flags, files.before, files.after, files.earlier),
        *_more(bench, patch, files, crashed),
        *_returned(patch, files.earlier),
        *_rewritten(bench, patch),
        *_used_by_tests(patch, files.sources),
        *(
            Label("look at", f"{f.path} is {f.kind}, and is no source")
            for f in patch.files
            if not (_is_code(f.path) or _is_apart(f.path))
        ),
    )
    return tuple(dict.fromkeys(map(str, labels)))


@dataclass(frozen=True, slots=True)
class _Files:
    """Texts by path: what is changed, as it was and is; what history has of it; its tests; the service."""

    before: dict[str, str]
    after: dict[str, str]
    earlier: dict[str, str]
    own_tests: dict[str, str]
    sources: dict[str, str]

    @classmethod
    def of(cls, bench: Workbench, patch: Patch) -> _Files:
        changed = [file for file in patch.files if _is_read(file.path) and not _is_apart(file.path)]
        after = {f.path: _source(bench, patch.tree, f.path) for f in changed if f.kind != "deleted"}
        return cls(
            {f.path: _source(bench, patch.base, f.path) for f in changed if f.kind != "added"},
            after,
            _earlier(bench, patch, after),
            {f.path: _source(bench, patch.tree, f.path) for f in patch.files if _is_own_test(f)},
            _sources(bench, patch),
        )


def _more(bench: Workbench, patch: Patch, files: _Files, crashed: Crashed) -> Iterator[Label]:
    """What is beyond a plain repair and a plain test: each is seldom wrong, and no proof can speak for it."""
    code = {path: source for path, source in files.sources.items() if not is_test(path)}
    truth = words_in(_read(bench, patch, "truth", ".json").values())
    services = _read(bench, patch, "services")
    others = words_in(text for path, text in services.items() if path not in files.sources)
    words = words_of({**code, **files.earlier}, truth, others)
    found = beyond({**files.before, **files.earlier}, files.after, words, crashed)
    yield from _told("more than a plain repair", found)
    if crashed.lines == {} and files.after.keys() - files.earlier.keys():
        yield UNPLACED
    if files.own_tests:
        known = words_of({**files.sources, **files.after})
        yield from _told(ODD_TEST, beyond_in_tests(files.own_tests, known, asking(files.own_tests, code)))
        yield from _told(ODD_TEST, list(dict.fromkeys(loading(files.own_tests, code))))
        yield from _namesakes(files.own_tests, services)


def _namesakes(own: Collection[str], services: Collection[str]) -> Iterator[Label]:
    """New tests by the name of others: of those that are in no package pytest takes one in a run."""
    for path in own:
        folder, _, name = path.rpartition("/")
        others = sorted(
            each for each in services if each.endswith(f"/{name}") and each != path and is_test(each)
        )
        if path.endswith(".py") and others and f"{folder}/__init__.py" not in {*own, *services}:
            yield Label("look at", f"{path} has the name of {others[0]}: pytest takes no two such in one run")


def _told(what: str, found: list[str]) -> Iterator[Label]:
    if found:
        more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
        yield Label("look at", f"{what}: {'; '.join(found[:MOST_TOLD])}{more}")


def _is_apart(path: str) -> bool:
    """Whether it is a test that stands among tests: anywhere else the service may import it."""
    return is_test(path) and _AMONG_TESTS.search(path) is not None


def _is_own_test(file: PatchedFile) -> bool:
    return file.kind == "added" and _is_apart(file.path) and _is_code(file.path)


def _is_code(path: str) -> bool:
    return path.endswith(".py") or SCRIPT.search(path) is not None


def _is_read(path: str) -> bool:
    return _is_code(path) or path.endswith(SUFFIXES)


def _earlier(bench: Workbench, patch: Patch, after: Mapping[str, str]) -> dict[str, str]:
    """New files as history had them last, and changed ones that are back to what history has."""
    earlier = {}
    for file in patch.files:
        if file.path not in after:
            continue
        if file.kind == "added":
            last = bench.repository.last_commit_with(file.path)
            if last is not None:
                earlier[file.path] = _source(bench, last, file.path)
        elif _blob(bench, patch.tree, file.path) in _blobs_of(bench, patch.base, file.path):
            earlier[file.path] = after[file.path]
    return earlier


def _blob(bench: Workbench, tree: str, path: str) -> str:
    return git(bench.gate.git_dir, "rev-parse", f"{tree}:{path}").decode().strip()


def _blobs_of(bench: Workbench, commit: str, path: str) -> set[str]:
    """Ids of what a file was before each of its last changes."""
    told = git(bench.gate.git_dir, "log", "--raw", "--no-abbrev", "--format=", "-20", commit, "--", path)
    return {line.split()[2] for line in told.decode("utf-8", "replace").splitlines() if line.startswith(":")}


def _returned(patch: Patch, earlier: Mapping[str, str]) -> Iterator[Label]:
    """Changed files that are back to what they were: all that came after is gone, whatever it was for."""
    for file in patch.files:
        if file.kind == "modified" and file.path in earlier:
            yield Label("look at", f"{file.path} is back to an earlier version, without what came after it")


def _rewritten(bench: Workbench, patch: Patch) -> Iterator[Label]:
    """New files that history has with other contents: what was lost did not come back as it was."""
    for file in patch.files:
        last = bench.repository.last_commit_with(file.path) if file.kind == "added" else None
        if last is None:
            continue
        old, new = _source(bench, last, file.path), _source(bench, patch.tree, file.path)
        if old != new:
            yield Label(
                "look at", f"{file.path} is written anew, and history has it as it was in {last[:12]}"
            )
            yield from dropped(trees({file.path: old}), trees({file.path: new}))


def _sources(bench: Workbench, patch: Patch) -> dict[str, str]:
    """The sources of the service and of shared/ on the base, tests too, by path."""
    read = {**_read(bench, patch, f"services/{patch.service}"), **_read(bench, patch, "shared")}
    return {path: source for path, source in read.items() if _is_code(path)}


def _read(bench: Workbench, patch: Patch, folder: str, suffix: str = "") -> dict[str, str]:
    """The files of a folder on the base, by path."""
    listing = bench.gate.listing(patch.base, (folder,))
    paths = [path for path in listing if path.endswith(suffix)]
    read = blobs(bench.gate.git_dir, [listing[path].oid for path in paths])
    return {path: source.decode("utf-8", "replace") for path, source in zip(paths, read, strict=True)}


def _used_by_tests(patch: Patch, sources: Mapping[str, str]) -> Iterator[Label]:
    """Changed files that only tests import: what they say of the tests may be worth less now."""
    own = {path: text for path, text in sources.items() if path.startswith(f"services/{patch.service}/")}
    for file in patch.files:
        is_code = file.kind == "modified" and file.path.endswith(".py") and not is_test(file.path)
        if is_code and only_tests_import(file.path, own):
            yield Label("look at", f"{file.path} is changed, and only tests import it")


def only_tests_import(path: str, sources: Mapping[str, str]) -> bool:
    """Whether files that import a module, by its plain name, are tests all, and there are some."""
    name = path.rpartition("/")[2].removesuffix(".py")
    importing = re.compile(r"^\s*(?:from|import)\b.*\b" + re.escape(name) + r"\b", re.MULTILINE)
    python = ((user, text) for user, text in sources.items() if user.endswith(".py") and user != path)
    users = [user for user, text in python if importing.search(text)]
    return bool(users) and all(map(is_test, users))


def _source(bench: Workbench, tree_ish: str, path: str) -> str:
    return git(bench.gate.git_dir, "cat-file", "blob", f"{tree_ish}:{path}").decode("utf-8", "replace")
