"""Every page in a real browser, on a phone and on a desk, light and dark: it fits, is legible, asks nobody."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.events import Ended, Noted
from agent.report import render_page, render_report
from agent.result import HealResult
from agent.watch.tickets import Ticket, write_ticket

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here"),
]

SIZES = {"phone": (390, 844), "desk": (1280, 800)}
HOSTILE = (
    "<script>document.title='owned'</script><img src=//evil.invalid/x onerror=\"document.title='owned'\">"
    "<style>body{display:none}</style>" + "unbroken" * 60
)
SEEN = """(() => {
  const of = (e) => getComputedStyle(e), all = [...document.body.querySelectorAll('*')];
  const shown = all.filter((e) => e.getClientRects().length && !e.closest('.skip, svg') && of(e).position !== 'absolute');
  const parts = (color) => (color.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (color) => { const [r, g, b] = parts(color).map((c) => { c /= 255; return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const back = (e) => { for (; e; e = e.parentElement) { const c = of(e).backgroundColor; if (parts(c).length < 4 || parts(c)[3] > 0) return c; } return 'rgb(255,255,255)'; };
  const ratio = (e) => { const [a, b] = [light(of(e).color), light(back(e))].sort((x, y) => y - x); return (a + .05) / (b + .05); };
  const texts = shown.filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()));
  return {
    scroll: document.documentElement.scrollWidth, width: document.documentElement.clientWidth, title: document.title,
    wide: shown.filter((e) => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80)),
    small: texts.filter((e) => parseFloat(of(e).fontSize) < 12).map((e) => e.outerHTML.slice(0, 80)),
    pale: texts.filter((e) => ratio(e) < 4.5).map((e) => e.outerHTML.slice(0, 80) + ratio(e)),
    low: shown.filter((e) => ['BUTTON', 'INPUT', 'SUMMARY'].includes(e.tagName) && e.getBoundingClientRect().height < 32).map((e) => e.outerHTML.slice(0, 80)),
    first: texts.filter((e) => e.getBoundingClientRect().top < innerHeight).map((e) => e.textContent).join(' '),
    scripts: [...document.scripts].map((s) => s.src), hidden: of(document.body).display };
})()"""


class Tab:
    """One tab of a headless Chromium, driven by its debugging protocol."""

    def __init__(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/json/list")
        pages = json.loads(connection.getresponse().read())
        connection.close()
        url = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass
        self.numbers = itertools.count(1)
        self.asked: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer; what happens meanwhile is taken note of."""
        number = next(self.numbers)
        raw = json.dumps({"id": number, "method": method, "params": params}).encode()
        assert len(raw) < 65536
        size = bytes([0x80 | len(raw)]) if len(raw) < 126 else b"\xfe" + struct.pack("!H", len(raw))
        self.socket.sendall(b"\x81" + size + b"\0\0\0\0" + raw)
        while True:
            message = json.loads(self.message())
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self.note(message.get("method"), message.get("params", {}))

    def message(self) -> bytes:
        data, is_last = b"", False
        while not is_last:
            first, size = self.stream.read(2)
            is_last = bool(first & 0x80)
            if size >= 126:
                size = int.from_bytes(self.stream.read(2 if size == 126 else 8), "big")
            data += self.stream.read(size)
        return data

    def note(self, method: str | None, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(params))

    def value(self, script: str) -> Any:
        return self.do("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def show(self, url: str, size: str, *, dark: bool) -> dict[str, Any]:
        """Open a page and look at it."""
        width, height = SIZES[size]
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"}
        self.do("Emulation.setDeviceMetricsOverride", **metrics)
        self.do("Emulation.setEmulatedMedia", features=[scheme])
        self.asked.clear()
        self.complaints.clear()
        self.do("Page.navigate", url=url)
        ends = time.monotonic() + 20
        while not self.value(f"document.readyState === 'complete' && location.href === {json.dumps(url)}"):
            assert time.monotonic() < ends
            time.sleep(0.05)
        return dict(self.value(SEEN))

    def close(self) -> None:
        self.stream.close()
        self.socket.close()


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    profile = tmp_path / "profile"
    argv = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
        "--remote-debugging-port=0", "about:blank",
    ]  # fmt: skip
    browser = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    told = profile / "DevToolsActivePort"
    ends = time.monotonic() + 30
    while not (told.exists() and len(told.read_text().split()) > 1):
        assert time.monotonic() < ends
        time.sleep(0.05)
    tab = Tab(int(told.read_text().split()[0]))
    try:
        yield tab
    finally:
        tab.close()
        browser.terminate()
        browser.wait(10)


@pytest.fixture
def filled(state, rung):
    """A heal that runs, one that ended in a branch and one that nobody can mend, with hostile words in all."""
    running = state.begin(state.incident("vigil-1"))
    running.append(Noted(HOSTILE))
    running.append(rung(1))
    for name, outcome in (("copilot-1", "branch"), ("mesh-1", "not_fixable")):
        folder = state.incident(name, service=name.partition("-")[0])
        run = state.begin(folder)
        run.append(Noted(HOSTILE))
        diagnosis = {
            "root_cause": f"A cause in `words`. {HOSTILE}",
            "category": "bad_data",
            "confidence": 0.9,
        }
        diagnosis |= {
            "fixable": outcome == "branch",
            "operator_action": None if outcome == "branch" else "start it",
        }
        result = HealResult(
            incident=name, run=1, service=name.partition("-")[0], commit="a" * 40, outcome=outcome,
            summary=HOSTILE, diagnosis=diagnosis, notes=(HOSTILE,), by_hand=(HOSTILE,),
            proof=[{"name": "gone", "state": "failed", "detail": HOSTILE}], labels=(HOSTILE,),
            branch=f"autoheal/{name}" if outcome == "branch" else None, way_back=HOSTILE, folder=str(run.path),
        )  # fmt: skip
        run.write("result.json", result.model_dump_json())
        run.append(Ended(outcome, HOSTILE, 1.0, 0.0))
        run.write("report.md", render_report(result, crash=HOSTILE, triage="", diff=""))
        run.write("report.html", render_page(result, run, None, None))
        write_ticket(folder.parent, Ticket(name, "mesh", "declined", reason=HOSTILE))
    return state


PAGES = {
    "/": ("1 heal runs", "gone: shown. step number 1"),
    "/stats": ("Looking back", "Incidents"),
    "/incidents/copilot-1/runs/1/report.html": ("mended on a branch", "Review the branch"),
    "/incidents/mesh-1/runs/1/report.html": ("down, but not by its own code", "start it"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_fits_is_legible_and_tells_its_story_first(tab, serve, filled, size, dark):
    served = serve()
    for path, story in PAGES.items():
        seen = tab.show(f"{served.url}{path}", size, dark=dark)
        assert seen["scroll"] <= seen["width"], path
        assert (seen["wide"], seen["small"], seen["pale"], seen["low"]) == ([], [], [], []), path
        assert seen["hidden"] == "block"
        assert "owned" not in seen["title"], "no text of a log became a script"
        assert seen["scripts"] == ([f"{served.url}/live.js"] if path == "/" else [])
        for part in story:
            assert part in seen["first"], f"{part!r} is not on the first screen of {path}"
        assert served.get(path).status == 200
        assert tab.complaints == [], "nothing of its own breaks the policy"
        assert all(url.startswith((served.url, "data:")) for url in tab.asked), tab.asked


def test_the_way_in_fits_too(tab, serve, filled):
    served = serve("--token")
    for size in SIZES:
        seen = tab.show(f"{served.url}/login", size, dark=False)
        assert seen["scroll"] <= seen["width"]
        assert (seen["wide"], seen["small"], seen["pale"], seen["low"]) == ([], [], [], [])
        assert "The token" in seen["first"]
        assert all(url.startswith((served.url, "data:")) for url in tab.asked)


def test_a_script_that_got_in_all_the_same_does_not_run(tab, serve, filled):
    """The policy stops a script that got in all the same: an inline one does not run."""
    served = serve()
    tab.show(f"{served.url}/", "desk", dark=False)
    tab.value("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    tab.value(
        "const s = document.createElement('script'); s.text = 'document.title = 2'; document.body.append(s)"
    )
    tab.value("fetch('http://127.0.0.2:9/').catch(() => 0)")
    ends = time.monotonic() + 10
    while not any("127.0.0.2" in text for text in tab.complaints):
        assert time.monotonic() < ends, tab.complaints
        tab.value("1")
        time.sleep(0.1)
    assert tab.value("document.title") not in ("1", "2")
    assert sum("Content Security Policy" in text for text in tab.complaints) >= 3, tab.complaints
