"""Feeds and words."""

import pytest

from services.rss_agg.intel.enricher import by_words
from services.rss_agg.intel.feeds import Feed, FeedError, Item, article_id, clean, parse_date, parse_feed

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>a1</id><title>T</title>
<link href="https://x.invalid/1"/><summary>S</summary><updated>2026-03-02T10:00:00Z</updated></entry></feed>"""
RSS = """<rss version="2.0"><channel><item><guid>g1</guid><title>T &lt;b&gt;bold&lt;/b&gt;</title>
<link>l</link><description>D</description></item></channel></rss>"""


def test_atom_and_rss():
    assert parse_feed(ATOM)[0].link == "https://x.invalid/1"
    assert parse_feed(RSS)[0].title == "T bold"
    assert parse_feed(RSS)[0].published is None


def test_what_is_no_feed():
    with pytest.raises(FeedError, match="not XML"):
        parse_feed("<html")
    with pytest.raises(FeedError, match="neither"):
        parse_feed("<html/>")


def test_ids_are_stable():
    feed, item = Feed("m", "M", "file:x", "macro"), Item("g", "t", "l", "s", None)
    assert article_id(feed, item) == article_id(feed, Item("g", "other", "l", "s", None))


def test_dates():
    assert parse_date("Mon, 02 Mar 2026 14:05:00 GMT") == "2026-03-02T14:05:00+00:00"
    assert parse_date("yesterday") is None


def test_html_goes():
    assert clean("<p>a  b</p>") == "a b"


def test_words_find_topics_and_mood():
    found = by_words("Fed holds rates steady", "VIX fell")
    assert found["tags"] == ["rates", "volatility"]
    assert found["symbols"] == ["VIX"]
    assert found["mood"] == 0.0
