"""A thread in the few lines that are read on a phone in five seconds."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from agent.notify.book import Thread
from agent.notify.page import OURSELVES, PASSING, Page, Stage

WORDS: dict[Stage, str] = {
    "down": "is down",
    "diagnosing": "is down, being diagnosed",
    "not_code": "is down, not by its code",
    "branch": "has a fix to review",
    "no_patch": "has no fix",
    "failed": "AutoHealer failed on",
    "healed": "is back",
}
WHAT = 180
DO = 300
_CALL = re.compile(r"@(?=\w)")


@dataclass(frozen=True, slots=True)
class Message:
    """What a channel shows. `title` is one short line, `lines` are the few below it; all of it plain text.

    `code` is the operator's command, `life` the way here in one line, `is_last` whether nothing follows soon.
    """

    title: str
    lines: tuple[str, ...]
    code: str
    life: str
    stage: Stage
    is_last: bool


def message_of(thread: Thread) -> Message:
    """The thread as a message."""
    page = thread.page
    lines = [_short(page.what, WHAT)]
    if page.proof:
        lines.append(f"Proof: {_short(page.proof, WHAT)}")
    if page.link:
        lines.append(_short(page.link, DO))
    lines.append(_footer(thread, page))
    return Message(
        title=_title(thread),
        lines=tuple(line for line in lines if line),
        code=_short(page.do, DO),
        life=" → ".join(f"{_clock(at)} {stage.replace('_', ' ')}" for stage, at in thread.life[-6:]),
        stage=page.stage,
        is_last=page.stage not in PASSING,
    )


def with_line(message: Message, line: str) -> Message:
    """The message with one more line."""
    return replace(message, lines=(*message.lines, line))


def plain(message: Message) -> str:
    """The message below its title, as plain text."""
    first, *rest = message.lines
    code = [f"Do: {message.code}"] if message.code else []
    return "\n".join([first, *code, *rest])


def mrkdwn(message: Message, *, with_life: bool = False) -> str:
    """The message in Slack's markup, in which a text can neither call anybody nor hide a link."""
    first, *rest = (_escaped(line) for line in message.lines)
    code = [f"Do: `{_escaped(message.code.replace('`', ''))}`"] if message.code else []
    life = [_escaped(message.life)] if with_life else []
    return "\n".join([f"*{_escaped(message.title)}*", first, *code, *rest, *life])


def _title(thread: Thread) -> str:
    names = [*thread.services[:2]]
    more = len(thread.services) - len(names)
    named = ", ".join(names) + (f" and {more} more" if more else "")
    words = WORDS[thread.page.stage]
    if len(thread.services) > 1:
        words = words.replace("is ", "are ", 1).replace("has ", "have ", 1)
    if thread.page.stage != "failed":
        return f"{named} {words}"
    return f"{OURSELVES} is in trouble" if named == OURSELVES else f"{words} {named}"


def _footer(thread: Thread, page: Page) -> str:
    times = f"down {thread.times} times" if thread.times > 1 else ""
    return " · ".join(part for part in (page.incident, page.note, times) if part)


def _short(text: str, longest: int) -> str:
    flat = _CALL.sub("@ ", " ".join(text.split()))
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%H:%M")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
