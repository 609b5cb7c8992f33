"""Which values in Truth are secrets: for the redactor, and to say which key is not set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

SHORTEST_SECRET = 6
"""Shorter values are not redacted by exact match: they would hit ordinary words."""

_NAME = re.compile(
    r"(?:^|[^a-z])(?:(?:api|access|private|signing|encryption)_?keys?|secrets?|token|passw(?:or)?ds?|pwd"
    r"|credentials?|dsn|webhook)(?:$|[^a-z])"
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_TEMPLATE = re.compile(r"\$\{\w+\}|\$[A-Z_][A-Z0-9_]*")


def is_secret_name(name: str) -> bool:
    """Does a field of this name hold a secret? `apiKey`, `XAI_API_KEY`, `db_password`; not `tokens_used`."""
    return _NAME.search(_CAMEL.sub("_", name).lower()) is not None


def is_api_key(name: str) -> bool:
    """An environment variable that holds a key or token of an API."""
    return name.isupper() and re.search(r"(?:API_?KEY|TOKEN|SECRET)$", name) is not None


def is_unresolved(value: Any) -> bool:
    """Is the whole value a template such as `${NAME}` that nothing has filled in?"""
    return isinstance(value, str) and _TEMPLATE.fullmatch(value.strip()) is not None


def is_secret_field(name: str, value: Any) -> bool:
    """A field with a secret's name and a value that can be one."""
    return is_secret_name(name) and _is_secret_value(value)


def secrets_in(document: Any) -> Iterator[tuple[str, str]]:
    """Every secret in a JSON value, as (dotted path, value); templates are not secrets."""
    # A stack of its own: a document may be nested as deep as its parser allows.
    waiting: list[tuple[str, str, Any]] = [("", "", document)]
    while waiting:
        name, path, node = waiting.pop()
        if isinstance(node, dict):
            waiting += [
                (str(key), f"{path}.{key}" if path else str(key), node[key]) for key in reversed(node)
            ]
        elif isinstance(node, list):
            waiting += [(name, f"{path}[{i}]", node[i]) for i in reversed(range(len(node)))]
        else:
            yield from ((path, secret) for secret in _secrets_of(name, node))


def _secrets_of(name: str, value: Any) -> Iterator[str]:
    passwords = list(_url_passwords(value)) if isinstance(value, str) else []
    if passwords:
        yield from passwords
    elif is_secret_field(name, value):
        yield str(value)


def _is_secret_value(value: Any) -> bool:
    """Text or a number of some length; a flag, a template or an empty field is no secret."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    return len(str(value)) >= SHORTEST_SECRET and not is_unresolved(value)


def _url_passwords(text: str) -> Iterator[str]:
    if "://" not in text or "@" not in text:
        return
    try:
        password = urlsplit(text).password
    except ValueError:
        return
    if password and len(password) >= SHORTEST_SECRET and not is_unresolved(password):
        yield from dict.fromkeys((password, unquote(password)))
