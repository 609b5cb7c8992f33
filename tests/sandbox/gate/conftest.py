"""A target repository with everything in it that a gate may stumble over, made with real git."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.patch import Edit, Patch, from_diff, from_edits
from sandbox.scope import Refused
from sandbox.worktree import PrivateRepository

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ernie",
    "GIT_AUTHOR_EMAIL": "ernie@example.org",
    "GIT_COMMITTER_NAME": "Ernie",
    "GIT_COMMITTER_EMAIL": "ernie@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}

WORK = '''"""The work of service a."""


def first(values):
    """The first value."""
    return values[0]


def ratio(up, down):
    """How much of it went up."""
    return up / down


def last(values):
    """The last value."""
    return values[-1]
'''

TESTS = """import pytest

from intel.work import first, last


def test_first():
    assert first([1, 2]) == 1
    assert first("ab") == "a"


class TestLast:
    def test_last(self):
        assert last([1, 2]) == 2

    def test_empty(self):
        with pytest.raises(IndexError):
            last([])
"""

FILES: dict[str, str | bytes] = {
    ".gitattributes": "*.py ident filter=evil diff=evil export-ignore\n*.txt -diff text eol=crlf\n",
    ".gitignore": "*.pyc\n",
    "root.py": "ROOT = 1\n",
    "requirements.txt": "redis\n",
    "shared/heartbeat.py": "def beat():\n    return 1\n",
    "truth/components/a.json": '{"env": {"API_KEY": "sk-live-1"}}\n',
    "scripts/ms-a.sh": "echo a\n",
    "services/ab/main.py": "AB = 1\n",
    "services/b/main.py": "B = 1\n",
    "services/a/main.py": "from intel.work import ratio\n\nprint(ratio(1, 0))\n",
    "services/a/intel/__init__.py": "",
    "services/a/intel/work.py": WORK,
    "services/a/intel/mixed.py": b"one = 1\r\ntwo = 2\nthree = 3\r\n",
    "services/a/intel/crlf.py": WORK.replace("\n", "\r\n"),
    "services/a/intel/open_end.py": "first = 1\nlast = 2",
    "services/a/intel/latin.py": b"# -*- coding: latin-1 -*-\nNAME = '\xe9t\xe9'\nSIZE = 1\n",
    "services/a/intel/tabs.py": "def f():\n\tif True:\n\t\treturn 1\n",
    "services/a/intel/twice.py": "x = 1\ny = 2\nx = 1\n",
    "services/a/intel/Größe.py": "GRÖSSE = '№ 1'\n",
    "services/a/intel/with space.py": "SPACE = 1\n",
    "services/a/big.py": "".join(f"VALUE_{n} = {n}  # {'x' * 60}\n" for n in range(4_000)),
    "services/a/Data/names.txt": "anna\n",
    "services/a/tests/test_work.py": TESTS,
    "services/a/requirements.txt": "redis\n",
    "services/a/package.json": '{"dependencies": {"express": "4"}}\n',
    "services/a/logo.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "services/a/run.sh": "#!/bin/sh\nexec python main.py\n",
    "services/a/.env": "PASSWORD=hunter2\n",
    "services/a/src/index.js": "const x = 1;\nexport function start() { return x; }\n",
    "services/a/src/index.test.js": "test('starts', () => { assert.equal(start(), 1); });\n",
}

LOST: dict[str, str | bytes] = {
    "services/a/intel/lost.py": "".join(f"LOST_{n} = {n}\n" for n in range(1_000)),
    "services/a/lost.sh": "#!/bin/sh\necho lost\n",
    "services/a/lost.bin": bytes(range(256)),
    "services/a/tests/test_lost.py": "def test_lost():\n    assert True\n",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A real repository on the disk."""

    path: Path

    def git(self, *args: str, stdin: str = "", check: bool = True) -> str:
        """Run git in it and give back what it printed."""
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *args],
            cwd=self.path,
            env=os.environ | IDENTITY,
            input=stdin.encode(),
            capture_output=True,
            check=check,
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, subject: str, files: Mapping[str, str | bytes] | None = None) -> str:
        self.write(files or {})
        self.git("add", "--all", "--force")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def refs(self) -> dict[str, str]:
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ") for line in lines)


