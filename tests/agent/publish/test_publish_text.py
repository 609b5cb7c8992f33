"""Untrusted text on its way out: shown, not obeyed; of secrets and of this machine it tells nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.outward import HOST_PATH, Outward
from agent.publish.markdown import fenced, plain, prose, sentence, span, visible
from tools.redact import Redactor


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("fixes #12 and swarm/market#3, GH-4, !5", "fixes `#12` and `swarm/market#3`, `GH-4`, `!5`"),
        ("ask @ernie or @swarm/ops", "ask `@ernie` or `@swarm/ops`"),
        ("/close", "\\/close"),
        ("# heading", "\\# heading"),
        ("1. first", "1\\. first"),
        ("> quote", "\\> quote"),
        ("<img src=x onerror=y>", "\\<img src=x onerror=y\\>"),
        ("![x](y)", "!\\[x\\](y)"),
        ("see https://evil.invalid/?q=1", "see `https://evil.invalid/?q=1`"),
        ("a_b _c_ *d* ~e~ $f$ &amp;", "a_b \\_c\\_ \\*d\\* \\~e\\~ \\$f\\$ &amp;amp;"),
        ("`code @x` and an `open one", "`code @x` and an \\`open one"),
        ("a | b", "a \\| b"),
        ("red \x1b[31m and \u202e turned", "red \\\\x1b\\[31m and \\\\u202e turned"),
    ],
)
def test_prose_is_words(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_lines_become_one_paragraph_and_paragraphs_stay() -> None:
    assert prose("one\ntwo\n\n/merge\n\n\n") == "one two\n\n\\/merge"
    assert sentence("one\n\n| two") == "one \\| two"


def test_files_become_links_where_they_are_known() -> None:
    known = {"services/vigil/main.py"}

    def link(path: str, line: int | None) -> str | None:
        return f"https://f/{path}#L{line}" if path in known else None

    told = prose("services/vigil/main.py:3, `services/vigil/main.py:4` and services/none.py:1", link)
    assert told == (
        "[`services/vigil/main.py:3`](https://f/services/vigil/main.py#L3), "
        "[`services/vigil/main.py:4`](https://f/services/vigil/main.py#L4) and `services/none.py:1`"
    )


def test_code_cannot_end_its_own_block() -> None:
    block = fenced("```\n@x\n`````\n~~~")
    assert block.startswith("``````\n")
    assert block.endswith("\n``````")
    assert span("a `b` | c") == "``a `b` ¦ c``"


def test_a_long_run_does_not_hide_a_call() -> None:
    told = prose("/" * 300 + "@ernie and " + "." * 300 + "#12")
    assert "@ernie" not in told
    assert "#12" not in told


def test_a_title_calls_nobody() -> None:
    assert plain("closes #12 for @ernie, @app.get('/x')") == "closes # 12 for @ ernie, @ app.get('/x')"


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("`@#a1 /\n<>[]()!|\\*_~$&:.-\u200b\x1b"), max_size=60))
def test_no_text_calls_or_refers_to_anybody(text: str) -> None:
    told = prose(text)
    # Each part by itself: what follows a code span starts anew for a forge.
    for part in _spans(told)[::2]:
        assert not re.search(r"(?<!\w)@\w|[#!&~%$]\d", part)
    assert not any(line.startswith("/") for line in told.splitlines())
    assert "\x1b" not in told
    assert "\u200b" not in told
    assert visible(told) == told


def _spans(text: str) -> list[str]:
    """The text cut at the code spans that Markdown sees: prose at even places, code at odd ones."""
    parts, rest = [""], text
    while rest:
        if rest.startswith("\\"):
            parts[-1] += rest[:2]
            rest = rest[2:]
            continue
        if not rest.startswith("`"):
            parts[-1] += rest[0]
            rest = rest[1:]
            continue
        fence = rest[: len(rest) - len(rest.lstrip("`"))]
        rest = rest[len(fence) :]
        inner, found, rest = _until(rest, fence)
        assert found, f"an open code span in {text!r}"
        parts += [inner, ""]
    return parts


def _until(text: str, fence: str) -> tuple[str, bool, str]:
    place = 0
    while (place := text.find(fence, place)) >= 0:
        run = len(text[place:]) - len(text[place:].lstrip("`"))
        if run == len(fence):
            return text[:place], True, text[place + run :]
        place += run
    return text, False, ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            'File "/Users/ernie/Market Swarm/services/vigil/main.py", line 3',
            'File "services/vigil/main.py", line 3',
        ),
        (
            "/home/u/.venv/lib/python3.11/site-packages/redis/client.py:9",
            "python3.11/site-packages/redis/client.py:9",
        ),
        ("/opt/swarm/config.json", "…/config.json"),
        ("file:///home/u/secret/a.txt", "file://…/a.txt"),
        ("PATH=/usr/bin:/home/x/bin", "PATH=/usr/bin:…/bin"),
        ("C:\\Users\\ernie\\swarm\\main.py", "…\\main.py"),
        ("GET /api/health/healer and https://host/home/x", "GET /api/health/healer and https://host/home/x"),
        ("/srv/target/services/vigil/main.py in /srv/target", "services/vigil/main.py in …"),
        ("in /state/incidents/x", "in …/x"),
    ],
)
def test_paths_of_this_machine_are_cut_to_what_they_mean_elsewhere(text: str, told: str) -> None:
    clean = Outward(Redactor(), [Path("/srv/target"), Path("/state")])
    assert clean(text) == told
    assert clean(told) == told, "what was cleaned stays as it is"
    assert clean.find(told) == []


def test_what_would_leave_is_found() -> None:
    clean = Outward(Redactor(["hunter2secret"]), [Path("/state")])
    assert clean.find("hunter2secret in /state/x") == ["known_secret", HOST_PATH]
    assert clean("hunter2secret") == "[REDACTED:known_secret]"
