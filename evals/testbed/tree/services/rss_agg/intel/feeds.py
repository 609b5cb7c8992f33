"""Feeds: which there are, and what they hold. RSS 2.0 and Atom."""

import hashlib
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ATOM = "{http://www.w3.org/2005/Atom}"
TAGS = re.compile(r"<[^>]+>")
SPACE = re.compile(r"\s+")


class FeedError(Exception):
    """A feed that cannot be read or is no feed."""


@dataclass(frozen=True)
class Feed:
    id: str
    title: str
    url: str
    category: str
    weight: float = 1.0


@dataclass(frozen=True)
class Item:
    """One entry of a feed. `published` is ISO 8601 or None."""

    guid: str
    title: str
    link: str
    summary: str
    published: str | None


def load_feeds(path):
    """The feeds of the file that RSS_FEEDS_FILE names, relative to the project root."""
    document = json.loads((ROOT / path).read_text(encoding="utf-8"))
    return [Feed(**feed) for feed in document["feeds"]]


def article_id(feed, item):
    """Stable over runs: the same entry gets the same id."""
    return hashlib.sha1(f"{feed.id}|{item.guid or item.link}".encode()).hexdigest()[:16]


def clean(text):
    """Plain text out of a field that may hold HTML."""
    return SPACE.sub(" ", TAGS.sub(" ", text or "")).strip()


def parse_date(text):
    """ISO 8601 out of an RFC 2822 date; None for what is no date."""
    if not text:
        return None
    try:
        return parsedate_to_datetime(text).isoformat()
    except (TypeError, ValueError):
        return None


def parse_feed(text):
    """The items of an RSS 2.0 or Atom document. Raises FeedError."""
    try:
        root = ET.fromstring(text)
    except ET.ParseError as exc:
        raise FeedError(f"not XML: {exc}") from exc
    if root.tag == "rss":
        return [_rss_item(node) for node in root.iterfind("channel/item")]
    if root.tag == f"{ATOM}feed":
        return [_atom_item(node) for node in root.iterfind(f"{ATOM}entry")]
    raise FeedError(f"neither RSS nor Atom: <{root.tag}>")


def _rss_item(node):
    return Item(
        guid=node.findtext("guid") or "",
        title=clean(node.findtext("title")),
        link=node.findtext("link") or "",
        summary=clean(node.findtext("description")),
        published=parse_date(node.findtext("pubDate")),
    )


def _atom_item(node):
    link = node.find(f"{ATOM}link")
    return Item(
        guid=node.findtext(f"{ATOM}id") or "",
        title=clean(node.findtext(f"{ATOM}title")),
        link=link.get("href", "") if link is not None else "",
        summary=clean(node.findtext(f"{ATOM}summary")),
        published=node.findtext(f"{ATOM}updated"),
    )
