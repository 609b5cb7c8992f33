"""A built wheel holds what a checkout holds, and its commands run from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("agent", "tools", "sandbox", "evals", "prompts")
PIP = ("python3", "-m", "pip", "--python", sys.executable)
QUIET = ("-q", "--disable-pip-version-check", "--no-deps")
LARGEST = 4_000_000

pytestmark = pytest.mark.slow


def run(*argv: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [str(each) for each in argv],
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> set[str]:
    """The files of the packages: those that git knows and those it would."""
    listing = run("git", "ls-files", "-z", "-c", "-o", "--exclude-standard", *PACKAGES, cwd=ROOT)
    return {name for name in listing.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    checkout, built = folder / "checkout", folder / "built"
    for name in tracked() | {"pyproject.toml", "README.md", "LICENSE"}:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, checkout / name)
    litter = checkout / "evals" / "testbed" / "tree" / "__pycache__"
    litter.mkdir()
    (litter / "left.pyc").touch()
    run(*PIP, "wheel", *QUIET, "--no-build-isolation", "-w", built, ".", cwd=checkout)
    [file] = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    folder = wheel.parent / "installed"
    run(*PIP, "install", *QUIET, "--no-index", "--target", folder, wheel, cwd=wheel.parent)
    return folder


def test_a_wheel_holds_every_file_of_the_packages_and_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == tracked()
    assert wheel.stat().st_size < LARGEST


def test_a_wheels_commands_run_outside_of_a_checkout(installed: Path, tmp_path: Path) -> None:
    def autohealer(*argv: str | Path) -> str:
        return run(installed / "bin" / "autohealer", *argv, cwd=tmp_path, PYTHONPATH=str(installed))

    where = run(sys.executable, "-c", "import agent, evals; print(agent.__file__, evals.__file__)",
                cwd=tmp_path, PYTHONPATH=str(installed)).split()  # fmt: skip
    assert all(Path(file).is_relative_to(installed) for file in where)
    assert " eval " in autohealer("--help") and " record " in autohealer("--help")
    autohealer("init", "--service", "systemd")
    assert (tmp_path / "autohealer.toml").stat().st_size and (tmp_path / "autohealer.service").stat().st_size
    told = autohealer("eval", "run", "--only", "rss-service-name", "--model", "rules", "--workers", "1")
    assert "1 runs in" in told
    recorded = autohealer("eval", "run", "--only", "rss-no-date", "--model", "recorded", "--workers", "1")
    assert "stale" not in recorded
