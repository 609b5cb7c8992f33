import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from sandbox.isolation import RESULT_BYTES, WORK, Box, BoxError, Isolation, interpreter_mounts
from sandbox.process import Limits, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the boxes of Linux")

PYTHON = "/usr/bin/python3"


def python(code: str, **fields: object) -> Box:
    return Box(argv=(PYTHON, "-I", "-S", "-c", code), **fields)  # type: ignore[arg-type]


def shell(code: str, **fields: object) -> Box:
    return Box(argv=("/bin/sh", "-c", code), **fields)  # type: ignore[arg-type]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "a tree"
    (tree / "services/a b").mkdir(parents=True)
    (tree / "services/a b/main.py").write_text("print('hello')\n")
    (tree / "run").write_text("#!/bin/sh\necho ran\n")
    (tree / "run").chmod(0o700)
    (tree / "link").symlink_to("services/a b")
    (tree / "dangling").symlink_to("/nowhere")
    (tree / ".git").mkdir()
    (tree / ".git/config").write_text("[core]\n")
    (tree / "empty").mkdir()
    return tree


def test_tree_is_copied_without_git(backend: Isolation, tree: Path) -> None:
    (tree / "services/a b/.git").write_text("gitdir: elsewhere")
    done = backend.run(
        shell("find . | sort; cat link/main.py; readlink dangling; ./run", tree=tree)
    ).completed
    assert done.stdout.decode().splitlines() == [
        *(".", "./dangling", "./empty", "./link", "./run", "./services", "./services/a b"),
        *("./services/a b/main.py", "print('hello')", "/nowhere", "ran"),
    ]


def test_tree_may_be_private_to_the_healer(backend: Isolation, tree: Path) -> None:
    (tree / "services/a b/main.py").chmod(0o600)
    (tree / "services").chmod(0o700)
    tree.chmod(0o700)
    assert backend.run(shell("cat 'services/a b/main.py'", tree=tree)).completed.returncode == 0


def test_tree_on_the_host_stays_as_it_was(backend: Isolation, tree: Path) -> None:
    done = backend.run(shell("rm -r services && echo new > empty/file && ls empty", tree=tree)).completed
    assert done.stdout == b"file\n"
    assert (tree / "services/a b/main.py").exists()
    assert not list((tree / "empty").iterdir())


def test_pipes_and_sockets_of_a_tree_are_left_out(backend: Isolation, tree: Path) -> None:
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(tree / "empty/socket"))
        done = backend.run(shell("ls -d pipe empty/socket", tree=tree)).completed
    assert done.stdout == b""


def test_big_and_odd_files_arrive_whole(backend: Isolation, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    (tmp_path / "big").write_bytes(data)
    (tmp_path / "\n weird \udcff").write_bytes(b"odd")
    done = backend.run(shell("sha256sum < big; cat ./*weird*", tree=tmp_path)).completed
    there = run(["/usr/bin/sha256sum"], env={}, stdin=data).stdout
    assert done.stdout == there + b"odd"


def test_missing_tree_is_an_error_of_the_box(backend: Isolation, tmp_path: Path) -> None:
    with pytest.raises(BoxError, match="tree cannot be read"):
        backend.run(shell("true", tree=tmp_path / "gone"))


def test_a_tree_that_does_not_fit_is_an_error_of_the_box(backend: Isolation, tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3 << 20))
    with pytest.raises(BoxError, match="No space left"):
        backend.run(shell("true", tree=tmp_path, limits=Limits(tmpfs_mb=1)))


