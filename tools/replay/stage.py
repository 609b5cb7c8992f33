"""The tree as it may enter a box: what the service needs of it, with placeholders for its secrets."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.git import blobs
from sandbox.node import SCRIPTS
from sandbox.scope import is_secret
from sandbox.tree import Listing, write_files
from sandbox.worktree import PrivateRepository, service_paths
from tools.redact import Redactor
from tools.truth import Truth, from_document, from_files, is_secret_name

_OTHER_SERVICE = re.compile(rb"\bservices[./]([A-Za-z0-9_-]{1,64})")
_HTTP_PATH = re.compile(
    rb"""["'](/(?:[A-Za-z0-9_.-]+|[{<][A-Za-z0-9_:]+[}>]|:\w+)(?:/(?:[A-Za-z0-9_.-]+|[{<][A-Za-z0-9_:]+[}>]|:\w+))*)["']"""
)
_PARAMETER = re.compile(r"[{<][^}>]*[}>]|(?<=/):\w+")
_CODE = (".py", *SCRIPTS)
MOST_PATHS = 80
_SETTING = re.compile(r"(\s*(?:export\s+)?)([A-Za-z_]\w*)(\s*=\s*)(.*)")


@dataclass(frozen=True, slots=True)
class Staged:
    """A folder without secrets, the Truth of its tree (cleaned too), and what the tree holds.

    `http_paths` are the HTTP paths that the service's code names, their parameters filled in.
    """

    folder: Path
    truth: Truth
    listing: Listing
    http_paths: tuple[str, ...]


@contextlib.contextmanager
def staged(repo: PrivateRepository, tree_ish: str, service: str) -> Iterator[Staged]:
    """What `service` needs of a tree, in a folder that is removed at the end of the block.

    Raises:
        GitError: there is no such tree, or a blob is missing.
        TruthError: a file of Truth is no JSON object.
    """
    listing = _needed(repo, tree_ish, service)
    held_back = {path for path in listing if path.startswith("truth/") or is_secret(path)}
    contents = dict(
        zip(held_back, blobs(repo.git_dir, [listing[path].oid for path in held_back]), strict=True)
    )
    truth = from_files(contents, contents.__getitem__)
    redact = Redactor(truth.secrets().values())
    cleaned = {
        path: clean
        for path, raw in contents.items()
        if (clean := cleaned_file(path, raw, redact)) is not None
    }
    with repo.pool.scratch() as scratch:
        folder = scratch / "tree"
        folder.mkdir()
        write_files(repo.git_dir, {p: e for p, e in listing.items() if p not in held_back}, folder)
        for path, content in cleaned.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        published = from_document(_without_secrets(truth.document, redact))
        yield Staged(folder, published, listing, _http_paths(folder / "services" / service))


def _needed(repo: PrivateRepository, tree_ish: str, service: str) -> Listing:
    """The service's folder and what services share; also other services whose code it names."""
    paths = service_paths(service)
    listing = repo.listing(tree_ish, paths)
    own = [e.oid for p, e in listing.items() if p.startswith(f"services/{service}/") and p.endswith(".py")]
    named = {name.decode() for code in blobs(repo.git_dir, own) for name in _OTHER_SERVICE.findall(code)}
    others = tuple(f"services/{name}" for name in sorted(named - {service}))
    return repo.listing(tree_ish, (*paths, *others)) if others else listing


def _http_paths(folder: Path) -> tuple[str, ...]:
    code = (file for file in sorted(folder.rglob("*")) if file.suffix in _CODE and file.is_file())
    found = (path for file in code for path in _HTTP_PATH.findall(file.read_bytes()))
    filled = dict.fromkeys(_PARAMETER.sub("1", path.decode()) for path in found)
    return tuple(filled)[:MOST_PATHS]


def cleaned_file(path: str, raw: bytes, redact: Redactor) -> bytes | None:
    """A file with placeholders for its secrets; None where nothing harmless can be made of it."""
    text = raw.decode("utf-8", "replace")
    if path.endswith(".json"):
        try:
            return json.dumps(
                _without_secrets(json.loads(text), redact, known=is_secret(path)), indent=2
            ).encode()
        except (ValueError, RecursionError):
            return None
    if is_secret(path) and ".env" not in path.rpartition("/")[2]:
        return None
    return "".join(_setting(line, redact) for line in text.splitlines(keepends=True)).encode()


def _setting(line: str, redact: Redactor) -> str:
    found = _SETTING.match(line)
    if found is None:
        return redact(line)
    start, name, equals, value = found.groups()
    end = line[found.end() :]
    masked = is_secret_name(name) or redact.find(value)
    return f"{start}{name}{equals}{redact.placeholder(value) if masked else value}{end}"


def _without_secrets(node: Any, redact: Redactor, *, known: bool = False) -> Any:
    """A JSON value with placeholders of the same shape; `known` marks what is secret by its name."""
    if isinstance(node, Mapping):
        return {
            key: _without_secrets(value, redact, known=known or is_secret_name(str(key)))
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_without_secrets(value, redact, known=known) for value in node]
    if isinstance(node, str) and node and ("${" not in node) and (known or redact.find(node)):
        return redact.placeholder(node)
    return 0 if known and isinstance(node, int) and not isinstance(node, bool) else node
