"""What a log says of a crash, as far as the labels of a patch ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.logs import Crash


@dataclass(frozen=True, slots=True)
class Crashed:
    """`said` is the message; `lines` are those the crash went through, by path of the repository.

    There are none where the log has no traceback; None says that no crash is asked about. `culprit` is
    the innermost of them in the service's own code.
    """

    said: str = ""
    lines: Mapping[str, frozenset[int]] | None = None
    culprit: tuple[str, int] | None = None

    @classmethod
    def of(cls, crash: Crash | None, service: str) -> Crashed:
        """Of the last crash of a service's log, with its frames mapped onto the commit."""
        if crash is None:
            return cls()
        lines: dict[str, set[int]] = {}
        for frame in (frame for error in crash.errors for frame in error.frames):
            if frame.repo_path is not None:
                lines.setdefault(frame.repo_path, set()).add(frame.line)
        said = crash.final.message if crash.final is not None else ""
        last = crash.culprit(service)
        culprit = (last.repo_path, last.line) if last is not None and last.repo_path else None
        return cls(said, {path: frozenset(each) for path, each in lines.items()}, culprit)
