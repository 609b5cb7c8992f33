"""Imports that take long, made when what they bring is needed."""

from __future__ import annotations

import gc
import importlib
import signal
import sys
from types import ModuleType


def imported(name: str) -> ModuleType:
    """The module, imported with the garbage collector at rest and Ctrl-C waiting.

    Nearly all that an import makes stays; to look through it again and again takes a fifth of the time.
    Code that is not Python's makes something else of an interruption; after the import it is one again.
    """
    if name in sys.modules or not gc.isenabled():
        return importlib.import_module(name)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
