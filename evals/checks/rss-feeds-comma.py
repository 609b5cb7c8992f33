# ruff: noqa: N999
from services.rss_agg.intel.feeds import load_feeds


def check_every_feed_is_there():
    feeds = {feed.id: feed for feed in load_feeds("services/rss_agg/feeds.json")}
    assert set(feeds) == {"macro", "vol", "tech", "rates"}
    assert (feeds["rates"].weight, feeds["macro"].weight) == (0.7, 0.9)
