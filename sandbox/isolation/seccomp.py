"""The box's system call filter, assembled to classic BPF.

Refused calls fail with EPERM, so that programs that merely try them go on. `clone3`, whose
flags a filter cannot see, and io_uring say ENOSYS, on which libc and libuv fall back. A
process that switches to another machine's call numbers is killed.
"""

from __future__ import annotations

import errno
import struct

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
_NUMBER, _ARCH, _ARGS = 0, 4, 16
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_NEWER = 463
"""Calls from here on are newer than this list: they say ENOSYS, as if the kernel were older."""

_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# name: (x86_64, aarch64); None where the machine has no such call.
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, None),
    "query_module": (178, None),
    "get_kernel_syms": (177, None),
    "nfsservctl": (180, 42),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "reboot": (169, 142),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "acct": (163, 89),
    "lookup_dcookie": (212, 18),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "syslog": (103, 116),
    "sync": (162, 81),
    "syncfs": (306, 267),
    "vhangup": (153, 58),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "move_pages": (279, 239),
    "migrate_pages": (256, 238),
    "vmsplice": (278, 75),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
_ABSENT = {
    "clone3": (435, 435),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_SOCKET, _SOCKETPAIR, _CLONE, _IOCTL = (41, 198), (53, 199), (56, 220), (16, 29)
_MKNOD, _MKNODAT = (133, None), (259, 33)
_SETRLIMIT, _PRLIMIT = (160, 164), (302, 261)

_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_TIOCSTI, _TIOCLINUX, _TIOCSETD = 0x5412, 0x541C, 0x5423
_FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6."""
_PROTOCOLS = (0, 1, 6, 17)
"""The usual one, ICMP, TCP, UDP: any other may have the kernel load a module."""
_CORE = 4
"""RLIMIT_CORE: at 1 no crash handler of the host's is started with what a crash left; so it stays."""


def program(machine: str) -> bytes:
    """The filter for `platform.machine()`, as an array of `struct sock_filter`.

    Raises:
        ValueError: a machine whose call numbers are not known here.
    """
    if machine not in _MACHINES:
        raise ValueError(f"no system call filter for {machine}: only {', '.join(_MACHINES)}")
    arch, column = _MACHINES[machine]
    code = _guard(arch, x32=machine == "x86_64")
    for numbers, answer in ((_DENIED, errno.EPERM), (_ABSENT, errno.ENOSYS)):
        for call in numbers.values():
            code += _when(call[column], _fail(answer))
    code += _do(_AT_LEAST, _NEWER, 0, 1) + _fail(errno.ENOSYS)
    code += _when(_CLONE[column], _any_bit(0, _NEW_NAMESPACES))
    code += _when(_IOCTL[column], _any_of(1, (_TIOCSTI, _TIOCLINUX, _TIOCSETD)))
    socket = _none_of(0, _FAMILIES) + _none_of(2, _PROTOCOLS) + _do(_RETURN, _ALLOW)
    code += _when(_SOCKET[column], socket) + _when(_SOCKETPAIR[column], socket)
    code += _when(_SETRLIMIT[column], _any_of(0, (_CORE,)))
    code += _when(_PRLIMIT[column], _core_limit_set())
    code += _when(_MKNOD[column], _device(1))
    code += _when(_MKNODAT[column], _device(2))
    return code + _do(_RETURN, _ALLOW)


def _do(code: int, value: int, true: int = 0, false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, true, false, value)


def _fail(number: int) -> bytes:
    return _do(_RETURN, _FAIL | number)


def _guard(arch: int, *, x32: bool) -> bytes:
    """Kill what does not speak this machine's own call numbers; leaves the number in the accumulator."""
    kill = _do(_RETURN, _KILL)
    code = _do(_LOAD, _ARCH) + _do(_EQUAL, arch, 1, 0) + kill + _do(_LOAD, _NUMBER)
    return code + _do(_AT_LEAST, _X32, 0, 1) + kill if x32 else code


def _when(number: int | None, body: bytes) -> bytes:
    """Run `body`, which returns, if the call is `number`."""
    return b"" if number is None else _do(_EQUAL, number, 0, len(body) // 8) + body


def _argument(index: int) -> bytes:
    # The lower half is enough: the kernel itself takes these arguments as 32 bits.
    return _do(_LOAD, _ARGS + 8 * index)


def _any_bit(index: int, mask: int) -> bytes:
    return _argument(index) + _do(_ANY_BIT, mask, 0, 1) + _fail(errno.EPERM) + _do(_RETURN, _ALLOW)


def _any_of(index: int, values: tuple[int, ...]) -> bytes:
    tests = b"".join(_do(_EQUAL, value, 0, 1) + _fail(errno.EPERM) for value in values)
    return _argument(index) + tests + _do(_RETURN, _ALLOW)


def _none_of(index: int, values: tuple[int, ...]) -> bytes:
    """Refuse what is none of `values`, and go on after this."""
    last = len(values) - 1
    tests = b"".join(_do(_EQUAL, value, last - at + 1, 0) for at, value in enumerate(values))
    return _argument(index) + tests + _fail(errno.EAFNOSUPPORT)


def _core_limit_set() -> bytes:
    """prlimit that gives a new core limit, to whomever; reading it is allowed."""
    refuse = _do(_EQUAL, 0, 1, 0) + _fail(errno.EPERM)
    halves = _do(_LOAD, _ARGS + 16) + refuse + _do(_LOAD, _ARGS + 20) + refuse
    allow = _do(_RETURN, _ALLOW)
    return _argument(1) + _do(_EQUAL, _CORE, 1, 0) + allow + halves + allow


def _device(index: int) -> bytes:
    """Refuse character and block devices; a FIFO is a file like any other."""
    kind = _argument(index) + _do(_AND, 0o170000)
    tests = b"".join(_do(_EQUAL, value, 0, 1) + _fail(errno.EPERM) for value in (0o020000, 0o060000))
    return kind + tests + _do(_RETURN, _ALLOW)
