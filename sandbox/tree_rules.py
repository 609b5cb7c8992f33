"""What a resulting tree may differ in from its base: paths, modes, links, names that collide.

These rules see git's own list of what changed and never a patch's text.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sandbox.diff import Change
from sandbox.scope import Refused, check_service, check_writable, folded
from sandbox.tree import EXECUTABLE, FILE, GITLINK, SYMLINK, Entry, Listing

_IMPORTED_FIRST = sys.stdlib_module_names | {"pytest", "_pytest", "pluggy", "shared", "services"}
_SPECIAL = {SYMLINK: ("symlink", "a symbolic link"), GITLINK: ("submodule", "a submodule")}


def check_base(listing: Listing, service: str) -> None:
    """The service is a real folder of the base commit.

    Raises:
        Refused: `service-name`, `service-missing`, or `symlink-in-path`.
    """
    check_service(service)
    _refuse_links_above(f"services/{service}/", listing)
    if not any(path.startswith(f"services/{service}/") for path in listing):
        raise Refused("service-missing", f"The commit has no folder services/{service}/.")


def check_place(path: str, service: str, listing: Listing, gone: Collection[str] = ()) -> str:
    """A path that an edit may write, normalised: in scope, below real folders, itself no folder.

    `gone` are paths that the same patch deletes.

    Raises:
        Refused: the rule that speaks against it.
    """
    path = check_writable(path, service)
    _refuse_links_above(path, listing, gone)
    _refuse_special(path, listing.get(path))
    if any(other.startswith(f"{path}/") and other not in gone for other in listing):
        raise Refused("path-is-folder", f"{path} is a folder; name the file.")
    return path


def check_changes(
    changes: Sequence[Change],
    listing: Listing,
    service: str,
    restored: Mapping[str, Entry | None],
) -> None:
    """Judge every changed path and mode of a tree against its base.

    `restored` are entries that a commit of the history has at these paths.

    Raises:
        Refused: the first rule that speaks against it.
    """
    gone = {change.path for change in changes if change.deleted}
    for change in changes:
        if check_writable(change.path, service) != change.path:
            raise Refused("path-form", f"{change.path!r} is not in its plain form.")
        _refuse_links_above(change.path, listing, gone)
        _check_mode(change, restored.get(change.path))
        if change.added and change.new != restored.get(change.path):
            _refuse_shadow(change.path, listing)
    _refuse_collisions([change.path for change in changes if change.added], gone, listing)


def _refuse_links_above(path: str, listing: Listing, gone: Collection[str] = ()) -> None:
    parts = path.split("/")
    for end in range(1, len(parts)):
        above = "/".join(parts[:end])
        entry = listing.get(above)
        if entry is None:
            continue
        if entry.mode in _SPECIAL:
            what = _SPECIAL[entry.mode][1]
            raise Refused("symlink-in-path", f"{above} is {what}; a patch may not reach through it.")
        if above not in gone:
            raise Refused("path-under-file", f"{above} is a file, so there can be no {path}.")


def _refuse_special(path: str, entry: Entry | None) -> None:
    if entry is not None and entry.mode in _SPECIAL:
        rule, what = _SPECIAL[entry.mode]
        raise Refused(f"mode-{rule}", f"{path} is {what}; a patch may neither make nor change one.")


def _check_mode(change: Change, restored: Entry | None) -> None:
    _refuse_special(change.path, change.old)
    _refuse_special(change.path, change.new)
    mode = change.new.mode
    if change.deleted or (restored is not None and mode == restored.mode and mode in (FILE, EXECUTABLE)):
        return
    if change.added and mode == EXECUTABLE:
        raise Refused("mode-executable", f"{change.path} would be executable; a patch adds plain files only.")
    if mode not in (FILE, EXECUTABLE) or (not change.added and mode != change.old.mode):
        raise Refused("mode-change", f"The mode of {change.path} would change; a patch leaves modes alone.")


def _refuse_shadow(path: str, listing: Listing) -> None:
    """The service's folder comes first on its import path: a module in it hides others of its name."""
    services, service, top, *_ = path.split("/")
    module = top.removesuffix(".py")
    if module not in _IMPORTED_FIRST or not path.endswith(".py"):
        return
    stem = f"{services}/{service}/{module}"
    if not any(other == f"{stem}.py" or other.startswith(f"{stem}/") for other in listing):
        raise Refused(
            "shadows-module", f"{path} would hide the module {module} that others import; name it otherwise."
        )


def _refuse_collisions(added: Sequence[str], gone: Collection[str], listing: Listing) -> None:
    if not added:
        return
    scope = folded("/".join(added[0].split("/")[:2]))
    near = (path for path in listing if path not in gone and folded(path).startswith(scope))
    present = set(_with_parents(near))
    spelled = {folded(part): part for part in present}
    for part in _with_parents(added):
        other = spelled.setdefault(folded(part), part)
        if other != part and part not in present:
            raise Refused(
                "path-collision",
                f"{part} and {other} are one name on a disk that ignores case or Unicode form; "
                "choose another name.",
            )


def _with_parents(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        at = path.find("/")
        while at >= 0:
            yield path[:at]
            at = path.find("/", at + 1)
        yield path
