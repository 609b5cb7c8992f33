"""Imports that take long, made when what they bring is needed."""

from __future__ import annotations

import gc
import importlib
import sys
from types import ModuleType


def imported(name: str) -> ModuleType:
    """The module, imported with the garbage collector at rest.

    Nearly all that an import makes stays; to look through it again and again takes a fifth of the time.
    """
    if name in sys.modules or not gc.isenabled():
        return importlib.import_module(name)
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