def test_environment_is_complete_and_ours_is_not_in_it(
    backend: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAI_API_KEY", "secret")
    done = backend.run(Box(argv=("/usr/bin/env",), env={"SERVICE_ID": "vigil"})).completed
    told = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert told.pop("AUTOHEALER_RESULT_FD").isdigit()
    assert told.pop("PATH").split(":")[:3] == ["/usr/local/bin", "/usr/bin", "/bin"]
    assert told == {"HOME": "/tmp", "LANG": "C.UTF-8", "SERVICE_ID": "vigil"}


def test_nobody_in_the_box_has_our_environment(backend: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_API_KEY", "a-secret-of-ours")
    code = "cat /proc/*/environ /proc/*/cmdline 2>&1 | tr '\\0' '\\n'; ls /proc | grep -c '^[0-9]'"
    done = backend.run(shell(code)).completed
    assert b"a-secret-of-ours" not in done.stdout
    assert int(done.stdout.split()[-1]) <= 6


def test_standard_input_and_working_directory(backend: Isolation, tree: Path) -> None:
    done = backend.run(shell("pwd; cat", tree=tree, cwd=f"{WORK}/services", stdin=b"given")).completed
    assert done.stdout == b"/work/services\ngiven"


def test_uid_is_not_root_and_has_a_name(backend: Isolation) -> None:
    done = backend.run(shell("id -u; id -un; grep -E 'Cap|NoNewPrivs|Seccomp:' /proc/self/status")).completed
    uid, name, *status = done.stdout.decode().split("\n")[:-1]
    assert (uid, name) == ("65534", "box")
    assert {line.split("\t")[1].lstrip("0") for line in status} == {"", "1", "2"}


def test_argv_cannot_speak_for_the_first_process(backend: Isolation) -> None:
    code = """
import os
for descriptor in range(3, 64):
    try: os.write(descriptor, b"\\nexit 0\\nkilled by me\\n")
    except OSError: pass
os._exit(5)
"""
    ran = backend.run(python(code))
    assert ran.completed.returncode == 5
    assert ran.result == b"\nexit 0\nkilled by me\n"


def test_loopback_works_inside_under_its_name(backend: Isolation) -> None:
    code = """
import socket
server = socket.create_server(("127.0.0.1", 6379))
client = socket.create_connection(("localhost", 6379))
server.accept()[0].sendall(b"pong")
print(client.recv(4).decode(), socket.gethostname())
"""
    assert backend.run(python(code)).completed.stdout == b"pong box\n"


def test_the_same_port_is_free_in_every_box(backend: Isolation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code = f"import socket; socket.create_server(('127.0.0.1', {taken.getsockname()[1]}))"
        assert backend.run(python(code)).completed.returncode == 0


def test_what_programs_expect_is_there(backend: Isolation) -> None:
    code = """
import multiprocessing, os, pty, tempfile, threading, socket, subprocess
tempfile.NamedTemporaryFile().write(b"x")
multiprocessing.Lock()
threading.Thread(target=print, args=("thread",)).start()
print(subprocess.run(["sh", "-c", "echo child > /dev/stdout; head -c1 /dev/zero | wc -c"],
      capture_output=True, text=True).stdout)
socket.socketpair()
pty.openpty()
open("/dev/null", "w").write("x")
os.urandom(8)
"""
    done = backend.run(python(code)).completed
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"thread\nchild\n1\n\n"


def test_read_only_paths_lie_where_they_lay(backend: Isolation, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "deep/interpreter").mkdir(parents=True)
    (home / "deep/interpreter/data").write_text("seen")
    (home / "deep/other").write_text("not seen")
    home.chmod(0o700)
    shown = home / "deep/interpreter"
    code = f"cat {shown}/data; ls {home}/deep; touch {shown}/new; touch /new"
    done = backend.run(shell(code, read_only=(shown, shown / "data"))).completed
    assert done.stdout == b"seeninterpreter\n"
    assert done.stderr.count(b"Read-only file system") == 2
    assert sorted(path.name for path in shown.iterdir()) == ["data"]


def test_read_only_paths_may_be_links_to_links(backend: Isolation, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real/program").write_text("found")
    (tmp_path / "first").symlink_to("real")
    (tmp_path / "second").symlink_to(tmp_path / "first/program")
    code = f"cat {tmp_path}/second; readlink {tmp_path}/second {tmp_path}/first"
    done = backend.run(shell(code, read_only=(tmp_path / "second",))).completed
    assert done.stdout.decode() == f"found{tmp_path}/first/program\nreal\n"


def test_read_only_file_below_work(backend: Isolation, tree: Path) -> None:
    """A path of the host that starts with /work is no obstacle to the tree."""
    place = Path(WORK)
    if not place.is_dir() or not os.access(place, os.W_OK):
        pytest.skip("no such folder on this host")
    shown = next(path for path in place.iterdir() if path.is_dir() and not path.name.startswith("."))
    done = backend.run(shell(f"ls -d {shown} run", tree=tree, read_only=(shown,))).completed
    assert done.stdout.decode() == f"{shown}\nrun\n"


@pytest.mark.parametrize("path", [Path("relative"), Path("/no/such/path")])
def test_read_only_path_that_cannot_be(backend: Isolation, path: Path) -> None:
    with pytest.raises(BoxError, match=str(path)):
        backend.run(shell("true", read_only=(path,)))


@pytest.mark.parametrize("path", ["/", "/tmp", "/etc", "/dev", "/proc/self", "/sys", "/usr/../tmp"])
def test_what_is_the_boxs_own_is_never_the_hosts(backend: Isolation, path: str) -> None:
    with pytest.raises(BoxError, match="has its own"):
        backend.run(shell("true", read_only=(Path(path),)))


def test_virtual_environment_runs_inside(backend: Isolation) -> None:
    python = Path(sys.executable)
    argv = (str(python), "-c", "import sys, pytest; print(sys.prefix); print(pytest.__file__)")
    done = backend.run(Box(argv=argv, read_only=interpreter_mounts(python))).completed
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == [sys.prefix, pytest.__file__]


@pytest.mark.parametrize(("code", "expected"), [("exit 1", 1), ("exit 137", 137), ("kill -9 $$", -9)])
def test_tells_how_argv_ended(backend: Isolation, code: str, expected: int) -> None:
    assert backend.run(shell(code)).completed.returncode == expected


@pytest.mark.parametrize("program", ["/no/such/program", "/etc/passwd"])
def test_argv_that_cannot_start_is_an_error_of_the_box(backend: Isolation, program: str) -> None:
    with pytest.raises(BoxError, match=program):
        backend.run(Box(argv=(program,)))


def test_working_directory_that_is_not_there(backend: Isolation) -> None:
    with pytest.raises(BoxError, match="/work/gone"):
        backend.run(shell("true", cwd=f"{WORK}/gone"))


def test_result_channel(backend: Isolation) -> None:
    code = "import os; os.write(int(os.environ['AUTOHEALER_RESULT_FD']), b'verdict')"
    ran = backend.run(python(code))
    assert (ran.result, ran.completed.stdout) == (b"verdict", b"")


def test_no_result_is_empty(backend: Isolation) -> None:
    assert backend.run(shell("true")).result == b""


def test_result_is_capped_and_never_in_the_way_of_output(backend: Isolation) -> None:
    code = """
import os, sys, threading
channel = int(os.environ["AUTOHEALER_RESULT_FD"])
def fill(descriptor, byte):
    for _ in range(100):
        os.write(descriptor, byte * (1 << 16))
threads = [threading.Thread(target=fill, args=pair) for pair in ((1, b"o"), (2, b"e"), (channel, b"r"))]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    ran = backend.run(python(code))
    assert ran.result == b"r" * RESULT_BYTES
    assert ran.completed.returncode == 0
    assert ran.completed.truncated


def test_a_reader_of_its_own_descriptor_does_not_block_us(backend: Isolation) -> None:
    began = time.monotonic()
    ran = backend.run(shell("exec setsid sleep 60", limits=Limits(wall_s=0.3)))
    assert ran.completed.timed_out
    assert time.monotonic() - began < 1.5


def test_boxes_share_nothing(backend: Isolation) -> None:
    backend.run(shell("echo left > /tmp/file; echo left > /work/file; echo left > /dev/shm/file"))
    done = backend.run(shell("find /tmp /work /dev/shm -type f")).completed
    assert done.stdout == b""


def test_only_scratch_is_writable(backend: Isolation) -> None:
    code = "find / -xdev -type d -writable 2>/dev/null; find /dev /proc/sys -type d -writable 2>/dev/null"
    done = backend.run(shell(code)).completed
    assert set(done.stdout.decode().split()) <= {"/tmp", "/work", "/dev/shm", "/dev/pts"}
    for place in ("/", "/dev", "/etc", "/usr", "/proc"):
        assert backend.run(shell(f"echo x > {place}/file")).completed.returncode != 0


def test_nothing_is_left_on_the_host(backend: Isolation, tree: Path) -> None:
    mounts, descriptors = Path("/proc/self/mounts").read_text(), len(list(Path("/proc/self/fd").iterdir()))
    scratch = set(Path("/tmp").iterdir())
    backend.run(shell("sleep 60 & setsid sleep 60 & exit 3", tree=tree))
    with pytest.raises(BoxError):
        backend.run(Box(argv=("/no/such",)))
    assert Path("/proc/self/mounts").read_text() == mounts
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert {path for path in set(Path("/tmp").iterdir()) - scratch if "bwrap" in path.name} == set()


def test_nobody_is_left_to_be_reaped_by_others(backend: Isolation) -> None:
    """In a container nobody may do so. This process stands in for init, and nothing comes to it."""
    code = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # become a subreaper
from sandbox.isolation import Box
from sandbox.process import Limits
from sandbox.isolation.{backend.name} import {type(backend).__name__} as Kind
kind = Kind()
for argv in (["exit 3"], ["sleep 60 & setsid sleep 60"], ["sleep 60"]):
    kind.run(Box(argv=("/bin/sh", "-c", *argv), limits=Limits(wall_s=0.2)))
try:
    print(os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("nobody")
"""
    done = run([sys.executable, "-c", code], env={"PATH": os.environ["PATH"]}, cwd=Path(__file__).parents[2])
    assert done.stdout == b"nobody\n", done.stderr


def test_signals_that_the_healers_own_start_ignored_work_in_the_box(backend: Isolation) -> None:
    """A shell starts background jobs with SIGINT ignored, and nohup ignores SIGHUP."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGHUP)}
    try:
        code = "import signal; print([signal.getsignal(n) == signal.SIG_IGN for n in (1, 2, 3, 15)])"
        done = backend.run(python(code)).completed
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert done.stdout == b"[False, False, False, False]\n"
