"""Edits as a model writes them, applied to the text of files.

Pure: what the files hold is given, what they become is returned. Whether that may be is
judged on the resulting tree, not here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from sandbox.nearest import nearest_lines, nearest_names
from sandbox.scope import Refused

_SHOWN_MATCHES = 6


class Edit(BaseModel):
    """One change of one file: search and replace, a new file, a deletion, or a restore.

    A new file has an empty `search`. `restore` is the id of a commit that has the file as it
    shall be again. Edits of one file apply in their order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    search: str = ""
    replace: str = ""
    restore: str | None = None
    delete: bool = False


class Version(NamedTuple):
    """A file at one moment: git's mode and the bytes."""

    mode: str
    content: bytes


def check_kind(edit: Edit) -> None:
    """An edit asks for one thing.

    Raises:
        Refused: `edit-mixed`.
    """
    kinds = [edit.restore is not None, edit.delete, bool(edit.search or edit.replace)]
    if sum(kinds) > 1:
        raise Refused(
            "edit-mixed",
            f"The edit of {edit.path} asks for more than one thing: give either search and replace, "
            "or restore, or delete.",
        )


def apply_edits(
    edits: Sequence[Edit],
    originals: Mapping[str, Version],
    restorable: Mapping[tuple[str, str], Version],
    names: Collection[str],
) -> dict[str, Version | None]:
    """What each edited file becomes; None is a deleted one.

    `restorable` holds the versions that edits restore, by path and commit; `names` are the
    service's files, for a hint.

    Raises:
        Refused: an edit does not fit; the message shows what the file really holds.
    """
    files: dict[str, Version | None] = {edit.path: originals.get(edit.path) for edit in edits}
    for number, edit in enumerate(edits, 1):
        current = files[edit.path]
        try:
            files[edit.path] = _applied(edit, current, restorable, names)
        except Refused as refusal:
            if len(edits) == 1:
                raise
            raise Refused(refusal.rule, f"Edit {number} of {len(edits)}: {refusal.message}") from None
    return files


def _applied(
    edit: Edit,
    current: Version | None,
    restorable: Mapping[tuple[str, str], Version],
    names: Collection[str],
) -> Version | None:
    if edit.restore is not None:
        return restorable[edit.path, edit.restore]
    if current is None:
        if edit.search or edit.delete:
            hint = nearest_names(edit.path, names)
            raise Refused("file-missing", f"There is no file {edit.path}.{hint}")
        return Version("100644", _encoded(edit.replace, edit))
    if edit.delete:
        return None
    return Version(current.mode, _searched(edit, current.content))


def _searched(edit: Edit, content: bytes) -> bytes:
    if b"\0" in content:
        raise Refused("binary", f"{edit.path} is a binary file; it can be restored or deleted, not edited.")
    if not edit.search:
        if content:
            raise Refused(
                "file-exists",
                f"{edit.path} exists, so the edit needs a search text. To write it anew, delete it by an "
                "edit before this one.",
            )
        return _encoded(edit.replace, edit)
    text = content.decode("utf-8", "surrogateescape")
    new = _replaced(edit, text)
    if not new.isascii() and not edit.replace.isascii() and not _is_utf8(content):
        raise Refused("text-encoding", f"{edit.path} is not UTF-8; only ASCII can be written into it.")
    return new.encode("utf-8", "surrogateescape")


def _replaced(edit: Edit, text: str) -> str:
    """Replace the one match. Line ends are compared as LF and written as the file has them there."""
    _encoded(edit.search, edit)
    _encoded(edit.replace, edit)
    plain = text.replace("\r\n", "\n")
    search, replace = edit.search.replace("\r\n", "\n"), edit.replace.replace("\r\n", "\n")
    start = plain.find(search)
    if start < 0 and search.endswith("\n") and plain.endswith(search[:-1]) and search != "\n":
        # The file's last line has no line end, which a reader of numbered lines cannot see.
        search, replace = search[:-1], replace.removesuffix("\n")
        start = plain.find(search)
    if start < 0:
        raise Refused(
            "search-not-found", f"The search text is not in {edit.path}. {nearest_lines(plain, search)}"
        )
    if plain.find(search, start + 1) >= 0:
        raise Refused("search-ambiguous", _ambiguity(edit.path, plain, search))
    breaks = [] if plain == text else _crlf_places(text)
    begin = start + bisect_left(breaks, start)
    end = start + len(search) + bisect_left(breaks, start + len(search))
    if _wants_crlf(text[begin:end], text):
        replace = replace.replace("\n", "\r\n")
    return text[:begin] + replace + text[end:]


def _crlf_places(text: str) -> list[int]:
    """Where the line feeds of CRLF pairs are, counted in the text without their carriage returns."""
    places: list[int] = []
    at = text.find("\r\n")
    while at >= 0:
        places.append(at - len(places))
        at = text.find("\r\n", at + 2)
    return places


def _wants_crlf(region: str, text: str) -> bool:
    if "\n" in region:
        return "\r\n" in region
    return 2 * text.count("\r\n") > text.count("\n")


def _ambiguity(path: str, text: str, search: str) -> str:
    lines: list[str] = []
    at = text.find(search)
    while at >= 0 and len(lines) < _SHOWN_MATCHES:
        lines.append(str(text.count("\n", 0, at) + 1))
        at = text.find(search, at + 1)
    more = ", ..." if at >= 0 else ""
    return (
        f"The search text is in {path} more than once, at lines {', '.join(lines)}{more}. "
        "Add lines before or after it until it is there only once."
    )


def _encoded(text: str, edit: Edit) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise Refused("text-encoding", f"The edit of {edit.path} holds text that is not Unicode.") from None


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
