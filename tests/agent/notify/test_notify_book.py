"""What belongs together and what is news: the rules, on plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.notify.book import Book, Rules, Thread, due
from agent.notify.page import Page
from agent.notify.signals import page_of
from agent.watch.signals import Signal

RULES = Rules(settle_s=3.0, throttle_s=300.0, most_per_hour=30)
MakePage = Callable[..., Page]


def told(book: Book, now: float, rules: Rules = RULES, *, edits: bool = False) -> tuple[list[Thread], Book]:
    """What a channel is told at a moment, and the book after it."""
    threads = due(book, "c", rules, now, edits=edits).threads
    for thread in threads:
        book = book.with_sent("c", thread, "ref", now)
    return list(threads), book


def stages(threads: list[Thread]) -> list[str]:
    return [thread.page.stage for thread in threads]


def book_of(*pages: Page) -> Book:
    book = Book()
    for page in pages:
        book = book.with_page(page, RULES.throttle_s)
    return book


def test_one_incident_is_one_thread_through_its_life(page: MakePage) -> None:
    book = book_of(
        page("down"),
        page("diagnosing", 2),
        page("branch", 60, link="https://f/1"),
        page("healed", 900, incident=""),
    )
    (thread,) = book.threads
    assert [stage for stage, _ in thread.life] == ["down", "diagnosing", "branch", "healed"]
    assert thread.page.link == "https://f/1", "what healed it is still told"


def test_a_death_settles_before_it_is_told(page: MakePage) -> None:
    book = book_of(page("down"))
    at = page("down").at
    assert due(book, "c", RULES, at + 1, edits=False).next_at == at + 3
    assert stages(told(book, at + 1)[0]) == []
    book = book.with_page(page("not_code", 2), 300)
    assert stages(told(book, at + 2)[0]) == ["not_code"], "an end is told at once"


def test_incidents_with_one_cause_become_one_message(page: MakePage) -> None:
    cause = "needs market-redis"
    book = book_of(
        *(page("down", number / 10, service) for number, service in enumerate(("vigil", "copilot", "mesh"))),
        *(page("diagnosing", 1, service, cause=cause) for service in ("vigil", "copilot", "mesh")),
    )
    (thread,) = book.threads
    assert set(thread.services) == {"vigil", "copilot", "mesh"}
    assert len(told(book, page("down").at + 5)[0]) == 1


def test_victims_join_and_the_cause_stays_what_is_told(page: MakePage) -> None:
    redis = Signal("redis_down", 100.0, "market-redis is down", redis="market-redis", incident="outage-1")
    victim = Signal("victim", 101.0, "vigil died: market-redis was down", "vigil", incident="outage-1")
    pages = [page_of(redis), page_of(victim)]
    assert all(pages)
    book = book_of(*(one for one in pages if one is not None))
    (thread,) = book.threads
    assert thread.page.what == "market-redis is down"
    assert thread.services == ("market-redis", "vigil")


def test_it_is_healed_when_all_are_back(page: MakePage) -> None:
    book = book_of(page("down"), page("down", 1, "copilot", incident="vigil-1"))
    book = book.with_page(page("healed", 9, incident=""), 300)
    assert book.threads[0].page.stage == "down"
    book = book.with_page(page("healed", 10, "copilot", incident=""), 300)
    assert book.threads[0].page.stage == "healed"


def test_what_was_never_down_for_anybody_is_not_back(page: MakePage) -> None:
    assert book_of(page("healed", incident="")).threads == ()


def test_without_edits_only_ends_follow_a_death(page: MakePage) -> None:
    at = page("down").at
    sent, book = told(book_of(page("down")), at + 3)
    assert stages(sent) == ["down"]
    book = book.with_page(page("diagnosing", 4), 300)
    assert stages(told(book, at + 4)[0]) == []
    book = book.with_page(page("branch", 60), 300)
    sent, book = told(book, at + 60)
    assert stages(sent) == ["branch"]
    assert stages(told(book, at + 61)[0]) == [], "once"


def test_with_edits_every_stage_is_brought_up_to_date(page: MakePage) -> None:
    at = page("down").at
    sent, book = told(book_of(page("down")), at + 3, edits=True)
    book = book.with_page(page("diagnosing", 4), 300)
    sent, book = told(book, at + 4, edits=True)
    assert stages(sent) == ["diagnosing"]
    assert sent[0].sent["c"].ref == "ref"


def test_the_same_news_is_not_told_again_within_the_throttle(page: MakePage) -> None:
    at = page("down").at
    _, book = told(book_of(page("down"), page("no_patch", 10, cause="fault f")), at + 10)
    for number in range(2, 6):
        again = {"incident": f"vigil-{number}", "cause": "fault f"}
        book = book.with_page(page("down", 10 * number, **again), 300)
        book = book.with_page(page("no_patch", 10 * number + 5, **again), 300)
        sent, book = told(book, at + 10 * number + 6)
        assert sent == []
    book = book.with_page(page("no_patch", 400, incident="vigil-9", cause="fault f"), 300)
    sent, _ = told(book, at + 400)
    assert stages(sent) == ["no_patch"]
    assert sent[0].times == 5


def test_another_outcome_is_news_at_once(page: MakePage) -> None:
    at = page("down").at
    _, book = told(book_of(page("no_patch")), at)
    sent, _ = told(book.with_page(page("branch", 5), 300), at + 5)
    assert stages(sent) == ["branch"]


def test_down_again_after_the_throttle_is_news(page: MakePage) -> None:
    at = page("down").at
    _, book = told(book_of(page("down"), page("branch", 60)), at + 60)
    assert stages(told(book.with_page(page("down", 400), 300), at + 400)[0]) == ["down"]


def test_an_hour_has_room_for_so_many(page: MakePage) -> None:
    at, rules = page("down").at, Rules(0.0, 300.0, 3)
    book = book_of(*(page("no_patch", 0, f"s{number}") for number in range(7)))
    news = due(book, "c", rules, at + 1, edits=False)
    assert len(news.threads) == 3
    assert news.is_full
    _, book = told(book, at + 1, rules)
    assert due(book, "c", rules, at + 2, edits=False).threads == ()
    assert len(due(book, "c", rules, at + 3602, edits=False).threads) == 3


def test_what_could_not_be_told_for_hours_is_not_news(page: MakePage) -> None:
    book = book_of(page("branch"))
    assert due(book, "c", RULES, page("down").at + 7 * 3600, edits=False).threads == ()


def test_a_page_that_is_taken_twice_counts_once(page: MakePage) -> None:
    assert book_of(page("down"), page("down")) == book_of(page("down"))


def test_an_old_story_is_not_gone_on_with(page: MakePage) -> None:
    book = book_of(page("down"), page("healed", 60, incident=""), page("down", 4000, incident="vigil-2"))
    assert len(book.threads) == 2


def test_old_threads_are_dropped(page: MakePage) -> None:
    book = book_of(page("branch"))
    assert book.pruned(page("down").at + 8 * 86_400).threads == ()


def test_signals_that_are_worth_a_page() -> None:
    def stage(event: Any, **more: Any) -> str | None:
        page = page_of(Signal(event, 1.0, "a reason", **{"service": "vigil", **more}))
        return page.stage if page else None

    assert stage("service_down", incident="i") == "down"
    assert stage("crash_loop") == "down"
    assert stage("heartbeat_lost") == "down"
    assert stage("service_recovered") == "healed"
    assert stage("service_degraded") is None
    assert stage("service_stopped") is None
    assert stage("heal_started") is None
    assert stage("heal_refused", incident="i") == "no_patch"
    assert stage("heal_refused") is None
    assert stage("trouble", service=None) == "failed"


def test_a_heal_that_died_without_a_word_is_paged() -> None:
    def page(code: int | None) -> Page | None:
        return page_of(Signal("heal_ended", 1.0, "it ended", "vigil", None, "i", {"exit_code": code}))

    for code in (0, 3, 4, 5, 6, 7):
        assert page(code) is None, "that heal told its end itself"
    for code in (-9, 1, 2, None):
        died = page(code)
        assert died is not None
        assert died.stage == "failed"
        assert died.do == "autohealer heal i"
