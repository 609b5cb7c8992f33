"""What lies outside the platform or below it: providers, WebSockets, memory, disks, packages' moods."""

from __future__ import annotations

import re

from agent.diagnosis import Category
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import CrashError

_WEBSOCKET = re.compile(
    r"received 1\d{3}|sent 1\d{3}|policy violation|WebSocket connection (?:closed|is closed|failed)"
    r"|websocket.{0,40}(?:closed|rejected|refused|HTTP 4\d\d|HTTP 5\d\d)|server rejected WebSocket"
    r"|no close frame",
    re.IGNORECASE,
)
_EXTERNAL_TYPES = re.compile(
    r"^(?:aiohttp|httpx2?|requests|urllib3|openai|anthropic|xai|httpcore|socket\.gaierror|ssl|polygon"
    r"|feedparser)\b"
    r"|^urllib\.error\."
)
_TIMEOUT_NAMES = {
    "TimeoutError",
    "ReadTimeout",
    "ConnectTimeout",
    "ServerTimeoutError",
    "APITimeoutError",
    "timeout",
}
_EXTERNAL_TEXT = re.compile(
    r"\btimed? ?out\b|\bTimeoutError\b|rate.?limit|Too Many Requests|\b429\b"
    r"|\b50[0234]\b.{0,30}(?:error|gateway|unavailable)"
    r"|Service Unavailable|Bad Gateway|getaddrinfo|ENOTFOUND|EAI_AGAIN|Name or service not known"
    r"|nodename nor servname"
    r"|Temporary failure in name resolution|insufficient_quota|SSLError|CERTIFICATE_VERIFY_FAILED"
    r"|ETIMEDOUT|UND_ERR_CONNECT",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"\b401\b|\b403\b|invalid.{0,10}api.?key|incorrect api key|Unauthorized|Forbidden"
    r"|AuthenticationError|PermissionDenied"
    r"|api.?key.{0,30}(?:invalid|expired|revoked|missing|not set)|no api key",
    re.IGNORECASE,
)
_SHORT = re.compile(r"timeout ?= ?(0?\.\d+|0)\b")

_NO_SPACE = re.compile(r"ENOSPC|No space left on device|\[Errno 28\]|Disk quota exceeded", re.I)
_NO_FILES = re.compile(r"EMFILE|ENFILE|Too many open files|\[Errno 24\]", re.I)
_NO_MEMORY = re.compile(
    r"\bMemoryError\b|Cannot allocate memory|\[Errno 12\]|heap out of memory|can't start new thread"
    r"|std::bad_alloc"
    r"|Allocation failed|Out of memory",
    re.IGNORECASE,
)


def websocket(scene: Scene) -> Finding | None:
    """The provider closed or refused the stream."""
    for error in scene.relevant:
        if not (_WEBSOCKET.search(error.text) or error.type.startswith("websockets.")):
            continue
        refused = re.search(r"1008|policy|401|403|auth", error.text, re.IGNORECASE)
        key = ", ".join(scene.component.api_keys) or "the provider's key"
        return Finding(
            Category.WEBSOCKET, "not_fixable", 0.93,
            f"The data provider {'refused' if refused else 'closed'} {scene.service}'s WebSocket connection.",
            reason="operator" if refused else "transient",
            action=f"check or renew {key}, and the provider's limits" if refused else
            "wait for the provider; the service reconnects by itself",
            evidence=(f"log: {error.text}",),
        )  # fmt: skip
    return None


def resource(scene: Scene) -> Finding | None:
    """Memory, disk or file descriptors that ran out."""
    for error in scene.relevant:
        text = f"{error.text} {error.code or ''}"
        if _NO_SPACE.search(text):
            return _resource(error, 0.96, "The disk is full.", "free disk space, then start it again")
        if _NO_MEMORY.search(text):
            why = "The service ran out of memory."
            return _resource(error, 0.9, why, "find what grew, give it more memory, then start it again")
        if _NO_FILES.search(text):
            why = "The service ran out of file descriptors; a leak in its own code can do that too."
            return _resource(error, 0.7, why, "raise `ulimit -n`, and see what it keeps open")
    return None


def _resource(error: CrashError, confidence: float, why: str, action: str) -> Finding:
    return Finding(
        Category.RESOURCE, "not_fixable", confidence, why, reason="resource", action=action,
        evidence=(f"log: {error.text}",),
    )  # fmt: skip


def provider(scene: Scene) -> Finding | None:
    """An API outside the platform that is slow, down, or does not accept the key."""
    for error in scene.relevant:
        kind = _EXTERNAL_TYPES.search(error.type)
        slow = error.name in _TIMEOUT_NAMES or _EXTERNAL_TEXT.search(error.text)
        key = _BAD_KEY.search(error.text) and (
            kind or "api" in error.text.lower() or "key" in error.text.lower()
        )
        if not (kind or slow or key):
            continue
        if kind and error.name in ("BadRequestError", "NotFoundError", "InvalidURL", "MissingSchema"):
            return None
        return _bad_key(scene, error) if key else _slow(scene, error)
    return None


def _bad_key(scene: Scene, error: CrashError) -> Finding:
    keys = ", ".join(scene.component.api_keys) or "the API key"
    return Finding(
        Category.EXTERNAL_API_TIMEOUT, "not_fixable", 0.9, "The provider does not accept the key.",
        reason="operator", action=f"check {keys} in Truth and in the environment",
        evidence=(f"log: {error.text}",),
    )  # fmt: skip


def _slow(scene: Scene, error: CrashError) -> Finding:
    code = [frame.code for frame in error.frames if frame.code and scene.owner_of(frame) == "service"]
    short = next((line for line in code if _SHORT.search(line)), None)
    if short is not None:
        return Finding(
            Category.EXTERNAL_API_TIMEOUT, "unclear", 0.5,
            "A call timed out, and the service gives it less than a second.",
            culprit=scene.culprit(), evidence=(f"log: {error.text}", f"code: {short}"),
            notes=("perhaps not the provider: the time allowed is short",),
        )  # fmt: skip
    sure = (
        error.frames == () or bool(_EXTERNAL_TYPES.search(error.type)) or "timeout" not in error.text.lower()
    )
    return Finding(
        Category.EXTERNAL_API_TIMEOUT, "not_fixable", 0.9 if sure else 0.8,
        "A call to an API outside the platform failed or took too long.",
        reason="transient", action=f"wait for the provider, then start {scene.service} again",
        evidence=(f"log: {error.text}",),
    )  # fmt: skip
