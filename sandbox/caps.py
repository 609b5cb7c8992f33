"""How much a patch may be, judged before anything in it is read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sandbox.edits import Edit
from sandbox.scope import Refused

MOST_FILES = 20
MOST_LINES = 400
"""Lines that are written; those of a restored file, and lines that only move, do not count."""
MOST_BYTES = 256 << 10
MOST_EDITS = 200

_GIT_HEADER = re.compile(rb"^diff --git ", re.MULTILINE)
_HEADER = re.compile(rb"^--- .*\n\+\+\+ ", re.MULTILINE)
_PLUS = re.compile(rb"^\+", re.MULTILINE)


def cap_edits(edits: Sequence[Edit]) -> None:
    """Refuse no edits, or too many.

    Raises:
        Refused: `empty-patch`, `too-many-files`, `too-large`.
    """
    if not edits:
        raise Refused("empty-patch", "There are no edits.")
    paths = {edit.path for edit in edits}
    if len(paths) > MOST_FILES or len(edits) > MOST_EDITS:
        raise Refused(
            "too-many-files",
            f"These are {len(edits)} edits of {len(paths)} files; "
            f"{MOST_EDITS} edits of {MOST_FILES} files are allowed.",
        )
    texts = (text for edit in edits for text in (edit.path, edit.search, edit.replace))
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    if size > MOST_BYTES:
        raise Refused("too-large", f"The edits hold {size >> 10} KB; {MOST_BYTES >> 10} KB are allowed.")


def cap_diff(diff: str) -> bytes:
    """The bytes of a diff that is not too large, ended by a line feed.

    Raises:
        Refused: `too-large`, `too-many-files`, `too-many-lines`, `text-encoding`.
    """
    try:
        raw = diff.encode()
    except UnicodeEncodeError:
        raise Refused("text-encoding", "The diff holds text that is not Unicode.") from None
    if len(raw) > MOST_BYTES:
        raise Refused("too-large", f"The diff has {len(raw) >> 10} KB; {MOST_BYTES >> 10} KB are allowed.")
    headers = len(_HEADER.findall(raw))
    files = max(headers, len(_GIT_HEADER.findall(raw)))
    if files > MOST_FILES:
        raise Refused("too-many-files", f"The diff changes {files} files; {MOST_FILES} are allowed.")
    written = len(_PLUS.findall(raw)) - headers
    if written > MOST_LINES:
        raise Refused("too-many-lines", f"The diff adds {written} lines; {MOST_LINES} are allowed.")
    return raw if raw.endswith(b"\n") else raw + b"\n"


def cap_result(files: int, lines: int) -> None:
    """Refuse a tree that differs in too many files, or has too many lines that were written.

    Raises:
        Refused: `too-many-files`, `too-many-lines`.
    """
    if files > MOST_FILES:
        raise Refused("too-many-files", f"The patch changes {files} files; {MOST_FILES} are allowed.")
    if lines > MOST_LINES:
        raise Refused("too-many-lines", f"The patch writes {lines} lines; {MOST_LINES} are allowed.")
