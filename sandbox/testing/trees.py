"""The trees that tests run on: a patch's code with the tests and the settings of its base."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from sandbox.candidate import Start, tree_of_entries
from sandbox.git import GitError, blobs, git
from sandbox.inside.testrun.suspects import told
from sandbox.patch import Patch
from sandbox.testing.concealed import Concealed
from sandbox.testing.material import in_test_folder, is_settings, is_test_file
from sandbox.tree import Entry, Listing
from sandbox.worktree import PrivateRepository


@dataclass(frozen=True)
class Change:
    """One file of the service's code that a patch writes. `before` is None for a new file."""

    path: str
    before: bytes | None
    after: bytes
    test: bool = False

    def suspects(self) -> list[tuple[str, str]]:
        """What it newly does that no service, or no test, needs.

        Raises:
            SyntaxError: it is not Python for this interpreter.
        """
        return told(self.path, self.before, self.after, test=self.test)


class Trees:
    """What a patch changes, parted into code and tests, and the trees that are made of that.

    Raises:
        GitError: an object is missing.
    """

    def __init__(
        self,
        repo: PrivateRepository,
        service: str,
        base: str,
        patch: Patch | None,
        hidden: Concealed | None = None,
    ) -> None:
        self._repo = repo
        self._hidden = hidden or Concealed(None)
        self._base = repo.resolve(base)
        self._service = service
        self.prefix = f"services/{service}/"
        self.base = self._below(repo.listing(self._base))
        self.patched = self._below(repo.listing(patch.tree)) if patch else self.base
        self._contents: dict[str, bytes] = {}

    def _below(self, listing: Listing) -> dict[str, Entry]:
        return {path: entry for path, entry in listing.items() if path.startswith(self.prefix)}

    @cached_property
    def base_tests(self) -> tuple[str, ...]:
        """The base's test files."""
        return tuple(sorted(path for path in self.base if self._is_test(path, self.base[path])))

    @cached_property
    def new_tests(self) -> tuple[str, ...]:
        """Test files that only the patch has."""
        fresh = self.patched.keys() - self.base.keys()
        return tuple(sorted(path for path in fresh if self._is_test(path, self.patched[path])))

    @cached_property
    def material(self) -> frozenset[str]:
        """Everything of the base that belongs to its tests or steers them."""
        return frozenset(path for path in self.base if in_test_folder(path) or is_settings(path)) | frozenset(
            self.base_tests
        )

    @cached_property
    def overruled(self) -> tuple[str, ...]:
        """Tests and settings that the patch changes or deletes, or settings it adds: the base's are used."""
        changed = {
            p for p in self.base.keys() | self.patched.keys() if self.base.get(p) != self.patched.get(p)
        }
        return tuple(
            sorted(p for p in changed if p in self.material or (p not in self.base and is_settings(p)))
        )

    @cached_property
    def _helpers(self) -> frozenset[str]:
        """New files that come along with the patch's new tests."""
        fresh = self.patched.keys() - self.base.keys()
        kept = {path for path in fresh if in_test_folder(path) and not is_settings(path)}
        return frozenset(kept | set(self.new_tests))

    @cached_property
    def _code(self) -> dict[str, Entry | None]:
        """Entries of the service's own code as the patch has them; None where it deletes a file."""
        left_out = self.material | self._helpers
        paths = self.base.keys() | self.patched.keys()
        return {
            path: self.patched.get(path)
            for path in paths
            if path not in left_out
            and not is_settings(path)
            and self.base.get(path) != self.patched.get(path)
        }

    def tree(self, *, patched_code: bool, new_tests: bool) -> str:
        """A tree's id: the base, with the patch's code, with its new tests, with both or neither."""
        entries: dict[str, Entry | None] = dict(self._code) if patched_code else {}
        if new_tests or patched_code:
            # Where the patch will live, they lie beside it: code that looks would know a test run by that.
            entries |= {
                path: self.patched[path] for path in self._helpers if new_tests or self._lies_by(path)
            }
        start = Start(self._repo, self._base, self._service, self._repo.listing(self._base))
        entries = {**self._hidden.entries(start), **entries}
        return tree_of_entries(start, entries) if entries else self._base

    def _lies_by(self, path: str) -> bool:
        """Whether a new file of the tests stands in for none of the base's: a folder would, for a module."""
        parts = path.split("/")
        return not any(f"{'/'.join(parts[:end])}.py" in self.base for end in range(3, len(parts)))

    def test_imports(self) -> tuple[tuple[str, str], ...]:
        """Code of the patch that imports what came along with its new tests: path and text each."""
        names = {path.rpartition("/")[2].removesuffix(".py") for path in self._helpers} - {"__init__"}
        folders = {part for path in self._helpers for part in path.split("/")[2:-1]}
        names |= {folder for folder in folders if in_test_folder(f"{folder}/x")}
        found = []
        for change in self.changes():
            if change.path.endswith(".py") and not change.test:
                had = {name for _, name in imported(change.before or b"")}
                news = [(line, name) for line, name in imported(change.after) if name in names - had]
                found += [(change.path, line, name) for line, name in news]
        told = "test-detection: {0}:{1} imports {2}, which belongs to the patch's tests"
        return tuple((place[0], told.format(*place)) for place in found)

    def changes(self) -> tuple[Change, ...]:
        """The patch's files that are looked at for what no service needs: code, and new tests."""
        paths = [path for path, entry in self._code.items() if entry is not None]
        named = [path for path in [*paths, *sorted(self._helpers)] if not path.endswith((".md", ".rst"))]
        after = self._read([self.patched[path] for path in named])
        known = [path for path in named if path in self.base]
        before = dict(zip(known, self._read([self.base[path] for path in known]), strict=True))
        return tuple(
            Change(path, before.get(path), content, path in self._helpers)
            for path, content in zip(named, after, strict=True)
        )

    def added_modules(self) -> frozenset[str]:
        """Names by which new files and folders of the service could be imported from its folder."""
        tops = {path[len(self.prefix) :].partition("/")[0] for path in self._code if path not in self.base}
        had = {path[len(self.prefix) :].partition("/")[0] for path in self.base}
        return frozenset(name.removesuffix(".py") for name in tops - had)

    def is_from_history(self, path: str) -> bool:
        """Whether the base has this very file, or has had it at this path: it was moved, or restored."""
        entry = self.patched.get(path)
        if entry is None:
            return False
        if any(other.oid == entry.oid for other in self.base.values()):
            return True
        options = ("log", "--format=", "--raw", "--no-abbrev", "--no-renames", "--full-history")
        try:
            told = git(self._repo.located.git_dir, *options, self._base, "--", path)
        except GitError:
            return False
        return any(entry.oid.encode() in line.split() for line in told.splitlines())

    def trusted(self, *, new_tests: bool) -> tuple[str, ...]:
        """Python files that are taken from memory when tests run."""
        conftests = {path for path in self._repo.listing(self._base) if path.endswith("conftest.py")}
        found = self.material | conftests | (self._helpers if new_tests else frozenset())
        return tuple(sorted(path for path in found if path.endswith(".py")))

    @property
    def commit(self) -> str:
        """The base commit's id."""
        return self._base

    @cached_property
    def changes_code(self) -> bool:
        """Whether the patch changes anything but tests."""
        return bool(self._code)

    def _is_test(self, path: str, entry: Entry) -> bool:
        if not entry.mode.startswith("100") or not is_test_file(path):
            return False
        return in_test_folder(path) or is_test_file(path, self._read([entry])[0])

    def _read(self, entries: Sequence[Entry]) -> list[bytes]:
        missing = [entry.oid for entry in entries if entry.oid not in self._contents]
        if missing:
            self._contents.update(zip(missing, blobs(self._repo.git_dir, missing), strict=True))
        return [self._contents[entry.oid] for entry in entries]


def imported(source: bytes) -> list[tuple[int, str]]:
    """Every part of a name that a Python source imports, with its line; none where it does not compile."""
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return []
    found = []
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found += [(node.lineno, part) for name in names for part in name.split(".") if part]
    return found
