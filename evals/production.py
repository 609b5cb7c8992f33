"""What was recorded on some machine, told as if it had happened on the production host.

Paths, ports and the interpreter of the recording machine are replaced, and nothing else: times, ids and
every other word stay as they were.
"""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = "/Users/ernie/MarketSwarm"
HOME = "/Users/ernie"
PORTS = {
    "system-redis": 6379, "market-redis": 6380, "intel-redis": 6381,
    "sse": 3001, "journal": 3002, "copilot": 8095, "vexy_ai": 3005, "mysql": 3306,
}  # fmt: skip
"""Where buses and services listen on the production host."""

_HOST = r"(?:127\.0\.0\.1|0\.0\.0\.0|localhost|\[?::1?\]?)"
_BEFORE_A_PORT = rf"""(?P<before>{_HOST}(?::|['"],\s?)|(?:\bport|MYSQL_PORT)["']?\s?[=:]?\s{{0,2}}["']?)"""


class TraceError(Exception):
    """A recording that still tells of the machine it was made on; the message names the file."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is to be replaced: the checkout, the scratch folder, the services' Python, the ports by name."""

    repo: Path
    scratch: Path
    python: Path
    ports: Mapping[str, int]

    def as_production(self, folder: Path) -> None:
        """Rewrite every file of an incident folder.

        Raises:
            TraceError: something of this machine is left.
        """
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                text = self.rewrite(file.read_text(encoding="utf-8"))
                for trace in self._traces():
                    if re.search(rf"(?<![\w/]){re.escape(trace)}(?!\w)", text):
                        raise TraceError(f"{file.name} still holds {trace}")
                file.write_text(text, encoding="utf-8")

    def rewrite(self, text: str) -> str:
        """One text as the production host would have it."""
        for ours, theirs in self._paths():
            text = text.replace(ours, theirs)
        for name, port in self.ports.items():
            text = re.sub(rf"{_BEFORE_A_PORT}{port}(?!\d)", rf"\g<before>{PORTS[name]}", text)
        return text

    def _paths(self) -> list[tuple[str, str]]:
        """Longer paths first: the checkout lies in the scratch folder, and an environment may, too."""
        environment = self.python.parent.parent
        return [
            (str(self.repo), ROOT),
            (str(self.python), f"{ROOT}/.venv/bin/python"),
            (str(environment), f"{ROOT}/.venv"),
            (sys.prefix, f"{ROOT}/.venv"),
            (sys.base_prefix, "/usr/local"),
            (str(self.scratch), HOME),
        ]

    def _traces(self) -> list[str]:
        host = socket.gethostname()
        folders = [str(self.scratch), sys.prefix, str(Path.home()), str(Path(__file__).parents[1])]
        return [*folders, host] if len(host) > 3 else folders
