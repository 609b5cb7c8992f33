"""Untrusted text on its way out: shown, not obeyed; of secrets and of this machine it tells nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.outward import HOST_PATH, Outward
from agent.proof import Proof, Rung, State
from agent.publish.changes import changes_of
from agent.publish.markdown import fenced, plain, prose, sentence, span, visible
from sandbox.patch import Patch
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


DIFF = """diff --git a/services/vigil/a.py b/services/vigil/a.py
--- a/services/vigil/a.py
+++ b/services/vigil/a.py
@@ -1,2 +1,3 @@ def first():
 x = 1
+y = "```"
 z = 3
@@ -10,2 +11,2 @@
-x = 10
+x = 11
 z = 30
diff --git a/services/vigil/gone.py b/services/vigil/gone.py
deleted file mode 100644
--- a/services/vigil/gone.py
+++ /dev/null
@@ -1 +0,0 @@
-x = 1
diff --git a/services/vigil/tests/test_new.py b/services/vigil/tests/test_new.py
new file mode 100644
--- /dev/null
+++ b/services/vigil/tests/test_new.py
@@ -0,0 +1 @@
+def test_new(): pass
"""


def proof_with(state: State, detail: str) -> Proof:
    told = "services/vigil/tests/test_new.py::test_new fails on the base as the incident did"
    return Proof((Rung("regression test", "shown", told), Rung("needed", state, detail)))


def test_each_hunk_says_where_it_is_and_whether_it_is_needed() -> None:
    patch = Patch("vigil", "b", "t", DIFF, ())
    idle = "without it the proof still holds: services/vigil/a.py:11, services/vigil/gone.pyc"
    changes = changes_of(patch, proof_with("not shown", idle), str)
    assert [change.title for change in changes] == [
        "1. `services/vigil/a.py` (+1 −0), in `def first()`",
        "2. `services/vigil/a.py` (+1 −1)",
        "3. `services/vigil/gone.py` (deleted, −1)",
        "`services/vigil/tests/test_new.py` (new, +1)",
    ]
    assert [change.why.split(":")[0] for change in changes] == [
        "Needed", "**Not shown to be needed**", "Needed", "A new test",
    ]  # fmt: skip
    assert changes[1].why.endswith("without what begins in line 11 the proof still holds.")
    assert "fails on the base as the incident did" in changes[3].why
    assert changes[0].diff.startswith("````diff\n@@ -1,2 +1,3 @@")
    assert changes[0].diff.endswith("\n````")


def test_what_only_other_changes_need_is_told_as_such() -> None:
    patch = Patch("vigil", "b", "t", DIFF, ())
    detail = (
        "without any one hunk the crash is back; or, without services/vigil/gone.py, it fails in another way"
    )
    told = [change.why for change in changes_of(patch, proof_with("shown", detail), str)[:3]]
    assert [" or it fails in another way" in why for why in told] == [False, False, True]
    leaning = "they lean on each other: services/vigil/a.py:2, services/vigil/a.py:11, services/vigil/gone.py"
    told = [change.why for change in changes_of(patch, proof_with("not shown", leaning), str)[:3]]
    assert {*told} == {"Whether it is needed was not shown."}


def test_what_was_not_reached_is_not_claimed() -> None:
    patch = Patch("vigil", "b", "t", DIFF, ())
    changes = changes_of(patch, proof_with("not shown", "no code was run"), str)
    assert changes[0].why == "Whether it is needed was not shown."
    shown = changes_of(patch, proof_with("shown", "without any one hunk the crash is back"), str)
    assert {change.why.split(":")[0] for change in shown[:3]} == {"Needed"}


def test_a_diff_that_cannot_be_read_is_shown_whole() -> None:
    patch = Patch("vigil", "b", "t", "--- a/x\n+++ b/x\n@@ -1,9 +1,9 @@\n-x\n", ())
    (change,) = changes_of(patch, proof_with("shown", ""), str)
    assert "@@ -1,9 +1,9 @@" in change.diff
