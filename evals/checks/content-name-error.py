# ruff: noqa: N999
import json

from harness import FakeRedis, logger
from services.content_anal.intel import reader

GOOD = '{"id": "ok", "title": "whole"}'


def client():
    entries = [
        ["rss:articles", [("1-0", {"id": "cut", "feed": "macro"}), ("2-0", {"id": "ok", "feed": "macro"})]]
    ]
    return FakeRedis(xread=entries, get=lambda key: GOOD if key.endswith(":ok") else '{"id": "cut", "ti')


async def check_a_broken_article_does_not_stop_the_others():
    intel = client()
    found = reader.ArticleReader(intel, logger("content_anal"))
    assert await found.next_batch() == [{"id": "ok", "title": "whole"}]
    assert found.dropped == 1
    assert found.cursor == "2-0"


async def check_it_is_kept_for_a_look():
    intel = client()
    await reader.ArticleReader(intel, logger("content_anal")).next_batch()
    [(key, raw)] = intel.called("lpush")
    kept = json.loads(raw)
    assert isinstance(key, str) and key
    assert kept["id"] == "cut"
    assert kept["raw"].startswith('{"id": "cut"')
    assert kept["ts"] > 1e9
    assert intel.called("ltrim")[0][0] == key


def check_batches_are_small():
    assert reader.BATCH == 25
