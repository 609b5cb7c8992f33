"""Landlock, the second layer: even a mount that came out writable stays closed.

Runs inside the box, before argv, in a bare interpreter: it imports little.
"""
# Only what a bare interpreter has at hand is imported.
# ruff: noqa: PTH110

from __future__ import annotations

import ctypes
import os
import struct

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_EXECUTE, _WRITE, _READ, _LIST = 1, 2, 4, 8
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_LOOK = _EXECUTE | _READ | _LIST
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK = 0
_SCOPES = 3
"""No abstract unix socket and no signal beyond this domain (since ABI 6)."""


def restrict(libc: ctypes.CDLL, writable: list[str], devices: list[str]) -> int:
    """Leave reading everywhere, writing below `writable` and to `devices`; returns the ABI, 0 for none.

    Raises:
        OSError: the kernel has Landlock, but refused.
    """
    abi = int(libc.syscall(_CREATE, None, ctypes.c_size_t(0), 1))
    if abi < 1:
        return 0
    handled = _RIGHTS[min(abi, 5)]
    fields = struct.pack("=QQQ", handled, _NETWORK, _SCOPES if abi >= 6 else 0)
    ruleset = _call(libc, _CREATE, fields, ctypes.c_size_t(len(fields) if abi >= 6 else 8), 0)
    _allow(libc, ruleset, "/", _LOOK & handled)
    for path in writable:
        _allow(libc, ruleset, path, handled & ~_DEVICE_CONTROL)
    for path in devices:
        _allow(libc, ruleset, path, (_READ | _WRITE | _TRUNCATE | _DEVICE_CONTROL) & handled)
    _call(libc, _RESTRICT, ruleset, 0)
    os.close(ruleset)
    return abi


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    if not os.path.exists(path):
        return
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(libc, _ADD, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, folder), 0)
    finally:
        os.close(folder)


def _call(libc: ctypes.CDLL, number: int, *args: object) -> int:
    value = int(libc.syscall(number, *args))
    if value < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock call {number}: {os.strerror(code)}")
    return value