def fingerprint(folder: Path, *, without: tuple[str, ...] = ()) -> dict[str, tuple[str, int, int]]:
    """Content, mode and time of every file below a folder, but for those whose path holds a text."""
    found = {}
    for file in sorted(folder.rglob("*")):
        name = str(file.relative_to(folder))
        if file.is_dir() or any(text in name for text in without):
            continue
        status = file.lstat()
        content = os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
        found[name] = (hashlib.sha256(content).hexdigest(), status.st_mode, status.st_mtime_ns)
    return found


def new_target(path: Path, *init: str) -> Target:
    path.mkdir(parents=True)
    target = Target(path)
    target.git("init", "-q", "-b", "main", *init)
    return target


def furnish(target: Target) -> str:
    """Three commits: in the second some files are lost, the third has links and a submodule."""
    (target.path / "services/a").mkdir(parents=True)
    target.write(FILES | LOST)
    for script in ("run.sh", "lost.sh"):
        (target.path / "services/a" / script).chmod(0o755)
    target.commit("first version")
    for name in LOST:
        (target.path / name).unlink()
    target.commit("tidy up")
    (target.path / "services/a/out").symlink_to("../../shared")
    (target.path / "services/a/pointer.py").symlink_to("../../shared/heartbeat.py")
    target.git("add", "--all", "--force")
    target.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},services/a/module")
    target.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},elsewhere/module")
    target.git("commit", "-q", "-m", "links")
    return target.git("rev-parse", "HEAD")


@pytest.fixture(name="fingerprint", scope="session")
def give_fingerprint() -> Callable[..., dict[str, tuple[str, int, int]]]:
    return fingerprint


@pytest.fixture
def make_target(tmp_path: Path) -> Callable[..., Target]:
    """`make_target(name, *git_init_options)` makes an empty repository of this test alone."""
    return lambda name="target", *init: new_target(tmp_path / name, *init)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    """The furnished target; nothing may change it."""
    target = new_target(tmp_path_factory.mktemp("shared") / "Market Swarm")
    furnish(target)
    return target


@pytest.fixture(scope="session")
def base(target: Target) -> str:
    return target.git("rev-parse", "HEAD")


@pytest.fixture(scope="session")
def repo(target: Target, tmp_path_factory: pytest.TempPathFactory) -> PrivateRepository:
    return PrivateRepository(target.path, tmp_path_factory.mktemp("state"))


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate for service `a` of one target at one commit, for short tests."""

    repo: PrivateRepository
    base: str
    service: str = "a"

    def edits(self, *edits: Mapping[str, object], **options: object) -> Patch:
        made = [Edit.model_validate(edit) for edit in edits]
        return from_edits(self.repo, self.base, self.service, made, **options)  # type: ignore[arg-type]

    def diff(self, diff: str, **options: object) -> Patch:
        return from_diff(self.repo, self.base, self.service, diff, **options)  # type: ignore[arg-type]

    def refused(self, make: Callable[..., Patch], *args: object, **options: object) -> Refused:
        with pytest.raises(Refused) as caught:
            make(*args, **options)
        return caught.value

    def rule(self, *edits: Mapping[str, object], **options: object) -> str:
        """The rule that refuses these edits."""
        return self.refused(self.edits, *edits, **options).rule

    def diff_rule(self, diff: str) -> str:
        """The rule that refuses this diff."""
        return self.refused(self.diff, diff).rule


@pytest.fixture(scope="session")
def gate(repo: PrivateRepository, base: str) -> Gate:
    return Gate(repo, base)
