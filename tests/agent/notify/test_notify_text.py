"""What stands on the phone: short, the same shape each time, and nothing that calls or hides."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.notify.book import Book, Thread
from agent.notify.page import STAGES, Page
from agent.notify.text import Message, message_of, mrkdwn, plain

MakePage = Callable[..., Page]
LONG = "DayMoveRule divides by a previous close that instruments lack which were listed today. " * 20


def thread_of(*pages: Page) -> Thread:
    book = Book()
    for page in pages:
        book = book.with_page(page, 300)
    return book.threads[0]


def message(*pages: Page) -> Message:
    return message_of(thread_of(*pages))


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_is_read_in_five_seconds(page: MakePage, stage: str) -> None:
    told = message(
        page("down"),
        page(
            stage,
            5,
            what=LONG,
            do="redis-server --port 6380",
            proof="7 of 7 shown",
            link="https://f/pull/1",
            note="42 s, $0.03",
        ),
    )
    text = mrkdwn(told)
    title, *lines = text.splitlines()
    assert "vigil" in title
    assert len(title) <= 60
    assert len(lines) <= 5
    assert len(text) <= 480
    assert "`redis-server --port 6380`" in text
    assert "vigil-1" in lines[-1]


@pytest.mark.parametrize(
    ("stage", "title"),
    [
        ("down", "vigil is down"),
        ("diagnosing", "vigil is down, being diagnosed"),
        ("not_code", "vigil is down, not by its code"),
        ("branch", "vigil has a fix to review"),
        ("no_patch", "vigil has no fix"),
        ("failed", "AutoHealer failed on vigil"),
        ("healed", "vigil is back"),
    ],
)
def test_titles(page: MakePage, stage: str, title: str) -> None:
    assert message(page("down"), page(stage, 1)).title == title


def test_many_services_are_counted(page: MakePage) -> None:
    pages = [page("down", 0, name, incident="outage") for name in ("vigil", "copilot", "mesh", "massive")]
    assert message(*pages).title == "vigil, copilot and 2 more are down"


def test_the_watch_s_own_trouble_has_a_title() -> None:
    assert message(Page("failed", 1.0, "AutoHealer", "the watch ended")).title == "AutoHealer is in trouble"


def test_the_branch_comes_with_its_proof_and_place(page: MakePage) -> None:
    told = message(page("branch", proof="6 of 7 shown, not needed", link="https://f/pull/1", do=""))
    assert plain(told).splitlines()[1:3] == ["Proof: 6 of 7 shown, not needed", "https://f/pull/1"]


def test_the_operator_s_command_comes_second(page: MakePage) -> None:
    told = message(page("not_code", do="redis-server --port 6380"))
    assert plain(told).splitlines()[1] == "Do: redis-server --port 6380"


def test_nobody_is_called_and_nothing_is_hidden(page: MakePage) -> None:
    evil = "<!channel> <https://evil.invalid|click> @everyone <@U123> & `code`\n*title*"
    text = mrkdwn(message(page("no_patch", what=evil, do="echo `x` <b>", link=evil)))
    assert "<" not in text
    assert "@everyone" not in text
    assert "&lt;!channel&gt;" in text
    assert "`echo x &lt;b&gt;`" in text


def test_the_life_is_one_line(page: MakePage) -> None:
    told = message(page("down"), page("diagnosing", 61), page("branch", 122))
    assert [part.split(" ", 1)[1] for part in told.life.split(" → ")] == ["down", "diagnosing", "branch"]
