"""What code in a box tries, as root and as an ordinary user: denied inside, seen to succeed outside."""

import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.process import Limits, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these ways out are those of Linux")

HERE = Path(__file__).parent / "escapes"
ROOM = Path(__file__).parents[2] / "sandbox"
ATTEMPTS = re.findall(r"@attempt\ndef (\w+)", (HERE / "attempts.py").read_text())
ORDINARY_UID = "1234"
ROOT_ONLY = {
    "become_root",
    "change_a_kernel_setting",
    "change_root",
    "load_a_bpf_program",
    "make_a_device",
    "open_a_packet_socket",
    "open_by_file_handle",
    "pivot_the_root",
    "read_shadow",
    "read_the_disk",
    "read_the_kernel_log",
    "watch_the_whole_filesystem",
}
"""Attempts that the kernel refuses an ordinary user anyway."""

Outcomes = dict[str, dict[str, str]]


@pytest.fixture(scope="module", params=["root", "ordinary user"])
def outcomes(request: pytest.FixtureRequest) -> Iterator[tuple[str, Outcomes]]:
    """How every attempt ended, by mode, for one kind of user."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("not root")
    home = Path(tempfile.mkdtemp(prefix="autohealer-user-"))
    home.chmod(0o755)
    shutil.copytree(ROOM / "isolation", home / "sandbox/isolation", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("__init__.py", "process.py"):
        shutil.copy(ROOM / name, home / "sandbox" / name)
    become = ()
    if request.param != "root" and os.geteuid() == 0:
        become = ("setpriv", "--reuid", ORDINARY_UID, "--regid", ORDINARY_UID, "--clear-groups", "--")
    argv = [*become, "/usr/bin/python3", "-c", (HERE / "driver.py").read_text()]
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(home)}
    done = run(
        argv, env=env, stdin=(HERE / "attempts.py").read_bytes(), limits=Limits(wall_s=60), cwd=Path("/")
    )
    shutil.rmtree(home)
    assert done.returncode == 0, done.stderr.decode()
    yield str(request.param), json.loads(done.stdout)


def test_there_are_plenty_and_each_was_tried(outcomes: tuple[str, Outcomes]) -> None:
    who, ended = outcomes
    assert all(list(ended[mode]) == ATTEMPTS for mode in ended)
    assert sum(said == "escaped" for said in ended["off"].values()) >= (30 if who == "root" else 25)


@pytest.mark.parametrize("name", ATTEMPTS)
@pytest.mark.parametrize("mode", ["bubblewrap", "namespaces"])
def test_denied_in_a_box(outcomes: tuple[str, Outcomes], mode: str, name: str) -> None:
    _, ended = outcomes
    if mode not in ended:
        pytest.skip(f"{mode} is not to be had here")
    assert ended[mode][name].startswith("denied")


@pytest.mark.parametrize("name", ATTEMPTS)
def test_succeeds_with_the_isolation_off(outcomes: tuple[str, Outcomes], name: str) -> None:
    who, ended = outcomes
    if name in ROOT_ONLY and who != "root":
        assert ended["off"][name].startswith("denied")
        return
    if ended["off"][name].startswith("denied"):
        pytest.skip(f"this machine forbids it to everyone: {ended['off'][name]}")
    assert ended["off"][name] == "escaped"
