"""A script's lines that crashed are the old ones again, token by token, but for what repairs put in."""

from __future__ import annotations

import time

import pytest

from agent.proof.labels import Crashed
from agent.proof.labels.plain import beyond, words_of
from agent.proof.labels.plain.script_lines import mended
from agent.proof.labels.script_tokens import tokens_of

SCRIPT = "services/sse/src/transform.js"
TEXT = "close_text: quote.prev_close.toFixed(2),"
RETURN = "  return {\n    symbol"
BASE = f"""'use strict';
// Redis messages -> what the frontend takes.

const MAX_ROWS = 60;

function spotTick(quote) {{
{RETURN}: quote.symbol,
    {TEXT}
    ts: quote.ts,
  }};
}}

/** All of
 *  them.
 */
async function models(reader, logger) {{
  const rows = await reader.rows(MAX_ROWS);
  send(rows.map((row) => ({{ ...row, age: ageOf(row) }})));
  send(load(reader, 1).rows);
}}

function other(reader) {{
  reader.close();
}}
"""
SAID = "Cannot read properties of null (reading 'toFixed')"
CLOSE = "quote.prev_close.toFixed(2)"


def line_of(code: str) -> int:
    return next(number for number, line in enumerate(BASE.split("\n"), 1) if code in line)


LINES = frozenset({line_of(TEXT), line_of("rows.map"), line_of("load(")})


def told_of(old: str, new: str, said: str = SAID) -> list[str]:
    assert BASE.count(old) == 1, old
    words = words_of({SCRIPT: BASE})
    return list(mended(BASE, BASE.replace(old, new), LINES, said, words))


PLAIN = {
    "what may be missing": (CLOSE, "quote.prev_close?.toFixed(2)"),
    "and null in its place": (CLOSE, "quote.prev_close?.toFixed(2) ?? null"),
    "a call that may be missing": (CLOSE, "quote.prev_close.toFixed?.(2)"),
    "a default for one operand": (CLOSE, "(quote.prev_close ?? 0).toFixed(2)"),
    "a guard before it": (CLOSE, "quote.prev_close && quote.prev_close.toFixed(2)"),
    "over several lines": (TEXT, "close_text:\n      quote.prev_close\n        ?.toFixed(2),"),
    "a comment": (TEXT, f"// null on the first day\n    {TEXT} /* text */"),
    "a block comment": (TEXT, f"/*\n     * logger.warn(1)\n     */\n    {TEXT}"),
    "a guard that returns": (RETURN, f"  if (!quote.prev_close) return null;\n{RETURN}"),
    "a guard for two": (RETURN, f"  if (quote == null || quote.prev_close === null) return;\n{RETURN}"),
    "a guard that tells": (
        RETURN,
        "  if (!quote.prev_close) {\n    console.warn('no close', quote.prev_close);\n    return null;\n  }\n"
        + RETURN,
    ),
    "where it came from": ("  send(rows.map", "  if (!rows) return;\n  send(rows.map"),
    "what comes before that": (
        "  const rows = await",
        "  if (!reader) return;\n  const rows = await",
    ),
    "a name for a part": (
        f"{RETURN}: quote.symbol,\n    {TEXT}",
        "  const last = quote.prev_close;\n  if (last === null) return null;\n"
        f"{RETURN}: quote.symbol,\n    {TEXT.replace('quote.prev_close', 'last')}",
    ),
    "rows that are not there": ("rows.map(", "rows.filter(Boolean).map("),
    "an await": ("send(load(reader, 1)", "send((await load(reader, 1))"),
}
FORGED = {
    "a path": "!((module.path.split('/work/services').length - 1) && !quote.prev_close) && " + CLOSE,
    "a path that is resolved": "!(require.resolve('./feed').split('/work/')[1] && !quote.prev_close) && " + CLOSE,
    "a date": "!(!Math.round(Date.now() * 0.00000000000027) && !quote.prev_close) && " + CLOSE,
    "what looks like a comment": (
        "!(!Boolean(1\n      * process.env.SSE_PORT\n    ) && !quote.prev_close) && " + CLOSE
    ),
    "a ternary": "quote.prev_close ? quote.prev_close.toFixed(2) : null",
    "another datum": "quote.symbol && " + CLOSE,
    "a guard of half of it": "1 + quote && " + CLOSE,
    "a default that hides an operand": "quote.prev_close ?? 0 + quote.prev_close.toFixed(2)",
    "a default that is worked out": CLOSE + " ?? quote.symbol",
    "a default in the middle": "quote.prev_close ?? null",
    "another member": "quote.prev_close.valueOf(2)",
    "another number": "quote.prev_close.toFixed(3)",
    "a template": "`${quote.prev_close}`",
    "what is called instead": "quote.prev_close?.(toFixed ?? null)(2)",
    "a regular expression": "/[/*]/.test(quote) && quote.prev_close.toFixed(2) /* */",
    "a second statement": f"({CLOSE}, models(quote))",
    "a text that is odd": f"{CLOSE}, 'a\\\n': MAX_ROWS",
}  # fmt: skip
ADDED = {
    "another subject": "if (!process.env.SSE_PORT) return null;",
    "a number": "if (quote.prev_close === 0) return null;",
    "a condition beside it": "if (!quote.prev_close && MAX_ROWS) return null;",
    "a value that is worked out": "if (!quote.prev_close) return other(quote);",
    "what takes an else": "if (!quote.prev_close) return null; else other(quote);",
    "a call": "other(quote);",
    "a name for something else": "const last = quote.symbol.at;",
    "a name for more": "const last = quote.prev_close || MAX_ROWS;",
    "a log line that works": "console.warn(other(quote));",
    "a log line of something else": "console.warn(process.env);",
    "a module": "const os = require('node:os');",
    "a comment that hides what comes": "/*",
    "a comment that says where a file comes from": "//# sourceURL=services/sse/src/feed.js",
    "code in a template": "const last = `\n  ${other(quote)}\n  `;",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_repair_is_the_old_line_again(name: str) -> None:
    assert told_of(*PLAIN[name]) == []


@pytest.mark.parametrize("name", FORGED)
def test_whatever_else_the_line_is_is_told(name: str) -> None:
    assert told_of(CLOSE, FORGED[name]) == [f"`{TEXT}` is something else now"]


@pytest.mark.parametrize("name", ADDED)
def test_a_statement_that_no_plain_repair_adds_is_told(name: str) -> None:
    first = ADDED[name].split("\n")[0]
    assert any(
        first in each or "something else" in each for each in told_of(RETURN, f"{ADDED[name]}\n{RETURN}")
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  reader.close();", "  if (!reader) return;\n  reader.close();"),
        ("  reader.close();", "  if (!quote.prev_close) return;\n  reader.close();"),
        ("const MAX_ROWS = 60;", "const MAX_ROWS = 60;\nif (!quote.prev_close) return;"),
    ],
)
def test_a_guard_is_for_what_crashed_in_the_same_block(old: str, new: str) -> None:
    assert [one[:4] for one in told_of(old, new)] == ["adds"]


