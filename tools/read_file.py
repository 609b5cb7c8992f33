"""read_file: numbered lines of one file, as it is in the incident's commit or was in an earlier one."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from sandbox.scope import Refused, check_readable
from tools.repository import Repository, RepositoryError
from tools.tool import Tool, ToolError, Workbench

CHARACTERS = 7_500
"""Characters of one answer: below the general bound, so that the hint on how to go on is never cut."""

LONGEST_LINE = 600


class ReadFile(Tool):
    """Read lines of a file of the repository at the commit that was running when the service died.

    Answers with numbered lines and says how to continue when the file is longer. The numbers are
    not part of the file. Readable are services/, shared/, scripts/, truth/, docs/, tests/ and the
    settings at the top.
    """

    name: ClassVar[str] = "read_file"

    path: str = Field(description="path from the root of the repository, such as services/vigil/main.py")
    start: int | None = Field(description="first line, counted from 1; null for the first line of the file")
    end: int | None = Field(description="last line, included; null for as many lines as fit")
    commit: str | None = Field(description="an earlier commit to read from; null for the incident's commit")

    def run(self, bench: Workbench) -> str:
        """The lines asked for.

        Raises:
            ToolError: the path is refused, missing or no text file, or the lines do not exist.
        """
        path = self._path(bench.repository)
        try:
            content = bench.repository.read(path, self.commit)
        except RepositoryError as error:
            raise ToolError(str(error)) from error
        if b"\0" in content[:8_000]:
            raise ToolError(f"{path} is a binary file of {len(content)} bytes: there are no lines to read")
        # Redacted before it is cut into lines: a key may span several.
        text = bench.redact(content.decode("utf-8", "replace"))
        return self._page(path, text.splitlines())

    def _path(self, repository: Repository) -> str:
        wanted = self.path
        if wanted.startswith(("/", "~")) or wanted[1:3] in (":\\", ":/"):
            wanted = repository.locate(wanted) or wanted
        try:
            return check_readable(wanted)
        except Refused as refusal:
            raise ToolError(str(refusal)) from refusal

    def _page(self, path: str, lines: list[str]) -> str:
        title = f"{path} at {self.commit}" if self.commit else path
        if not lines:
            return f"{title} is empty"
        first, last = self._range(path, len(lines))
        shown: list[str] = []
        room = CHARACTERS
        for number in range(first, last + 1):
            line = f"{number:>5}  {_cut(lines[number - 1])}"
            room -= len(line) + 1
            if room < 0:
                break
            shown.append(line)
        reached = first + len(shown) - 1
        left = len(lines) - reached
        more = (
            f"\n[{left} more line{'s' if left > 1 else ''}: continue with start={reached + 1}]"
            if left
            else ""
        )
        return f"{title}, lines {first} to {reached} of {len(lines)}:\n" + "\n".join(shown) + more

    def _range(self, path: str, count: int) -> tuple[int, int]:
        first = 1 if self.start is None else self.start
        last = count if self.end is None else min(self.end, count)
        if first < 1:
            raise ToolError(f"start={first}: lines are counted from 1")
        if first > count:
            raise ToolError(f"{path} has {count} lines: give a start of at most {count}")
        if last < first:
            raise ToolError(
                f"end={self.end} is before start={first}: give an end of at least {first}, or null"
            )
        return first, last


def _cut(line: str) -> str:
    line = line.expandtabs(4) if "\t" in line else line
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]} [... {len(line) - LONGEST_LINE} more characters in this line]"
