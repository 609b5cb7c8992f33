"""The only path rules: what may be read, what is secret, what a patch may write.

Pure functions on repository paths (POSIX, relative to the top of the tree). They judge the
name alone; what the tree holds at that name is judged in `sandbox.tree_rules`.
"""

from __future__ import annotations

import re
import unicodedata

SERVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

READABLE_ROOTS = ("services", "shared", "scripts", "truth", "docs", "tests")

_READABLE_TOP_FILE = re.compile(
    r"(requirements|constraints)[\w.-]*\.(txt|in|lock)|pyproject\.toml|setup\.(py|cfg)|(pytest|tox)\.ini"
    r"|conftest\.py|package(-lock)?\.json|makefile|readme(\.\w+)?|claude\.md|agents\.md|\.python-version"
    r"|\.nvmrc|\.gitignore|docker-compose[\w.-]*\.ya?ml|dockerfile",
)
_GIT_FOLDER = re.compile(r"\.git|git~\d+")
# The short names are those that NTFS makes of .gitmodules and .gitattributes.
_GIT_CONTROL = re.compile(
    r"\.git(attributes|modules)|git(att|mod)~\d+|gi7d29~\d+|gi7eba~\d+|\.lfsconfig|\.gitconfig"
)
_STARTUP_HOOK = re.compile(r"(site|user)customize(\.\w+)*|.*\.pth|.*\.egg-link")
_SECRET_ANYWHERE = re.compile(
    r"\.env.*|.*\.env|env~\d+|\.(aws|ssh|gnupg|kube|docker|azure|gcloud)"
    r"|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ovpn|ppk|asc|gpg|pgp)"
    r"|id_(rsa|dsa|ecdsa|ed25519)(_sk)?([._-].*)?"
    r"|[._](netrc|pgpass|npmrc|yarnrc|pypirc|git-credentials|htpasswd|vault-token|dockercfg|my\.cnf|s3cfg|boto)"
)
_SECRET_FILE = re.compile(
    r"(.*[._-])?(credentials?|secrets?|service[-_]account|client[-_]secrets?)([._-][\w-]*)?"
    r"(\.(json|ya?ml|toml|ini|txt|cfg|conf|properties|enc|csv|xml))"
    r"|credentials?|secrets?"
)
_FORBIDDEN_CHARACTERS = frozenset('\\:*?"<>|')
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LONGEST_PATH = 1024
_LONGEST_COMPONENT = 255


class Refused(Exception):
    """The gate said no. `rule` is a stable id, `message` says what was wrong and what to do instead."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(f"{message} [{rule}]")
        self.rule = rule
        self.message = message


def check_service(service: str) -> str:
    """The service's name, if it is one.

    Raises:
        Refused: `service-name`.
    """
    if not SERVICE_NAME.fullmatch(service):
        raise Refused("service-name", f"{service!r} is no service name: letters, digits, '_' and '-' only.")
    return service


def check_readable(path: str) -> str:
    """The normalised path of a file or folder that may be read.

    Raises:
        Refused: the path is malformed, secret, or outside of what may be read.
    """
    components = _components(path.removeprefix("./").rstrip("/"), path)
    _refuse_secret(components, path)
    if components[0] in READABLE_ROOTS:
        return "/".join(components)
    if len(components) == 1 and _READABLE_TOP_FILE.fullmatch(components[0].lower()):
        return components[0]
    roots = ", ".join(f"{root}/" for root in READABLE_ROOTS)
    raise Refused("outside-readable", f"{path!r} may not be read. Readable are {roots}and top settings.")


def check_writable(path: str, service: str) -> str:
    """The normalised path of a file that a patch for `service` may add, change or delete.

    Raises:
        Refused: the path is malformed, not below `services/<service>/`, or never to be written.
    """
    check_service(service)
    components = _components(path.removeprefix("./"), path)
    if len(components) < 3 or components[:2] != ("services", service):
        raise Refused(
            "outside-service",
            f"{path!r} lies outside services/{service}/. A patch may change files of that folder only; "
            "if the fault is elsewhere, say so in the diagnosis instead.",
        )
    for component in components:
        plain = _plain(component)
        if _GIT_CONTROL.fullmatch(plain):
            raise Refused("git-control-file", f"{path!r} steers git itself and may not be changed.")
        if _STARTUP_HOOK.fullmatch(plain):
            raise Refused("startup-hook", f"{path!r} would run in every Python process.")
    _refuse_secret(components, path)
    return "/".join(components)


def is_secret(path: str) -> bool:
    """True if the name says that the file holds secrets: `.env*`, keys, credential stores."""
    plain = [_plain(component) for component in path.split("/")]
    return any(map(_SECRET_ANYWHERE.fullmatch, plain)) or bool(_SECRET_FILE.fullmatch(plain[-1]))


def folded(path: str) -> str:
    """The path as a disk sees it that ignores case and Unicode normalisation."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _refuse_secret(components: tuple[str, ...], path: str) -> None:
    if is_secret("/".join(components)):
        raise Refused("secret-file", f"{path!r} is a file for secrets; it is neither read nor written.")


def _plain(component: str) -> str:
    """The component as the loosest file system reads it: HFS+ drops invisible characters, NTFS drops
    trailing dots and spaces and what follows a colon, both ignore case."""
    visible = "".join(c for c in component if unicodedata.category(c) not in _INVISIBLE)
    return unicodedata.normalize("NFKC", visible).casefold().split(":")[0].rstrip(" .")


def _components(path: str, shown: str) -> tuple[str, ...]:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise Refused("path-encoding", f"{shown!r} is not valid Unicode.") from None
    if not 0 < size <= _LONGEST_PATH:
        raise Refused("path-form", f"A path has 1 to {_LONGEST_PATH} bytes; this one has {size}.")
    components = tuple(path.split("/"))
    if any(_GIT_FOLDER.fullmatch(_plain(part)) for part in re.split(r"[/\\]", path)):
        raise Refused("path-git", f"{shown!r} names git's own folder, which is neither read nor written.")
    if path.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", path):
        raise Refused("path-absolute", f"{shown!r} is absolute; give it relative to the repository's top.")
    if any(part in ("", ".", "..") for part in components):
        raise Refused("path-traversal", f"{shown!r} has an empty, '.' or '..' part; give the plain path.")
    for part in components:
        _refuse_odd_component(part, shown)
    return components


def _refuse_odd_component(part: str, shown: str) -> None:
    if any(c in _FORBIDDEN_CHARACTERS or unicodedata.category(c) in _INVISIBLE for c in part):
        raise Refused("path-characters", f"{shown!r} holds a control, invisible or reserved character.")
    if part != part.strip() or part.endswith(".") or len(part.encode()) > _LONGEST_COMPONENT:
        raise Refused("path-form", f"{shown!r} has a part that is too long or begins or ends oddly.")
