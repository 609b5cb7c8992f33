"""`autohealer stats` and the filters of `incidents`: counts that a person can check by hand."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from agent.stats import spread


def test_the_numbers_are_right(past):
    told = json.loads(past.cli("stats", "--json").output)
    assert (told["incidents"], told["runs"]) == (5, 5)
    assert told["outcomes"] == {"branch": 3, "not_fixable": 1, "captured": 1}
    assert told["categories"] == {"bad_data": 4}
    counts = (told["branches"], told["merged"], told["open"], told["declined"])
    assert counts == (3, 1, 1, 1)
    assert (told["recurred"], told["after_merge"]) == (1, 1)
    assert told["to_diagnosis"] == {"count": 4, "median": 10.0, "p90": 10.0}
    assert told["to_branch"] == {"count": 3, "median": 30.0, "p90": 30.0}
    assert told["total"]["cost_usd"] == pytest.approx(0.061)
    assert told["total"]["unpriced"] == 1
    assert told["html"] is None


def test_cost_is_told_by_service_and_by_model_the_dearest_first(past):
    told = json.loads(past.cli("stats", "--json").output)
    services = {name: (s["incidents"], round(s["cost_usd"], 3)) for name, s in told["by_service"].items()}
    assert list(services.items()) == [("vigil", (2, 0.061)), ("sse", (2, 0.0)), ("mesh", (1, 0.0))]
    models = {name: (m["requests"], round(m["cost_usd"], 3)) for name, m in told["by_model"].items()}
    assert models == {"grok-4": (3, 0.06), "gpt-4o-mini": (1, 0.001), "local": (1, 0.0)}


def test_a_time_and_a_service_narrow_it(past):
    assert json.loads(past.cli("stats", "--json", "--since", "4d").output)["incidents"] == 2
    assert json.loads(past.cli("stats", "--json", "--service", "mesh").output)["incidents"] == 1
    wrong = past.cli("stats", "--since", "lunch")
    assert wrong.exit_code == 2
    assert "7d" in wrong.stderr


def test_the_table_says_what_has_no_price(past):
    told = " ".join(past.cli("stats").output.split())
    assert "3: 1 merged, 1 open, 1 taken away unmerged" in told
    assert "$0.0610, and 1 requests without a known price" in told
    assert "local: price unknown (1 requests)" in told


def test_without_incidents_and_without_the_repository(history, past):
    shutil.rmtree(past.repo)
    told = json.loads(past.cli("stats", "--json").output)
    assert (told["branches"], told["merged"], told["open"]) == (3, 0, 0), "what is not known is not counted"
    shutil.rmtree(past.store.root / "incidents")
    empty = past.cli("stats")
    assert empty.exit_code == 0
    assert "none yet" in empty.output


def test_a_damaged_state_folder_is_counted_as_far_as_it_goes(past):
    (past.store.root / "incidents" / "sse-2" / "incident.json").write_text("{")
    (past.store.root / "incidents" / "sse-1" / "runs" / "1" / "result.json").write_text("[")
    (past.store.root / "incidents" / "mesh-1" / "log.txt").unlink()
    told = json.loads(past.cli("stats", "--json").output)
    assert told["outcomes"] == {"branch": 3, "interrupted": 1}


def test_the_page_has_plots_and_needs_nothing_else(past, tmp_path):
    target = tmp_path / "stats.html"
    assert past.cli("stats", "--html", str(target)).exit_code == 0
    page = target.read_text()
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(tag)  # type: ignore[method-assign]
    parser.feed(page)
    assert tags.count("svg") >= 8
    assert tags.count("circle") == 4 + 3
    assert "script" not in tags
    assert "default-src 'none'" in page
    assert not re.findall(r'(?:src|href)="(?!data:,|#)', page)
    for part in ("vigil-1: branch after 30.0 s", "1 merged, 1 open", "grok-4", "$0.0610"):
        assert part in page
    percents = [float(found) for found in re.findall(r'(?:x|y|cx|cy|width|height)="(-?[\d.]+)%"', page)]
    assert percents
    assert all(-0.01 <= percent <= 100.01 for percent in percents)


def test_an_empty_page_says_so(history, tmp_path):
    assert history.cli("stats", "--html", str(tmp_path / "s.html")).exit_code == 0
    assert "None yet." in (tmp_path / "s.html").read_text()


@pytest.mark.parametrize(
    ("times", "told"),
    [([], (0, None, None)), ([4.0, None], (1, 4.0, 4.0)), ([1.0, 2.0, 3.0, 100.0], (4, 2.5, 70.9))],
)
def test_spread(times, told):
    found = spread(times)
    assert (found.count, found.median, found.p90) == told


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), ["sse-2", "sse-1", "mesh-1", "vigil-2", "vigil-1"]),
        (("--service", "sse"), ["sse-2", "sse-1"]),
        (("--outcome", "captured"), ["sse-2"]),
        (("--category", "bad_data", "--until", "4d"), ["mesh-1", "vigil-2", "vigil-1"]),
        (("--since", "4d"), ["sse-2", "sse-1"]),
        (("--branch", "--limit", "2"), ["mesh-1", "vigil-2"]),
        (("--no-branch",), ["sse-2", "sse-1"]),
        (("--search", "NOT_FIX"), ["sse-1"]),
        (("--search", "nothing"), []),
    ],
)
def test_incidents_are_filtered(past, words, names):
    assert [row["id"] for row in json.loads(past.cli("incidents", "--json", *words).output)] == names
