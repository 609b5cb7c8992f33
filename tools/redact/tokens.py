"""Secrets that are known by their own shape: provider keys, JWTs, private keys, headers, URLs.

Every pattern starts at a literal and consumes the run that it looked at, so that no input makes
it look at the same characters again and again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.redact.gate import Lowered
from tools.redact.spans import Span

_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?P<openai_key>sk-[A-Za-z0-9_-]{16,})"
    r"|(?P<xai_key>xai-[A-Za-z0-9_-]{16,})"
    r"|(?P<aws_key>(?:AKIA|ASIA)[0-9A-Z]{16,})"
    r"|(?P<github_token>(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{20,})"
    r"|(?P<gitlab_token>gl(?:pat|ptt|dt|rt|cbt|soat)-[A-Za-z0-9_.-]{16,})"
    r"|(?P<slack_token>xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,})"
    r"|(?P<google_key>AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,})"
    r"|(?P<stripe_key>(?:sk|rk|pk|whsec)_(?:live_|test_)?[A-Za-z0-9]{20,})"
    r"|(?P<hub_token>(?:hf|npm|dckr_pat|dop_v1|shpat|lin_api|sntrys|gsk)_[A-Za-z0-9_-]{20,}|pypi-[A-Za-z0-9_-]{30,})"
    r"|(?P<sendgrid_key>SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"
    r"|(?<![_-])(?P<jwt>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*)"
    r")"
)
_WEBHOOK = re.compile(
    r"(?:hooks\.slack\.com/(?:services|workflows)|discord(?:app)?\.com/api/webhooks)/(?P<webhook>[\w/-]{16,})"
)
_DSN = re.compile(
    r"://(?:\[REDACTED:\w{1,40}\]|[^\s:/@\"'<>`\[]){0,256}:(?P<dsn_password>[^\s/\"'<>`?#]{1,512})@"
)
_URL_USER = re.compile(r"://(?P<url_token>[^\s:/@\"'<>`\[]{20,512})@")
_QUERY = re.compile(
    r"[?&](?:[\w.-]{0,40}(?:key|token|secret|password|passwd|signature|auth|code)|sig|apikey|pwd)="
    r"(?P<url_parameter>[^&\s\"'<>`#\\]{1,4096})",
    re.IGNORECASE,
)
_AUTHORIZATION = re.compile(
    r"(?:\b(?:proxy-)?authorization\b[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
    r"(?:(?:bearer|basic|token|digest|apikey|negotiate)[ \t]{1,8})?|\b(?:bearer|basic)[ \t]{1,8})"
    r"(?P<authorization>[A-Za-z0-9][A-Za-z0-9._~+/=:-]{5,8192})",
    re.IGNORECASE,
)
_COOKIE = re.compile(
    r"\b(?:set-)?cookie[\"']?[ \t]{0,8}:[ \t]{0,8}[\"']?(?P<cookie>[\w.-]{1,128}=[^\r\n\"']{1,8192})",
    re.IGNORECASE,
)
_API_HEADER = re.compile(
    r"\bx-(?:api-key|auth-token|access-token|amz-security-token)[\"']?[ \t]{0,8}[:=][ \t]{0,8}[\"']?"
    r"(?P<api_key>[^\s\"',;{}$]{4,4096})",
    re.IGNORECASE,
)
_KEY_STARTS = (
    "sk-", "xai-", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "glptt-",
    "gldt-", "glrt-", "glcbt-", "glsoat-", "xox", "xapp-", "aiza", "ya29.", "sk_", "rk_", "pk_", "whsec_",
    "hf_", "npm_", "dckr_pat_", "dop_v1_", "shpat_", "lin_api_", "sntrys_", "gsk_", "pypi-", "sg.", "eyj",
)  # fmt: skip
_PATTERNS = (
    (_KEY, _KEY_STARTS),
    (_WEBHOOK, ("hooks.slack.com/", "/api/webhooks/")),
    (_DSN, ("://",)),
    (_URL_USER, ("://",)),
    (_QUERY, ("?", "&")),
    (_AUTHORIZATION, ("authorization", "bearer", "basic")),
    (_COOKIE, ("cookie",)),
    (_API_HEADER, ("x-api-key", "x-auth-token", "x-access-token", "x-amz-security-token")),
)
"""Each with words of which one is in whatever it matches."""
_PEM = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_BODY = re.compile(r"[A-Za-z0-9+/=\s\\:,.|\"'-]{0,8192}")
_PEM_LINE = re.compile(r"[^\n]{0,80}?[A-Za-z0-9+/=]{16,128}\s{0,8}")
_PEM_LINES = 120
_TEMPLATE = re.compile(
    r"\$\{?\w|\{[\w.\[\]()!:'\"]{0,200}\}|%\(?\w{0,80}\)?s|<[\w -]{1,80}>|\[REDACTED|\*{3}|x{6}"
)

_NEEDS_DIGIT = {
    "openai_key",
    "xai_key",
    "authorization",
    "api_key",
    "hub_token",
    "url_token",
    "gitlab_token",
    "stripe_key",
}


def find(text: str, lowered: Lowered) -> Iterator[Span]:
    """Every secret that its own shape gives away."""
    for pattern, words in _PATTERNS:
        for found in pattern.finditer(text) if lowered.holds(words) else ():
            rule = found.lastgroup or "secret"
            value = found.group(rule)
            if not is_template(value) and (rule not in _NEEDS_DIGIT or _is_random(value)):
                yield Span(found.start(rule), found.end(rule), rule)
    yield from _private_keys(text)


def is_template(value: str) -> bool:
    """Whether a value only says where a secret will come from, or was redacted before."""
    return _TEMPLATE.match(value) is not None


def _is_random(value: str) -> bool:
    """Whether a run is more than words: it has a digit, or both cases in an odd mix."""
    return any(char.isdigit() for char in value) or (
        len(value) >= 16 and not value.islower() and "-" not in value
    )


def _private_keys(text: str) -> Iterator[Span]:
    """Private key blocks; one without an end goes as far as it looks like one."""
    begin: re.Match[str] | None = None
    for found in _PEM.finditer(text):
        if found.group(1) == "END" and begin is not None:
            yield Span(begin.start(), found.end(), "private_key")
            begin = None
        elif found.group(1) == "END":
            yield Span(_body_start(text, found.start()), found.end(), "private_key")
        else:
            if begin is not None:
                yield _unfinished(text, begin, found.start())
            begin = found
    if begin is not None:
        yield _unfinished(text, begin, len(text))


def _body_start(text: str, end: int) -> int:
    """Where the body of a private key starts whose first line is not there."""
    start = text.rfind("\n", 0, end) + 1
    for _ in range(_PEM_LINES):
        above = text.rfind("\n", 0, max(0, start - 1)) + 1
        if start == 0 or not _PEM_LINE.fullmatch(text, above, start - 1):
            break
        start = above
    return start


def _unfinished(text: str, begin: re.Match[str], limit: int) -> Span:
    body = _PEM_BODY.match(text, begin.end(), limit)
    return Span(begin.start(), body.end() if body else begin.end(), "private_key")
