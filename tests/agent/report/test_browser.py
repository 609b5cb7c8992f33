"""The page in a real browser: rendered on a phone and on a desk, and no request leaves it."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

PHONE, DESK = 375, 1280
PROBE = """<body style="margin:0"><iframe id="f" src="{src}" style="border:0;width:{width}px;height:1600px"></iframe>
<pre id="told"></pre><script>
f.onload = () => {{ const d = f.contentDocument.documentElement, b = f.contentDocument.body;
  const wide = [...b.querySelectorAll('*')].filter(e => !e.closest('.scroll, .skip, thead') && e.getBoundingClientRect().right > {width} + 1);
  const cards = b.querySelector('.cards').getBoundingClientRect();
  told.textContent = JSON.stringify({{scroll: d.scrollWidth, wide: wide.map(e => e.tagName), title: f.contentDocument.title,
    bottom: cards.bottom, columns: getComputedStyle(b.querySelector('.cards')).gridTemplateColumns.split(' ').length,
    small: [...b.querySelectorAll('p,td,span,code,dd')].filter(e => parseFloat(getComputedStyle(e).fontSize) < 12).length}}); }};
</script>"""


class Site:
    """Serves a folder on a free port and remembers what it was asked for."""

    def __init__(self, folder: Path) -> None:
        asked = self.asked = list[str]()

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args: object) -> None:
                super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

            def log_request(self, *_: object) -> None:
                asked.append(self.path)

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site(tmp_path, healed) -> Iterator[Site]:
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "report.html").write_bytes(healed.page.read_bytes())
    for width in (PHONE, DESK):
        (folder / f"probe-{width}.html").write_text(PROBE.format(src="report.html", width=width))
    site = Site(folder)
    yield site
    site.server.shutdown()
    site.server.server_close()


def told(browser, site, width: int) -> dict[str, object]:
    dom = browser.dom(f"{site.url}/probe-{width}.html")
    found = re.search(r'<pre id="told">(\{.*?\})</pre>', dom)
    assert found, dom[:500]
    return dict(json.loads(found[1]))


@pytest.mark.parametrize(("width", "columns"), [(PHONE, 1), (DESK, 2)])
def test_it_fits_the_screen_and_obeys_nobody(browser, site, width, columns):
    seen = told(browser, site, width)
    assert seen["scroll"] == width, seen
    assert seen["wide"] == []
    assert seen["columns"] == columns
    assert seen["small"] == 0
    assert str(seen["title"]).startswith("vigil: a proven patch"), "no text of a log became a script"
    assert [path for path in site.asked if "probe" not in path and "favicon" not in path] == ["/report.html"]


def test_it_is_read_from_a_file_and_looks_like_something(browser, healed, tmp_path):
    picture = browser.shot(healed.page.as_uri(), tmp_path / "desk.png", DESK, 800)
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 30_000, "an empty page is a few kilobytes"


def test_it_can_be_printed(browser, healed, tmp_path):
    target = tmp_path / "page.pdf"
    browser.run(healed.page.as_uri(), DESK, 800, f"--print-to-pdf={target}", "--no-pdf-header-footer")
    pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", target.read_bytes()))
    assert pages >= 3
