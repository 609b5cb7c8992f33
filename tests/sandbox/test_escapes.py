"""What code in a box tries, as root and as an ordinary user: denied inside, seen to succeed outside."""

import json
import os
import re
import shutil
import sys
import tempfile
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


Defence = tuple[tuple[str, str, str], ...]
"""What is changed in a copy of the package to switch something off: file, text, other text."""


def tried(who: str, switched_off: Defence = ()) -> Outcomes:
    """How every attempt ended, by mode, for one kind of user."""
    if who == "root" and os.geteuid() != 0:
        pytest.skip("not root")
    home = Path(tempfile.mkdtemp(prefix="autohealer-user-"))
    home.chmod(0o755)
    shutil.copytree(ROOM / "isolation", home / "sandbox/isolation", ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("__init__.py", "exchange.py", "process.py"):
        shutil.copy(ROOM / name, home / "sandbox" / name)
    for name, text, other in switched_off:
        file = home / "sandbox/isolation" / name
        assert text in file.read_text(), f"{name} has changed: this test must, too"
        file.write_text(file.read_text().replace(text, other))
    become: tuple[str, ...] = ()
    if who != "root" and os.geteuid() == 0:
        become = ("setpriv", "--reuid", ORDINARY_UID, "--regid", ORDINARY_UID, "--clear-groups", "--")
    argv = [*become, "/usr/bin/python3", "-B", "-c", (HERE / "driver.py").read_text()]
    env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONPATH": str(home)}
    source, limits = (HERE / "attempts.py").read_bytes(), Limits(wall_s=60)
    done = run(argv, env=env, stdin=source, limits=limits, cwd=Path("/"))
    shutil.rmtree(home)
    assert done.returncode == 0, done.stderr.decode()
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module", params=["root", "ordinary user"])
def outcomes(request: pytest.FixtureRequest) -> tuple[str, Outcomes]:
    """Who it was, and how every attempt ended, by mode."""
    return request.param, tried(request.param)


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


NO_LANDLOCK = ("init.py", '        restrict(libc, job["writable"], _DEVICES)\n', "")
NO_FILTER = ("init.py", '        _filter_calls(libc, job["filter"])\n', "")
OPEN_FIRST_PROCESS = ("init.py", "_prctl(libc, _SET_DUMPABLE, 0, 0, 0, 0)", "pass")
WRITABLE_MOUNTS = (
    ("bubblewrap.py", '"--ro-bind"', '"--bind"'),
    ("unshare.py", "_attributes(libc, _NEW + inside, _READ_ONLY, _AT_RECURSIVE)", "pass"),
)
HOST_NETWORK = ("bubblewrap.py", ' "--unshare-net",', "")
SHOW_TMP = ("view.py", 'SYSTEM = ("/usr",', 'SYSTEM = ("/usr", "/tmp",')
SWITCHED_OFF: dict[str, tuple[Defence, str, set[str]]] = {
    "call filter": (
        (NO_FILTER,),
        "bubblewrap namespaces",
        {
            *("trace_a_process", "read_another_process_by_system_call", "open_a_netlink_socket"),
            *("add_a_key_to_the_keyring", "use_io_uring", "run_a_file_that_is_only_memory"),
            *("use_the_calls_of_another_machine", "call_the_crash_handler_of_the_host"),
        },
    ),
    "first process closed, twice": (
        (NO_LANDLOCK, OPEN_FIRST_PROCESS),
        "bubblewrap namespaces",
        {"open_the_memory_of_the_first_process"},
    ),
    "read-only mounts, and Landlock": (
        (NO_LANDLOCK, *WRITABLE_MOUNTS),
        "bubblewrap namespaces",
        {"write_to_what_is_shown_read_only"},
    ),
    "network namespace": (
        (HOST_NETWORK,),
        "bubblewrap",
        {"connect_to_a_host_port", "connect_over_ipv6", "send_a_datagram_to_the_host", "connect_out"},
    ),
    "network namespace, and Landlock": (
        (HOST_NETWORK, NO_LANDLOCK),
        "bubblewrap",
        {"connect_to_an_abstract_socket"},
    ),
    "choice of what is shown": (
        (SHOW_TMP,),
        "bubblewrap namespaces",
        {"read_public_file_in_tmp", "follow_a_symlink_of_the_tree", "connect_to_a_socket_file"},
    ),
}
"""Defences; which box each is a defence of; and what gets out without it, as an ordinary user."""


@pytest.mark.slow
@pytest.mark.parametrize("defence", SWITCHED_OFF)
def test_each_defence_is_needed(defence: str) -> None:
    switched_off, boxes, expected = SWITCHED_OFF[defence]
    ended = tried("ordinary user", switched_off)
    for mode in set(boxes.split()) & set(ended):
        missing = {name for name in expected if not ended[mode].get(name, "").startswith("escaped")}
        assert not missing, f"{mode}: {ended[mode]}"


@pytest.mark.slow
@pytest.mark.parametrize("layer", [NO_LANDLOCK, OPEN_FIRST_PROCESS, *WRITABLE_MOUNTS])
def test_one_layer_less_is_still_a_box(layer: tuple[str, str, str]) -> None:
    ended = tried("ordinary user", (layer,))
    for mode in set(ended) - {"off"}:
        through = {name for name, said in ended[mode].items() if not said.startswith("denied")}
        assert through <= {"chmod_what_is_shown_read_only"}, "Landlock knows no chmod"
