"""Surroundings as a person has them, and not a box: who looks at them is to see another place each time."""

from __future__ import annotations

import os
import random
import tempfile

_SHELL = {
    "_": "/usr/bin/env",
    "COLORTERM": "truecolor",
    "COLUMNS": "120",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
    "DESKTOP": "default",
    "EDITOR": "vim",
    "GPG_TTY": "/dev/pts/0",
    "HISTSIZE": "1000",
    "HOSTTYPE": "x86_64",
    "LINES": "40",
    "LS_COLORS": "di=01;34",
    "MACHTYPE": "x86_64-pc-linux-gnu",
    "OSTYPE": "linux-gnu",
    "PAGER": "less",
    "SHELL": "/bin/bash",
    "SHLVL": "1",
    "SSH_AGENT_PID": "4711",
    "TERM": "xterm-256color",
    "VISUAL": "vim",
    "WINDOWID": "62914567",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "XDG_SESSION_ID": "2",
}
"""Variables of a person's shell that say nothing to a service."""
_ZONE = "America/New_York"
"""Where a service's markets are, mostly; a box has the time of nowhere."""


def surroundings(root: str) -> dict[str, str]:
    """Variables of a person who stands in a checkout at `root`, with a home of their own, which is made."""
    user = f"dev{random.SystemRandom().randrange(10**6)}"
    home = f"{tempfile.gettempdir()}/{user}"
    os.mkdir(home)  # noqa: PTH102 - pathlib is slow here
    own = {"HOME": home, "USER": user, "LOGNAME": user, "PWD": root, "OLDPWD": home, "TZ": _ZONE}
    return _SHELL | own | {"HOSTNAME": f"{user}-desk", "MAIL": f"/var/mail/{user}"}
