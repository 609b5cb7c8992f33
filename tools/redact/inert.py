"""Untrusted text made inert: what a terminal or a model would obey becomes visible characters."""

from __future__ import annotations

import re

_ACTIVE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff"
    "]"
)
_TEMPLATE = re.compile(
    r"<(?=\|)|(?<=\|)>"
    r"|\[(?=/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])"
    r"|<(?=<|/?(?:SYS>|s>|bos>|eos>|start_of_turn|end_of_turn))"
    r"|<(?=/?(?:system|user|assistant|developer|human|tool|function|untrusted|antml|think|thinking|instructions?)"
    r"(?:[_:-][\w:-]{1,40})?[ />])"
    r"|<(?=end of log>|log:)",
    re.IGNORECASE,
)
_SHOWN = {"<": "‹", ">": "›", "[": "⟦"}
_ROLE = re.compile(
    r"^([ \t]{0,16}(?:#{1,6} ?|\*\*)?)(?=(?:system|assistant|human|developer|user|tool)(?:\*\*)?[ \t]{0,4}:)",
    re.IGNORECASE | re.MULTILINE,
)


def inert(text: str) -> str:
    """The text with control, zero-width and direction characters shown as escapes, and role markers
    and chat-template marks broken up. Newlines and tabs stay; the result is always valid UTF-8.
    """
    text = _ACTIVE.sub(_escape, text.replace("\r\n", "\n"))
    text = _TEMPLATE.sub(lambda found: _SHOWN[found.group()], text)
    return _ROLE.sub(r"\1\\", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
