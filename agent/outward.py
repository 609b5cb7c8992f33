"""Text on its way out to people beyond this machine: no secret in it, and no path of this machine."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tools.redact import Redactor

HOST_PATH = "host_path"
"""The rule's name where a path of this machine is still in a text."""

_ROOTS = "Users|home|root|tmp|private|var|opt|mnt|srv|media|Volumes|Library|usr/lib|usr/local|usr/share"
_QUOTED = re.compile(rf"(?<=[\"'])(?:file://)?/(?:{_ROOTS})/[^\"'\n]{{1,1000}}(?=[\"'])")
_REST = r"(?:/[^\s\"'`<>|:;,()\[\]{}*?\\]{1,1000})"
_PLAIN = re.compile(rf"(?<![\w.~-])/(?:{_ROOTS}){_REST}")
_WINDOWS = re.compile(
    r"\b[A-Za-z]:\\{1,2}(?:[^\\\s\"'<>|:;,]{1,255}\\{1,2}){1,40}(?P<name>[^\\\s\"'<>|:;,]{0,255})"
)
_KEPT = re.compile(
    r"/(?P<kept>(?:site-packages|dist-packages|python3(?:\.\d+)?)/.+"
    r"|(?:services|shared|truth|scripts|docs|tests)/.+)"
)
_SHORTEST_ROOT = 4


class Outward:
    """Makes texts fit to leave.

    `private` are folders of this machine that must not be told, wherever they lie: the target,
    the state folder. The user's home, the interpreter's folder and the temporary one are too.
    """

    def __init__(self, redact: Redactor, private: Iterable[Path] = ()) -> None:
        self._redact = redact
        given = (*private, Path.home(), Path(sys.prefix), Path(tempfile.gettempdir()))
        roots = {str(path) for each in given for path in (each, each.resolve())}
        longest_first = sorted((root for root in roots if len(root) >= _SHORTEST_ROOT), key=len, reverse=True)
        self._private = re.compile(
            rf"(?<![\w.~-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-])(?P<rest>{_REST}?)"
        )

    def __call__(self, text: str) -> str:
        """The text redacted, with what is telling of every path of this machine: its end."""
        text = _QUOTED.sub(lambda found: _end_of(found.group()), self._redact(text))
        text = self._private.sub(lambda found: _end_of(found["rest"]), text)
        text = _PLAIN.sub(lambda found: _end_of(found.group()), text)
        return _WINDOWS.sub(lambda found: f"…\\{found['name']}", text)

    def find(self, text: str) -> list[str]:
        """The rules that a text would break if it left as it is."""
        told = [HOST_PATH] if self._private.search(text) else []
        return [*self._redact.find(text), *told]


def _end_of(path: str) -> str:
    """The part of a path that means the same on every machine; else its last name."""
    if not path:
        return "…"
    found = _KEPT.search(path)
    return found["kept"] if found else f"…/{path.rstrip('/').rpartition('/')[2]}"
