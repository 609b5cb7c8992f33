"""Agent frameworks to compare with, each in an environment of its own below `.bench`."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(".bench")
INSTALL_S = 300


class NotInstalled(Exception):
    """A peer could not be installed; the message says what stood in the way."""


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework: what is installed of it, and the script that does the common run with it."""

    name: str
    requirement: str
    script: str

    def python(self, folder: Path = FOLDER) -> Path:
        """The interpreter of its environment, which is made at the first time.

        Raises:
            NotInstalled: there is no network, or another reason.
        """
        place = (folder / self.name).absolute()
        stamp, python = place / "installed", place / "bin" / "python"
        wanted = f"{self.requirement} {sys.version}"
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(place, ignore_errors=True)
            _run(sys.executable, "-m", "venv", str(place))
            _run(str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", self.requirement)
            stamp.write_text(wanted)
        return python

    def version(self, python: Path) -> str:
        """What is installed, with its version."""
        code = f"from importlib.metadata import version; print(version({self.requirement.split('[')[0]!r}))"
        return f"{self.name} {_run(str(python), '-c', code).strip()}"


def _run(*argv: str) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, check=True, text=True, timeout=INSTALL_S)
    except subprocess.CalledProcessError as error:
        told = error.stderr.strip().splitlines() or [f"exit code {error.returncode}"]
        raise NotInstalled(told[-1][:200]) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotInstalled(str(error)[:200]) from error
    return done.stdout
