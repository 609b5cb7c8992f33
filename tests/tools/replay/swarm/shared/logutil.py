from datetime import datetime


class LogUtil:
    def __init__(self, name):
        self.name = name

    def _emit(self, level, message):
        line = f"[{datetime.now():%Y-%m-%d %H:%M:%S}][{self.name}][{level}] {message}\n"
        print(line, end="", flush=True)

    def info(self, message):
        self._emit("INFO", message)

    def warn(self, message):
        self._emit("WARN", message)

    def error(self, message):
        self._emit("ERROR", message)