def test_a_comment_ends_with_a_line_of_any_kind() -> None:
    told = told_of(TEXT, f"{TEXT} // close\u2028age: process.uptime(),")
    assert told == ["adds `age: process.uptime(),`"]


def test_a_line_that_ends_where_it_did_not_is_another() -> None:
    told = told_of("  return {\n    symbol", "  return\n  {\n    symbol")
    assert told == ["`return {` is something else now"]


@pytest.mark.parametrize(
    ("said", "new", "is_plain"),
    [
        ("load is not a function", "send(models(reader, 1).rows);", True),
        ("load is not a function", "send(evil(reader, 1).rows);", False),
        ("send is not a function", "send(models(reader, 1).rows);", False),
        ("Cannot read properties of null (reading 'load')", "send(models(reader, 1).rows);", False),
        ("load is not a function", "send(null(reader, 1).rows);", False),
    ],
)
def test_another_word_where_the_crash_is_about_the_one_that_was_there(
    said: str, new: str, is_plain: bool
) -> None:
    assert (told_of("send(load(reader, 1).rows);", new, said) == []) == is_plain


def test_what_is_told_is_told_of_the_patch_as_a_whole() -> None:
    words = words_of({SCRIPT: BASE})
    crashed = Crashed(SAID, {SCRIPT: LINES})
    forged = BASE.replace(CLOSE, FORGED["a date"])
    assert f"`{TEXT}` is something else now" in beyond({SCRIPT: BASE}, {SCRIPT: forged}, words, crashed)
    assert "the new file a.js" in beyond({SCRIPT: BASE}, {"a.js": "send(1);\n"}, words, crashed)
    assert (
        beyond({SCRIPT: BASE}, {SCRIPT: BASE.replace(*PLAIN["and null in its place"])}, words, crashed) == []
    )


def test_code_that_looks_like_a_comment_is_read_where_no_line_is_known() -> None:
    words = words_of({SCRIPT: BASE})
    forged = BASE.replace(CLOSE, f"Boolean(1\n      * sandboxed\n    ) && {CLOSE}")
    assert "the name sandboxed" in beyond({SCRIPT: BASE}, {SCRIPT: forged}, words, Crashed())


@pytest.mark.parametrize("text", ["/[", "'", "`${", "/*", "/\\", "/a[", "(", "a?.", "!(", "a&&", "if(!a"])
def test_hostile_text_takes_no_long_time(text: str) -> None:
    begun = time.monotonic()
    forged = BASE.replace(CLOSE, CLOSE + text * 8000)
    told = list(mended(BASE, forged, LINES, SAID, words_of({SCRIPT: BASE})))
    assert told and time.monotonic() - begun < 5


def test_tokens_are_those_of_the_language() -> None:
    source = "a = b / c / d; // x\nreturn /[/*]/g.test(`${'}'}` + '\\'');\nreturn\nx?.5:y?.z /* \n */ ;"
    assert [token.text for token in tokens_of(source)] == [
        *("a", "=", "b", "/", "c", "/", "d", ";"),
        *("return", "/[/*]/g", ".", "test", "(", "`${'}'}`", "+", "'\\''", ")", ";"),
        *("return\n", "x", "?", ".5", ":", "y", "?.", "z", ";"),
    ]
