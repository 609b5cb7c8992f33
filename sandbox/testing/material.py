"""Which files of a service are its tests, by path and content."""

from __future__ import annotations

import re
from pathlib import PurePosixPath


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NODE_TEST = re.compile(r".*\.test\.(js|mjs|cjs)")
_PYTHON_TEST = re.compile(r"test_.*\.py|.*_test\.py")
_HOLDS_TESTS = re.compile(rb"^\s*(async\s+)?def\s+test|^\s*class\s+\w*Test|TestCase", re.MULTILINE)
_SERVES_TESTS = re.compile(rb"^\s*@(pytest\.)?fixture\b|^(async\s+)?def\s+pytest_\w", re.MULTILINE)
_FOLDERS = frozenset({"tests", "test", "__tests__"})
_SETTINGS = _words(
    "conftest.py pytest.ini .pytest.ini pytest.toml .pytest.toml tox.ini setup.cfg pyproject.toml"
    " sitecustomize.py usercustomize.py"
)


def is_test_file(path: str, content: bytes | None = None) -> bool:
    """Whether pytest collects a file, or node runs it, as tests.

    `content` tells tests from code of the service that is merely called so, like `load_test.py`.
    """
    name = PurePosixPath(path).name
    if _NODE_TEST.fullmatch(name):
        return "node_modules" not in path.split("/")
    if not _PYTHON_TEST.fullmatch(name) or name == "conftest.py":
        return False
    return content is None or in_test_folder(path) or _HOLDS_TESTS.search(content) is not None


def is_node_test(path: str) -> bool:
    """Whether node, not Python, runs it."""
    return _NODE_TEST.fullmatch(PurePosixPath(path).name) is not None


def in_test_folder(path: str) -> bool:
    """Whether a file lies below a folder of tests: helpers and data of the tests are theirs, too."""
    return not _FOLDERS.isdisjoint(PurePosixPath(path).parts[:-1])


def serves_tests(source: bytes) -> bool:
    """Whether a source holds fixtures or hooks of pytest: it is for tests, wherever it lies."""
    return _SERVES_TESTS.search(source) is not None


def is_settings(path: str) -> bool:
    """Whether a file steers test runs, or any run of Python: always taken from the base."""
    name = PurePosixPath(path).name
    return name in _SETTINGS or name.endswith(".pth")
