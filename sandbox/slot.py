"""A folder of the pool, made to hold a tree: what it is known to hold already is not written again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from sandbox.tree import Entry, Listing, remove_files, write_files


def filled(git_dir: Path, listing: Listing, slot: Path) -> Path:
    """Make `slot/tree` hold exactly the listing; only what differs from its last use is written."""
    folder, manifest = slot / "tree", slot / "manifest.json"
    held = _held(folder, manifest)
    wanted = {path: entry for path, entry in listing.items() if held.get(path) != entry}
    gone = [path for path in held if path not in listing]
    if wanted or gone or not manifest.exists():
        manifest.unlink(missing_ok=True)
        remove_files(folder, gone)
        write_files(git_dir, wanted, folder)
        replace_file(manifest, json.dumps(_stamped(folder, listing)).encode())
    return folder


def _held(folder: Path, manifest: Path) -> dict[str, Entry]:
    """What the folder holds for certain; emptied when that is not known."""
    found = _stamps(folder)
    try:
        recorded = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        recorded = None
    if recorded is not None and found.keys() == recorded.keys():
        return {path: Entry(*row[:2]) for path, row in recorded.items() if row[2:] == found[path]}
    manifest.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return {}


def _stamped(folder: Path, listing: Listing) -> dict[str, list[str | int]]:
    # A disk that ignores case may hold fewer files than the tree: then the slot is not used again.
    found = _stamps(folder)
    return {path: [*entry, *found.get(path, ())] for path, entry in listing.items()}


def _stamps(folder: Path) -> dict[str, list[int]]:
    """Size, time and inode of every file and every empty folder below `folder`."""
    stamps: dict[str, list[int]] = {}
    waiting = [""] if folder.is_dir() else []
    while waiting:
        prefix = waiting.pop()
        with os.scandir(folder / prefix) as found:
            entries = list(found)
        if not entries and prefix:
            stamps[prefix[:-1]] = _stamp((folder / prefix).stat())
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{prefix}{entry.name}/")
            else:
                stamps[prefix + entry.name] = _stamp(entry.stat(follow_symlinks=False))
    return stamps


def _stamp(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def replace_file(file: Path, content: bytes) -> None:
    """Write a file anew; who reads it meanwhile sees the old content or the new."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.replace(file)
