"""Fetches feeds. file: URLs are read below the service's folder, so that a node runs without a network."""

import asyncio
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from services.rss_agg.intel.feeds import FeedError

SERVICE = Path(__file__).resolve().parents[1]
TIMEOUT_SEC = 10
MAX_BYTES = 2 << 20
AGENT = "MarketSwarm-rss/1.2"


async def fetch(url):
    """The text behind a URL. Raises FeedError, with the URL in its message."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "file":
            return (SERVICE / parts.path).read_text(encoding="utf-8")
        return await asyncio.to_thread(_get, url)
    except (OSError, ValueError) as exc:
        raise FeedError(f"{url}: {exc}") from exc


def _get(url):
    request = urllib.request.Request(url, headers={"User-Agent": AGENT})
    with urllib.request.urlopen(request, timeout=TIMEOUT_SEC) as response:
        return response.read(MAX_BYTES).decode("utf-8", "replace")
