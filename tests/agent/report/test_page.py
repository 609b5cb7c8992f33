"""`report.html`: the whole story, in one file that obeys nobody's text and asks nothing of a network."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from agent.events import Noted
from agent.report import render_page
from agent.result import HealResult
from agent.store import Run

VOID = {"meta", "link", "br", "col", "img", "input", "hr"}


class Reader(HTMLParser):
    """Every tag and attribute of a page, and whether the tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def page(healed) -> str:
    return healed.page.read_text()


def test_the_story_is_on_the_page(healed, page):
    text = " ".join(" ".join(read(page).text).split())
    assert healed.result.outcome == "proven", healed.result.summary
    for part in (
        "vigil: a proven patch, no branch made",
        "TypeError: unsupported operand type(s)",
        "DayMoveRule divides by",
        "of 7 rungs shown",
        "everything that vigil depends on was up",
        "Not well, not needed",
        "What the rules found",
        "services/vigil/intel/spot.py as it was, in day_change_pct",
        "propose_patch",
        "price unknown; 3 requests",
        "autohealer heal vigil-relative-move",
    ):
        assert part in text, part


def test_hostile_text_stays_text(page):
    reader = read(page)
    assert [
        tag for tag, _ in reader.tags if tag in ("script", "img", "iframe", "object", "form", "base")
    ] == []
    assert len([tag for tag, _ in reader.tags if tag == "style"]) == 1
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    text = "".join(reader.text)
    assert "<script>document.title='owned'</script>" in text, "the log is shown as it was"
    assert "{{ 7*7 }}" in text
    assert "\\x1b[31mred" in text
    assert "\\u202e" in text
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_a_secret_and_a_path_of_this_machine_are_not_on_it(healed, page):
    plain = html.unescape(page)
    assert "A1b2C3d4A1b2C3d4" not in plain
    assert "[REDACTED" in plain
    assert str(healed.repo) not in plain
    assert str(healed.store.root) not in plain
    assert "/Users/ernie" not in plain


def test_nothing_is_asked_of_any_network(page):
    reader = read(page)
    policy = next(attrs["content"] for _, attrs in reader.tags if "http-equiv" in attrs)
    assert str(policy).startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    used = [value for _, attrs in reader.tags for name, value in attrs.items() if name in ("src", "href")]
    assert all(re.match(r"#|data:,|[\w./]+$", str(value)) for value in used), used
    assert "url(" not in page
    assert "@import" not in page


def test_files_are_named_by_their_place_beside_the_page(healed, page):
    links = [
        str(a["href"]) for tag, a in read(page).tags if tag == "a" and not str(a["href"]).startswith("#")
    ]
    assert {"journal.jsonl", "trajectory.json", "patch.diff", "result.json", "../../log.txt"} <= set(links)
    for link in links:
        assert (Path(healed.result.folder) / link).is_file(), link


def test_anchors_lead_somewhere_and_every_region_can_be_reached_by_keyboard(page):
    tags = read(page).tags
    ids = [attrs["id"] for _, attrs in tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for t, a in tags if t == "a" and str(a["href"]).startswith("#")} <= set(ids)
    scrolling = [attrs for _, attrs in tags if attrs.get("class") == "scroll"]
    assert scrolling
    assert all(attrs.get("tabindex") == "0" and attrs.get("aria-label") for attrs in scrolling)


def test_the_culprit_is_marked_in_log_and_source(page):
    marked = re.findall(r'<li class="culprit"><b>(\d+)</b><span>(.*?)</span>', page)
    texts = [html.unescape(text).strip() for _, text in marked]
    line = "return (self.price - self.prev_close) / self.prev_close * 100"
    assert texts == ['File "services/vigil/intel/spot.py", line 20, in day_change_pct', line, line]
    assert marked[-1][0] == "20"


def test_a_run_that_came_nowhere_has_a_page_too(tmp_path):
    run = Run(tmp_path, 1)
    run.append(Noted("nothing <b>was</b> there"))
    (tmp_path / "trajectory.json").write_text('[1, {}, {"item": "Turn"')
    result = HealResult(
        incident="x-1", run=1, service="x", commit="a" * 40, outcome="failed", summary="OSError: <i>no</i>"
    )
    text = " ".join(read(render_page(result, run, None, None)).text)
    for part in (
        "the run failed",
        "OSError: <i>no</i>",
        "No diagnosis was reached",
        "No model was asked",
        "nothing <b>was</b> there",
    ):
        assert part in text


@pytest.mark.parametrize(
    "items",
    [
        [{"item": "Turn", "calls": [{"id": "1", "name": "x", "arguments": "{broken"}]}],
        [{"item": "Turn", "calls": None, "usage": None, "text": None}, {"item": "ToolResult"}, "odd", None],
        {"not": "a list"},
    ],
)
def test_an_odd_conversation_is_shown_as_far_as_it_goes(tmp_path, items):
    (tmp_path / "trajectory.json").write_text(json.dumps(items))
    (tmp_path / "journal.jsonl").write_text(
        '{"at": "never"}\n{"event": "New", "at": "2026-11-22T00:00:00+00:00"}\n'
    )
    result = HealResult(incident="x-1", run=1, service="x", commit="a" * 40, outcome="limit", summary="s")
    page = render_page(result, Run(tmp_path, 1), None, None)
    read(page)
    assert ("{broken" in page) == ("broken" in json.dumps(items))
