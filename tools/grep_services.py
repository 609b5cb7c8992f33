"""grep_services: search in the readable part of the incident's commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import groupby
from typing import ClassVar

from pydantic import Field

from sandbox.scope import READABLE_ROOTS, Refused, check_readable
from tools.repository import Match, Repository, RepositoryError
from tools.tool import Tool, ToolError, Workbench

CHARACTERS = 4_600
"""Characters of one answer: code comes at 3.5 to 4 characters a token, and 1,300 tokens are allowed."""

LONGEST_LINE = 200
PER_FILE = (1_000, 30, 10, 4, 2, 1)
FILES_NAMED = 25


class GrepServices(Tool):
    """Search the code, configuration and documents of the repository at the incident's commit.

    Answers with `path:line: text`, the crashed service's own files first. Where there is more than
    fits, it says how many matches each file has.
    """

    name: ClassVar[str] = "grep_services"

    pattern: str = Field(
        description="a literal text, or a Perl-compatible regular expression; one line, case counts"
    )
    regex: bool = Field(description="true if the pattern is a regular expression")
    path: str | None = Field(
        description="a file or folder to search in, such as services/vigil; null for everything"
    )

    def run(self, bench: Workbench) -> str:
        """The matching lines.

        Raises:
            ToolError: the path is refused or missing, or the pattern is broken or too slow.
        """
        paths = self._paths(bench.repository)
        try:
            matches = bench.repository.grep(self.pattern, regex=self.regex, paths=paths)
        except RepositoryError as error:
            raise ToolError(str(error)) from error
        allowed = {path for path in {match.path for match in matches.found} if _readable(path)}
        found = [match for match in matches.found if match.path in allowed]
        where = self.path or "the readable files"
        if not found:
            return f"no line of {where} holds {self.pattern!r}{'' if self.regex else ' (a literal text)'}"
        ordered = sorted(found, key=lambda match: _rank(match.path, bench.service))
        files = [(path, list(group)) for path, group in groupby(ordered, key=lambda match: match.path)]
        over = "more than " if matches.cut else ""
        title = f"{over}{_count(len(found), 'match', 'es')} in {_count(len(files), 'file', 's')}:"
        return f"{title}\n{_fitting(files, bench.redact)}"

    def _paths(self, repository: Repository) -> Sequence[str]:
        if self.path is None:
            return [*READABLE_ROOTS, *(file for file in repository.files() if "/" not in file)]
        try:
            path = check_readable(self.path)
        except Refused as refusal:
            raise ToolError(str(refusal)) from refusal
        if not any(known == path or known.startswith(f"{path}/") for known in repository.files(path)):
            nearest = ", ".join(repository.nearest(path)) or "none"
            raise ToolError(f"{path} does not exist in this commit. Nearest names: {nearest}")
        return (path,)


def _count(number: int, noun: str, plural: str) -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"


def _readable(path: str) -> bool:
    try:
        check_readable(path)
    except Refused:
        return False
    return True


def _rank(path: str, service: str) -> int:
    """The service's own files first, then what all services share, then the rest; stable within."""
    if path.startswith(f"services/{service}/"):
        return 0
    return 1 if path.startswith("shared/") else 2


def _fitting(files: Sequence[tuple[str, list[Match]]], redact: Callable[[str], str]) -> str:
    """As many lines of each file as fit, evenly, and the counts of what does not."""
    texts = [partial(_lines, path, matches, redact) for path, matches in files]
    for per_file in PER_FILE:
        body = "\n".join(line for text in texts for line in text(per_file))
        if len(body) <= CHARACTERS:
            return body
    return _first_files(files, redact)


def _lines(path: str, matches: Sequence[Match], redact: Callable[[str], str], limit: int) -> Iterable[str]:
    shown = matches[:limit]
    texts = _redacted([match.text for match in shown], redact)
    for match, text in zip(shown, texts, strict=True):
        yield f"{path}:{match.line}: {_cut(text.strip())}"
    if len(matches) > limit:
        yield f"{path}: {len(matches) - limit} more matches, search in this path to see them"


def _first_files(files: Sequence[tuple[str, list[Match]]], redact: Callable[[str], str]) -> str:
    shown: list[str] = []
    room = CHARACTERS - 1_600
    rest = list(files)
    while rest:
        path, matches = rest[0]
        lines = list(_lines(path, matches, redact, 1))
        room -= sum(len(line) + 1 for line in lines)
        if room < 0:
            break
        shown += lines
        del rest[0]
    return "\n".join([*shown, *_counts(rest)])


def _counts(rest: Sequence[tuple[str, list[Match]]]) -> Iterable[str]:
    named = ", ".join(f"{path} ({len(matches)})" for path, matches in rest[:FILES_NAMED])
    unnamed = f" and {len(rest) - FILES_NAMED} files more" if len(rest) > FILES_NAMED else ""
    yield f"[cut; matches not shown: {named[:1_400]}{unnamed}. Give a longer pattern or a path.]"


def _redacted(texts: list[str], redact: Callable[[str], str]) -> list[str]:
    together = redact("\n".join(texts)).split("\n")
    return together if len(together) == len(texts) else [redact(text) for text in texts]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[:LONGEST_LINE]} [...]"
