"""What keeps slow patterns from a text never keeps one from a secret."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tools.redact import assignments, tokens
from tools.redact.gate import ODD, Lowered

PIECES = st.sampled_from(
    [
        "sk-", "sk_live_", "xai-", "AKIA", "ghp_", "gho_", "github_pat_", "glpat-", "glsoat-", "xoxb-", "xapp-",
        "AIza", "ya29.", "whsec_", "hf_", "dckr_pat_", "pypi-", "SG.", "eyJ", ".eyJ", "a1B2c3D4e5F6g7H8i9J0k1",
        "hooks.slack.com/services/", "discord.com/api/webhooks/", "https://", "u:p@", "@host", "?apiKey=", "&key=",
        "Authorization: ", "Bearer ", "BASIC ", "Set-Cookie: ", "a=b", "X-Api-Key: ", "x-auth-token=", "password",
        "PASSWD", "Secret", "token", "api_key", "_KEY", "_auth", "_salt", "credentials", " = ", ": ", "=", '"', "'",
        "\n", "\r\n", "\\n", " ", "hunter2", "\u017f", "\u212a", "\u0130", "pa\u017f\u017fword=", "\u2026",
    ]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@given(TEXTS)
@example("to\u212aen = 'a1B2c3D4e5F6'")
@example("Bear\u0130er: author\u0131zation: abcdef123456")
def test_a_pattern_that_matches_is_let_through(text: str) -> None:
    lowered = Lowered(text)
    for pattern, words in tokens._PATTERNS:
        if pattern.search(text):
            assert lowered.holds(words), pattern.pattern


@given(TEXTS)
@example("pa\u017f\u017fword=hunter2")
@example("first = 1\npassword = 'hunter2'\nlast = 2")
def test_assignments_are_the_same_line_by_line(text: str) -> None:
    assert [*assignments.find(text, Lowered(text))] == [*assignments._find_in(text, 0, len(text))]


def test_the_odd_letters_are_all_there_are() -> None:
    others = "".join(map(chr, range(128, sys.maxunicode + 1)))
    assert set(re.findall("[a-z]", others, re.IGNORECASE)) == set(ODD)
    assert all(len(char.lower()) == 1 for char in others if char not in ODD)


@pytest.mark.parametrize("text", ["", "\n", "key", "a\nkey\n", "key key\n\nKEY"])
def test_lines_are_whole_and_in_order(text: str) -> None:
    lines = [text[start:end] for start, end in Lowered(text).lines(("key", "ke"))]
    assert lines == [line for line in text.split("\n") if "key" in line.lower()]
