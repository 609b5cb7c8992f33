"""What went wrong with a request, as a typed outcome: statuses, bodies and broken connections."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import Any

from agent.model.protocol import (
    ContextFull,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    QuotaSpent,
    RequestRefused,
    Transient,
    UnknownModel,
)

QUOTA = re.compile(
    r"insufficient_quota|exceeded your current quota|(run|ran) out of (credits|balance)"
    r"|(no|insufficient|used all) .{0,40}(credits|balance|funds)|billing_(hard_limit|not_active)"
    r"|spending limit",
    re.IGNORECASE,
)
BAD_KEY = re.compile(
    r"(incorrect|invalid|missing|expired|no) .{0,20}(api[ _-]?key|credential)|invalid_api_key",
    re.IGNORECASE,
)
TOO_LONG = re.compile(
    r"context_length_exceeded|(maximum|max|exceeds?) .{0,40}(context|prompt) (length|window)"
    r"|context (length|window) .{0,40}exceed|prompt is too long|maximum prompt length|too many tokens",
    re.IGNORECASE,
)
GONE = re.compile(
    r"model_not_found|model_retired|unknown model|invalid model|no such model"
    r"|model\b.{0,120}\b(not found|not exist|not supported|retired|deprecated|decommissioned|no longer)"
    r"|(not found|not have access).{0,60}\bmodel",
    re.IGNORECASE,
)
RETRIED = (408, 409, 425, 429, 499)
LONGEST_MESSAGE = 300


def status_fault(model: str, status: int, body: object, headers: Mapping[str, str]) -> ModelError:
    """The outcome that an HTTP status and its body mean. `headers` are looked up in lower case."""
    text = message_of(body)
    told = f"HTTP {status}: {text}" if text else f"HTTP {status}"
    codes = f"{text} {_codes(body)}"
    if status == 402 or QUOTA.search(codes):
        return QuotaSpent(model, f"the account has no quota left ({told})")
    if status in RETRIED or status >= 500:
        return Transient(model, told, retry_after=retry_after(headers))
    if status in (400, 404, 413, 422) and TOO_LONG.search(codes):
        return ContextFull(model, f"the conversation is too long ({told})")
    return _permanent(model, status, told, codes)


def _permanent(model: str, status: int, told: str, codes: str) -> ModelUnavailable:
    if status == 401 or BAD_KEY.search(codes):
        return KeyRefused(model, f"the key was refused ({told})")
    if status == 410 or GONE.search(codes):
        return UnknownModel(model, f"the model is not known there, or retired ({told})")
    if status == 403:
        return KeyRefused(model, f"the key may not do this ({told})")
    if status == 404:
        return RequestRefused(model, f"no such endpoint; check base_url and api ({told})")
    return RequestRefused(model, f"the request was refused ({told})")


def message_of(body: object) -> str:
    """The provider's own words out of an error body of any known shape, in one bounded line."""
    if isinstance(body, Mapping):
        inner = body.get("error", body.get("detail", body))
        if isinstance(inner, Mapping):
            inner = inner.get("message") or inner.get("error") or inner.get("code") or json.dumps(inner)
        body = inner
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body, default=str)
    text = re.sub(r"<[^<>]{0,200}>", " ", text) if "<" in text else text
    return " ".join(text.split())[:LONGEST_MESSAGE]


def _codes(body: object) -> str:
    if not isinstance(body, Mapping):
        return ""
    inner = body.get("error")
    both: list[Any] = [body.get("code"), body.get("type")]
    if isinstance(inner, Mapping):
        both += [inner.get("code"), inner.get("type"), inner.get("param")]
    return " ".join(str(code) for code in both if code)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the provider asks to wait, from `retry-after-ms` or `retry-after` (seconds or a date)."""
    try:
        if "retry-after-ms" in headers:
            return max(0.0, float(headers["retry-after-ms"]) / 1000)
        if "retry-after" not in headers:
            return None
        return max(0.0, float(headers["retry-after"]))
    except ValueError:
        when = email.utils.parsedate_tz(headers.get("retry-after", ""))
        return None if when is None else max(0.0, email.utils.mktime_tz(when) - time.time())
