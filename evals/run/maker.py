"""What makes an answer: which command, of which commit of ours, on what machine."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evals.testbed.repository import git

PACKAGE = "autohealer"


@dataclass(frozen=True, slots=True)
class Maker:
    """What a reader needs to make a figure again. No name of a host, no path, no user."""

    command: str = ""
    commit: str = ""
    machine: str = ""


UNKNOWN = Maker()


def maker(command: str, root: Path) -> Maker:
    """The maker of a run here; `root` is our checkout, or where we were installed."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Maker(command, commit_of(root), f"{system}, Python {platform.python_version()}")


def commit_of(root: Path) -> str:
    """Our commit and whether files differ from it, or our version where there is no checkout, in words."""
    try:
        if (root / ".git").exists():
            told = f"commit {git(root, 'rev-parse', '--short=10', 'HEAD').strip()}"
            return f"{told} and changes" if git(root, "status", "--porcelain").strip() else told
    except (OSError, subprocess.SubprocessError):
        pass
    try:
        return f"version {version(PACKAGE)}"
    except PackageNotFoundError:
        return ""
