"""What the text of a patch adds: refused where no honest patch does it, else a flag for the reviewer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sandbox.scope import Refused

FindSecrets = Callable[[str], Sequence[str]]
"""Names of the rules that take a text for holding secrets."""

_TEST = re.compile(
    r"(^|/)(tests?|__tests__)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$|\.(test|spec)\.[cm]?[jt]sx?$"
)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Text:
    """One changed file. `old` and `new` are None where the file is not; a restored one was not written."""

    path: str
    old: bytes | None
    new: bytes | None
    restored: bool = False
    restored_from: bytes | None = None

    @property
    def added_lines(self) -> list[bytes]:
        """Lines of the new file that neither the old one nor the restored one has, in order."""
        if self.new is None or self.restored:
            return []
        known = Counter(_lines(self.old)) + Counter(_lines(self.restored_from))
        return list(_beyond(_lines(self.new), known))


def is_test(path: str) -> bool:
    """True for test files and what configures them, by the conventions of pytest and Node."""
    return _TEST.search(path) is not None


def written_lines(texts: Sequence[Text]) -> int:
    """How many lines the patch writes; lines that it moves between its files do not count."""
    known: Counter[bytes] = Counter()
    for text in texts:
        known.update(_lines(text.old))
        known.update(_lines(text.restored_from))
    fresh = [line for text in texts if not text.restored for line in _lines(text.new)]
    return (Counter(fresh) - known).total()


def refuse_content(texts: Sequence[Text], find_secrets: FindSecrets | None) -> None:
    """Refuse binary files, hidden text direction and secrets among the lines that were added.

    Raises:
        Refused: `binary`, `bidi-control`, `secret`.
    """
    for text in texts:
        if text.new is not None and not text.restored and b"\0" in text.new:
            raise Refused("binary", f"{text.path} would be a binary file.")
        added = b"\n".join(text.added_lines).decode("utf-8", "replace")
        if _BIDI.search(added):
            raise Refused("bidi-control", f"{text.path} would hold characters that reorder the shown text.")
        rules = find_secrets(added) if find_secrets and added else ()
        if rules:
            names = ", ".join(sorted(set(rules)))
            raise Refused(
                "secret",
                f"{text.path} would hold what looks like a secret ({names}). Read it from the configuration "
                "that the service loads instead.",
            )


def _lines(content: bytes | None) -> list[bytes]:
    return content.splitlines() if content else []


def _beyond(lines: Sequence[bytes], known: Counter[bytes]) -> Iterator[bytes]:
    for line in lines:
        if known[line] > 0:
            known[line] -= 1
        else:
            yield line
