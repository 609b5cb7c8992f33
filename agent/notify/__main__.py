"""The courier as a process: `python -m agent.notify --state PATH [--config PATH | --from-settings]`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from agent.notify.config import from_standard_input, paging_of
from agent.notify.courier import Courier
from agent.notify.outbox import Outbox
from agent.settings import SettingsError, load


def main() -> int:
    """Send what waits; 0 also where a channel failed, which the record tells."""
    parser = argparse.ArgumentParser(prog="python -m agent.notify")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--config", type=Path, help="read the settings from this file and the environment")
    parser.add_argument("--from-settings", action="store_true", help="read the settings from where they are")
    said = parser.parse_args()
    try:
        if said.config or said.from_settings:
            settings = load(said.config)
            paging = paging_of(settings.notify, settings.system_redis_url, os.environ)
        else:
            paging = from_standard_input(sys.stdin.buffer.read())
    except (SettingsError, ValueError, KeyError) as error:
        print(f"no page can be sent: {error}", file=sys.stderr)  # noqa: T201
        return 2
    Courier(Outbox(said.state), paging).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
