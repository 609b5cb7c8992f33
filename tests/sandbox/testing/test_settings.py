"""What of a base's own pytest settings a run keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.testing.material import in_test_folder, is_settings, is_test_file
from sandbox.testing.settings import read_settings

TEST = "def test_one():\n    assert True\n"


def settings_of(folder: Path, files: Mapping[str, str], tests: tuple[str, ...] = ()) -> Any:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return read_settings(folder, "vigil", tests, ("pytest_asyncio", "anyio"))


def test_without_settings(tmp_path: Path) -> None:
    found = settings_of(tmp_path, {})

    assert (found.ini, found.import_mode, found.python_path, found.plugins) == ({}, "prepend", (), ())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pytest.ini", "[pytest]\nmarkers =\n    slow: slow\nasyncio_mode = auto\npythonpath = src lib\n"),
        ("tox.ini", "[pytest]\nmarkers =\n    slow: slow\nasyncio_mode = auto\npythonpath = src lib\n"),
        (
            "setup.cfg",
            "[tool:pytest]\nmarkers =\n    slow: slow\nasyncio_mode = auto\npythonpath = src lib\n",
        ),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nmarkers = ["slow: slow"]\nasyncio_mode = "auto"\npythonpath = ["src", "lib"]\n',
        ),
    ],
)
def test_what_is_kept(tmp_path: Path, name: str, text: str) -> None:
    found = settings_of(tmp_path, {f"services/vigil/{name}": text})

    assert found.ini["markers"].strip() == "slow: slow"
    assert found.ini["asyncio_mode"] == "auto"
    assert found.python_path == ("services/vigil/src", "services/vigil/lib")
    assert found.plugins == ("pytest_asyncio.plugin",)


def test_the_service_s_settings_win_over_the_repository_s(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path,
        {
            "pytest.ini": "[pytest]\npython_files = check_*.py\n",
            "services/vigil/pytest.ini": "[pytest]\npython_files = probe_*.py\n",
        },
    )

    assert found.ini == {"python_files": "probe_*.py"}


def test_what_is_broken_or_leads_outside_is_not_kept(tmp_path: Path) -> None:
    broken = settings_of(tmp_path, {"services/vigil/pyproject.toml": "[tool.pytest", "pytest.ini": "[pyt"})
    outside = settings_of(tmp_path, {"pytest.ini": "[pytest]\npythonpath = ../.. src\n"})

    assert broken.ini == {}
    assert outside.python_path == ("src",)


def test_of_the_options_only_the_import_mode_is_kept(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path, {"pytest.ini": "[pytest]\naddopts = -k no --import-mode=importlib -p evil\n"}
    )

    assert found.import_mode == "importlib"
    assert found.ini == {}


def test_a_plug_in_is_taken_where_a_test_uses_it(tmp_path: Path) -> None:
    test = "services/vigil/tests/test_a.py"
    found = settings_of(tmp_path, {test: "@pytest.mark.anyio\nasync def test_a(): pass\n"}, (test,))

    assert found.plugins == ("anyio.pytest_plugin",)


def test_settings_that_could_hide_tests_are_not_kept(new_market: Callable[..., Any]) -> None:
    market = new_market(
        {
            "pytest.ini": "[pytest]\naddopts = -k nothing --co\nfilterwarnings = error\n",
            "services/vigil/main.py": "",
            "services/vigil/tests/test_one.py": TEST,
        }
    )

    run = market.baseline()

    assert run.problem is None
    assert [outcome.status for outcome in run.outcomes.values()] == ["passed"]


def test_an_asynchronous_test_runs_with_a_plug_in_that_is_there(new_market: Callable[..., Any]) -> None:
    test = """
        import pytest


        @pytest.fixture
        def anyio_backend():
            return "asyncio"


        @pytest.mark.anyio
        async def test_one():
            assert True


        @pytest.mark.anyio
        async def test_two():
            assert False
        """
    market = new_market({"services/vigil/main.py": "x = 1\n", "services/vigil/tests/test_one.py": test})

    before = market.baseline()
    after = market.run(("main.py", "x = 1", "x = 2"), twins=True)

    assert [outcome.status for outcome in before.outcomes.values()] == ["passed", "failed"]
    assert after.outcomes == before.outcomes


def test_secrets_do_not_enter_the_box(new_market: Callable[..., Any]) -> None:
    test = """
        import json
        import pathlib

        ROOT = pathlib.Path("/work")


        def test_env():
            assert not (ROOT / "services/vigil/.env").exists()


        def test_truth():
            assert json.loads((ROOT / "truth/components/vigil.json").read_text()) == {"key": "placeholder"}
        """
    market = new_market(
        {
            "services/vigil/.env": "PASSWORD=hunter2",
            "services/vigil/tests/test_secrets.py": test,
            "truth/components/vigil.json": '{"key": "hunter2"}',
        }
    )

    def conceal(path: str, content: bytes) -> bytes | None:
        return content.replace(b"hunter2", b"placeholder") if path.startswith("truth/") else None

    run = market.bench(conceal=conceal).run("vigil", market.head, None)

    assert {outcome.status for outcome in run.outcomes.values()} == {"passed"}


@pytest.mark.parametrize(
    ("path", "content", "is_test"),
    [
        ("services/vigil/tests/test_a.py", b"", True),
        ("services/vigil/test_a.py", TEST.encode(), True),
        ("services/vigil/intel/load_test.py", b"def load(): pass\n", False),
        ("services/vigil/intel/load_test.py", TEST.encode(), True),
        ("services/vigil/tests/conftest.py", b"", False),
        ("services/vigil/tests/helper.py", b"", False),
        ("services/sse/src/a.test.js", b"", True),
        ("services/sse/node_modules/x/a.test.js", b"", False),
    ],
)
def test_what_is_a_test_file(path: str, content: bytes, is_test: bool) -> None:
    assert is_test_file(path, content) == is_test


def test_what_belongs_to_the_tests() -> None:
    assert in_test_folder("services/vigil/tests/data/a.json")
    assert not in_test_folder("services/vigil/tests.py")
    assert is_settings("services/vigil/intel/conftest.py")
    assert not is_settings("services/vigil/settings.py")
