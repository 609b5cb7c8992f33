"""LogUtil: the one logger of all Python services.

Two phases: bootstrap (level from LOG_LEVEL or INFO), then configured from Truth.
Lines look like  [2026-03-02 14:31:07][vigil][INFO] 🚀 starting
"""

import os
import sys
from datetime import datetime

LEVELS = {"ERROR": 0, "WARN": 1, "INFO": 2, "DEBUG": 3}
EMOJI = {"ERROR": "❌", "WARN": "⚠️", "INFO": "ℹ️", "DEBUG": "🔍"}


class LogUtil:
    """Writes to stdout; the start-up script appends that to logs/<service>.log.

    There is no exception() here: use error(f"...: {exc}").
    """

    def __init__(self, service_name, level=None):
        self.service_name = service_name
        self.level = self._parse_level(level or os.getenv("LOG_LEVEL"), default="INFO")
        self.configured = False

    @staticmethod
    def _parse_level(value, default="INFO"):
        name = str(value or default).upper()
        if name == "WARNING":
            name = "WARN"
        return LEVELS.get(name, LEVELS[default])

    def configure_from_config(self, config):
        """Second phase: LOG_LEVEL of the shell wins over Truth."""
        level = os.getenv("LOG_LEVEL") or config.get("LOG_LEVEL")
        if level:
            self.level = self._parse_level(level)
        self.configured = True

    def _emit(self, level, message, emoji=None):
        if LEVELS[level] > self.level:
            return
        stamp = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        sys.stdout.write(f"[{stamp}][{self.service_name}][{level}] {emoji or EMOJI[level]} {message}\n")
        sys.stdout.flush()

    def error(self, message, emoji=None):
        self._emit("ERROR", message, emoji)

    def warn(self, message, emoji=None):
        self._emit("WARN", message, emoji)

    warning = warn

    def info(self, message, emoji=None):
        self._emit("INFO", message, emoji)

    def ok(self, message, emoji="✅"):
        self._emit("INFO", message, emoji)

    def debug(self, message, emoji=None):
        self._emit("DEBUG", message, emoji)
