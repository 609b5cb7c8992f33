"""What journal and sse need beside Python: Node.js, and MySQL drivers where there is a MariaDB to talk to.

    python -m evals.testbed.drivers [--pip PYTHON]

No other set-up fetches them. They are found as on a real node: `mysql.connector` in the virtual environment,
`mysql2` by NODE_PATH; Node.js is the machine's, else a wheel's. All are pinned by hash and lie in the
environment of this interpreter, so that they go with it. What cannot be fetched is told: without its driver
a service copes with memory, without Node.js there is no sse.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import click

from sandbox.boot import mariadbd
from sandbox.node import find_node

LOCKS = Path(__file__).with_name("locks")
NODE_LOCK = ("package.json", "package-lock.json")
FETCHES_WITHIN_S = 120.0


@click.command()
@click.option("--pip", default=sys.executable, metavar="PYTHON", help="An interpreter that has pip.")
def main(pip: str) -> None:
    """Fetch what is missing here; never an error."""
    if find_node() is None:
        said = _run(*_pip(pip, "node.txt"))
        click.echo(f"sse has no Node.js: {said}" if said else "Node.js is here")
        find_node.cache_clear()
    if mariadbd() is None:
        return
    if not has_connector():
        said = _run(*_pip(pip, "mysql.txt"))
        click.echo(f"journal has no MySQL driver: {said}" if said else "journal's MySQL driver is here")
    if node_modules() is None and (npm := find_npm()):
        said = _install_node(npm)
        click.echo(f"sse has no MySQL driver: {said}" if said else "sse's MySQL driver is here")


def has_connector() -> bool:
    """Whether this interpreter has journal's driver."""
    return find_spec("mysql") is not None


def node_modules() -> Path | None:
    """The folder that holds sse's driver, or None."""
    folder = _node_folder() / "node_modules"
    return folder if folder.is_dir() else None


def find_npm() -> tuple[str, ...] | None:
    """npm of this machine, else the one that the wheel of Node.js brings."""
    if found := shutil.which("npm"):
        return (found,)
    node = find_node()
    script = node.parents[1] / "lib/node_modules/npm/bin/npm-cli.js" if node else None
    return (str(node), str(script)) if script is not None and script.is_file() else None


def _pip(python: str, lock: str) -> Sequence[str]:
    options = ("-q", "--disable-pip-version-check", "--retries=1", "--no-deps", "--require-hashes")
    return (python, "-m", "pip", "--python", sys.executable, "install", *options, "-r", str(LOCKS / lock))


def _install_node(npm: Sequence[str]) -> str | None:
    """Fetch by npm beside the place where it is looked for, and move it there once it is whole."""
    place = _node_folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        for name in NODE_LOCK:
            shutil.copy(LOCKS / name, folder)
        # A package of types is asked for by a peer, and is twice as large as the driver.
        options = (
            "--legacy-peer-deps",
            "--ignore-scripts",
            "--no-audit",
            "--fetch-retries=0",
            "--loglevel=error",
        )
        if said := _run(*npm, "ci", f"--prefix={folder}", *options):
            return said
        place.mkdir(exist_ok=True)
        (Path(folder) / "node_modules").rename(place / "node_modules")
    return None


def _run(*argv: str) -> str | None:
    """Run a program; the first error that it tells where it fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=FETCHES_WITHIN_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    errors = (
        line.strip() for line in done.stderr.splitlines() if line.lower().startswith(("error", "npm err"))
    )
    return next(errors, f"exit code {done.returncode}")


@cache
def _node_folder() -> Path:
    """By the lock's digest: another lock is another folder."""
    digest = hashlib.sha256(b"".join((LOCKS / name).read_bytes() for name in NODE_LOCK)).hexdigest()
    return Path(sys.prefix) / "share" / "autohealer-testbed" / digest[:12]


if __name__ == "__main__":
    main()
