"""The trees that tests run on: a patch's code with the tests and the settings of its base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from sandbox.candidate import Start, tree_of_entries
from sandbox.git import GitError, blobs, git
from sandbox.inside.testrun.suspects import told
from sandbox.patch import Patch
from sandbox.testing.concealed import Concealed
from sandbox.testing.material import in_test_folder, is_settings, is_test_file, serves_tests
from sandbox.tree import Entry, Listing
from sandbox.worktree import PrivateRepository


def _module(path: str) -> bytes:
    """How a file is named where it is imported from the repository."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".").encode()


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
        plain = {path for path in self.base if in_test_folder(path) or is_settings(path)}
        return frozenset({*plain, *self.base_tests, *self._plug_ins(plain | set(self.base_tests))})

    def _plug_ins(self, tests: set[str]) -> list[str]:
        """Changed files elsewhere that are the tests' own, by what they hold or by who names them."""
        known = [path for path in self.base if path.endswith(".py") and path not in tests]
        changed = [path for path in known if self.patched.get(path) != self.base[path]]
        texts = (
            self._read([self.base[path] for path in sorted(tests) if path.endswith(".py")]) if changed else []
        )
        named = b"\n".join(text for text in texts if b"pytest_plugins" in text)
        sources = zip(changed, self._read([self.base[path] for path in changed]), strict=True)
        return [path for path, source in sources if serves_tests(source) or _module(path) in named]

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
    def helpers(self) -> frozenset[str]:
        """New files that come along with the patch's new tests."""
        fresh = self.patched.keys() - self.base.keys()
        kept = {path for path in fresh if in_test_folder(path) and not is_settings(path)}
        return frozenset(kept | set(self.new_tests))

    @cached_property
    def _code(self) -> dict[str, Entry | None]:
        """Entries of the service's own code as the patch has them; None where it deletes a file."""
        left_out = self.material | self.helpers
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
            entries |= {path: self.patched[path] for path in self.helpers if new_tests or self._lies_by(path)}
        start = Start(self._repo, self._base, self._service, self._repo.listing(self._base))
        entries = {**self._hidden.entries(start), **entries}
        return tree_of_entries(start, entries) if entries else self._base

    def _lies_by(self, path: str) -> bool:
        """Whether a new file of the tests stands in for none of the base's: a folder would, for a module."""
        parts = path.split("/")
        if parts[-1] == "__init__.py" and any(test.startswith(path[:-11]) for test in self.base_tests):
            # The base's tests beside it would get another name, and import from another folder.
            return False
        return not any(f"{'/'.join(parts[:end])}.py" in self.base for end in range(3, len(parts)))

    def changes(self) -> tuple[Change, ...]:
        """The patch's files that are looked at for what no service needs: code, and new tests."""
        paths = [path for path, entry in self._code.items() if entry is not None]
        named = [path for path in [*paths, *sorted(self.helpers)] if not path.endswith((".md", ".rst"))]
        after = self._read([self.patched[path] for path in named])
        known = [path for path in named if path in self.base]
        before = dict(zip(known, self._read([self.base[path] for path in known]), strict=True))
        return tuple(
            Change(path, before.get(path), content, path in self.helpers)
            for path, content in zip(named, after, strict=True)
        )

    def added_modules(self) -> frozenset[str]:
        """Names by which new files and folders of the service could be imported from its folder."""
        tops = {path[len(self.prefix) :].partition("/")[0] for path in self._code if path not in self.base}
        had = {path[len(self.prefix) :].partition("/")[0] for path in self.base}
        return frozenset(name.removesuffix(".py") for name in tops - had)

    def names_beside_tests(self) -> frozenset[str]:
        """Top names by which the base's tests can import what lies beside them."""
        steering = {path for path in self.material if path.endswith("/conftest.py")}
        folders = {self._import_folder(path) for path in {*self.base_tests, *steering}}
        below = [
            path[len(folder) + 1 :]
            for path in self.material
            for folder in folders
            if path.startswith(f"{folder}/")
        ]
        return frozenset(path.partition("/")[0].removesuffix(".py") for path in below if path.endswith(".py"))

    def _import_folder(self, path: str) -> str:
        """The folder that pytest puts in front of the path for a test: the first that is no package."""
        folder = path.rpartition("/")[0]
        while f"{folder}/__init__.py" in self.base:
            folder = folder.rpartition("/")[0]
        return folder

    def test_sources(self) -> Iterator[tuple[str, bytes]]:
        """The base's Python files that belong to its tests: path and content."""
        paths = sorted(path for path in self.material if path.endswith(".py"))
        return zip(paths, self._read([self.base[path] for path in paths]), strict=True)

    def service_code(self) -> Iterator[tuple[str, bytes]]:
        """The service's Python files that belong to no tests, as the patch has them: path and content."""
        left_out = self.material | self.helpers
        paths = [path for path in self.patched if path.endswith(".py") and path not in left_out]
        files = [path for path in sorted(paths) if self.patched[path].mode.startswith("100")]
        return zip(files, self._read([self.patched[path] for path in files]), strict=True)

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
        found = self.material | conftests | (self.helpers if new_tests else frozenset())
        return tuple(sorted(path for path in found if path.endswith(".py")))

    def steering(self) -> tuple[str, ...]:
        """The Python files of the base's tests, and every file that may hold pytest's settings for them."""
        settings = {path for path in self._repo.listing(self._base) if is_settings(path)}
        return tuple(sorted(settings | {path for path in self.material if path.endswith(".py")}))

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
