"""Search in one commit with `git grep`: bounded in time and in what it keeps.

ripgrep is faster in a working tree, but it cannot read a commit.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.git import git_bounded
from sandbox.process import Completed, Limits
from tools.repository.tree import RepositoryError

SEARCH_SECONDS = 5.0
OUTPUT_BYTES = 4 * 1024 * 1024
LONGEST_PATTERN = 500

# Definitions in Python and in JavaScript. POSIX syntax, because git on macOS has no Perl expressions.
DEFINITION = (
    r"^[[:space:]]*(async[[:space:]]+)?(def|class)[[:space:]]+{name}[[:space:]]*[[(:]"
    r"|^[[:space:]]*(export[[:space:]]+)?(default[[:space:]]+)?(async[[:space:]]+)?"
    r"(function[*]?|class|const|let|var)[[:space:]]+{name}([^A-Za-z0-9_$]|$)"
    r"|^{name}[[:space:]]*(:[^=]*)?=([^=]|$)"
)


class SearchError(RepositoryError):
    """A search that cannot be done: a broken pattern, or one that takes too long."""


@dataclass(frozen=True, slots=True)
class Match:
    """One matching line, 1-based."""

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search found, in the tree's order. `cut` is true where there are more than were kept."""

    found: tuple[Match, ...]
    cut: bool


def grep(
    git_dir: Path,
    commit: str,
    pattern: str,
    *,
    regex: bool,
    paths: Sequence[str],
    seconds: float = SEARCH_SECONDS,
) -> Matches:
    """Lines of text files that hold `pattern`: a literal text, or a Perl-compatible expression.

    `paths` are files or folders, taken literally; none means the whole tree.

    Raises:
        SearchError: the pattern is empty, too long or no expression, or the search took over `seconds`.
    """
    _check_pattern(pattern)
    done = _run(git_dir, commit, "-P" if regex else "-F", pattern, paths, seconds)
    if regex and b"cannot use Perl-compatible regexes" in done.stderr:
        done = _run(git_dir, commit, "-E", pattern, paths, seconds)
    return _matches(done, commit, pattern, seconds)


def definitions(git_dir: Path, commit: str, name: str, paths: Sequence[str]) -> tuple[Match, ...]:
    """Where a function, class or module-level name is defined, in Python and JavaScript files.

    Raises:
        SearchError: `name` is not an identifier.
    """
    if not re.fullmatch(r"[A-Za-z_$][A-Za-z0-9_$]*", name):
        raise SearchError(f"{name[:80]!r} is not the name of a function or class")
    pattern = DEFINITION.replace("{name}", name.replace("$", "[$]"))
    done = _run(git_dir, commit, "-E", pattern, paths, SEARCH_SECONDS)
    return _matches(done, commit, name, SEARCH_SECONDS).found


def _check_pattern(pattern: str) -> None:
    if not pattern.strip():
        raise SearchError("the pattern is empty: give a text that stands in the line")
    if len(pattern) > LONGEST_PATTERN:
        raise SearchError(f"the pattern has {len(pattern)} characters; give at most {LONGEST_PATTERN}")
    if "\n" in pattern or "\r" in pattern or "\0" in pattern:
        raise SearchError("the search goes line by line: give a pattern without line ends")


def _run(
    git_dir: Path, commit: str, syntax: str, pattern: str, paths: Sequence[str], seconds: float
) -> Completed:
    options = ("-n", "-I", "-z", "--no-color", "--full-name", syntax, "-e", pattern)
    limits = Limits(wall_s=seconds, memory_mb=8192, output_bytes=2 * OUTPUT_BYTES)
    return git_bounded(git_dir, "grep", *options, commit, "--", *paths, limits=limits)


def _matches(done: Completed, commit: str, pattern: str, seconds: float) -> Matches:
    if done.timed_out:
        raise SearchError(
            f"the search for {pattern[:80]!r} took longer than {seconds:g} s: "
            "use a literal text, a simpler expression or a smaller path"
        )
    if not done.truncated and done.returncode not in (0, 1):
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["git grep failed"]
        # Several threads fail at once, and git warns of that last.
        why = next((line for line in reversed(reason) if not line.startswith("warning:")), reason[-1])
        raise SearchError(f"the search for {pattern[:80]!r} failed: {why[:300]}")
    # Of a truncated output the middle is missing: its first half is what came in order.
    output = done.stdout[:OUTPUT_BYTES] if done.truncated else done.stdout
    return Matches(tuple(_parse(output, commit)), done.truncated)


def _parse(output: bytes, commit: str) -> Iterator[Match]:
    prefix = f"{commit}:".encode()
    for record in output.split(b"\n"):
        place, _, rest = record.partition(b"\0")
        number, found, text = rest.partition(b"\0")
        # The last record may be cut at any byte; what is not whole is left out.
        if found and place.startswith(prefix) and number.isdigit():
            path = os.fsdecode(place.removeprefix(prefix))
            yield Match(path, int(number), text.decode("utf-8", "replace").rstrip("\r"))
