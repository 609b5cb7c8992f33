"""What of a base's pytest settings is kept: how tests are found and run, which warnings are errors."""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PLUGINS = {
    "pytest_asyncio": ("pytest_asyncio.plugin", re.compile(rb"mark\.asyncio|pytest_asyncio|asyncio_mode")),
    "anyio": ("anyio.pytest_plugin", re.compile(rb"mark\.anyio|anyio_backend|anyio_mode")),
}
"""Plug-ins that may be allowed, the module that each is, and what says that tests use it."""

_KEPT = _words(
    "python_files python_classes python_functions markers asyncio_mode"
    " asyncio_default_fixture_loop_scope asyncio_default_test_loop_scope anyio_mode usefixtures"
    " xfail_strict filterwarnings"
)
_FILES = (
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
)
_IMPORT_MODE = re.compile(r"--import-mode[= ](importlib|append|prepend)\b")
_WARNING = ("-W", "--pythonwarnings")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a run keeps.

    ini           pytest's own options, as `-o` takes them
    import_mode   the base's, or pytest's own
    warnings      filters of warnings, as `-W` takes them
    python_path   folders, relative to the repository, that tests import from
    plugins       modules of the plug-ins that the tests use
    """

    ini: Mapping[str, str] = field(default_factory=dict)
    import_mode: str = "prepend"
    warnings: tuple[str, ...] = ()
    python_path: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()


def read_settings(tree: Path, service: str, tests: Sequence[str], allowed: Sequence[str]) -> Settings:
    """The settings of a base that lies in the folder `tree`: the service's, else the repository's."""
    for folder in (f"services/{service}/tests", f"services/{service}", "services", ""):
        for name in _FILES:
            raw = _section(tree / folder / name)
            if raw is not None:
                return _chosen(raw, folder, _plugins(tree, tests, allowed, raw))
    return Settings(plugins=_plugins(tree, tests, allowed, {}))


def _chosen(raw: Mapping[str, Any], folder: str, plugins: tuple[str, ...]) -> Settings:
    options = _text(raw.get("addopts", ""))
    mode = _IMPORT_MODE.search(options)
    paths = [f"{folder}/{path}".strip("/") for path in _text(raw.get("pythonpath", "")).split()]
    return Settings(
        ini={key: _text(value) for key, value in raw.items() if key in _KEPT},
        import_mode=mode[1] if mode else "prepend",
        warnings=tuple(_warnings(options)),
        python_path=tuple(path for path in paths if ".." not in path.split("/")),
        plugins=plugins,
    )


def _warnings(options: str) -> Iterator[str]:
    """The filters of warnings among pytest's options: `-W x`, `-Wx`, `--pythonwarnings=x`."""
    try:
        words = iter(shlex.split(options))
    except ValueError:
        return
    for word in words:
        if word in _WARNING:
            yield from (text for text in (next(words, ""),) if text)
        elif word.startswith("-W"):
            yield word[2:]
        elif word.startswith("--pythonwarnings="):
            yield word.partition("=")[2]


def _plugins(
    tree: Path, tests: Sequence[str], allowed: Sequence[str], raw: Mapping[str, Any]
) -> tuple[str, ...]:
    texts = [" ".join(raw).encode(), *(_bytes(tree / path) for path in tests)]
    texts += [_bytes(path) for path in {(tree / test).parent / "conftest.py" for test in tests}]
    known = {name: PLUGINS[name] for name in allowed if name in PLUGINS}
    return tuple(module for module, sign in known.values() if any(sign.search(text) for text in texts))


def _section(file: Path) -> Mapping[str, Any] | None:
    content = _bytes(file)
    try:
        if file.suffix == ".toml":
            return _toml(file.name, content.decode())
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, configparser.Error):
        return None
    name = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    return dict(parser[name]) if parser.has_section(name) else None


def _toml(name: str, text: str) -> Mapping[str, Any] | None:
    table = tomllib.loads(text)
    tool = table if name.endswith("pytest.toml") else table.get("tool", {})
    found = tool.get("pytest", {}) if isinstance(tool, dict) else {}
    options = found.get("ini_options", found) if isinstance(found, dict) else {}
    return options if isinstance(options, dict) and options else None


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return str(value)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.is_file() and not file.is_symlink() else b""
    except OSError:
        return b""
