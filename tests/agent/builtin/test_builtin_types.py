"""Values of the wrong type, and what runs side by side. Each fault is run, mended and run again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.agent.builtin.conftest import Service

FILE = "services/vigil/intel/a.py"
RUN = "import services.vigil.intel.a as a\nprint(a.f())"


@pytest.mark.parametrize(
    ("source", "printed", "line"),
    [
        pytest.param(
            "CONFIG = {'MAX': '120'}\n\n\ndef pause(now, longest):\n    return min(now * 2, longest)\n\n\n"
            "def f():\n    first = float(CONFIG.get('FIRST', 3))\n    longest = CONFIG.get('MAX', 60)\n"
            "    return pause(first, longest)\n",
            "6.0",
            "    longest = float(CONFIG.get('MAX', 60))",
            id="a setting is a text: made a number where it is read, in the caller",
        ),
        pytest.param(
            "def f():\n    row = {'n': '3'}\n    return row['n'] - 1\n",
            "2",
            "    return int(row['n']) - 1",
            id="a field is a text",
        ),
        pytest.param(
            "def f():\n    return number('x'), number('3')\n\n\ndef number(text):\n    return float(text)\n",
            "(None, 3.0)",
            "    except ValueError:",
            id="a text that is no number",
        ),
        pytest.param(
            "import json\n\n\ndef f():\n    found = []\n    for raw in ('{', '', '[1]'):\n        if not raw:\n"
            "            continue\n        found.append(json.loads(raw))\n    return found\n",
            "[[1]]",
            "        except ValueError:",
            id="a text that is no JSON",
        ),
        pytest.param(
            "import json\nfrom datetime import date\n\n\ndef f():\n    return json.dumps({'day': date(2026, 3, 2)})\n",
            '{"day": "2026-03-02"}',
            "    return json.dumps({'day': date(2026, 3, 2)}, default=str)",
            id="a date in a document",
        ),
        pytest.param(
            "from datetime import datetime\n\nSTART = datetime.fromisoformat('2026-03-02T10:00:00+00:00')\n\n\n"
            "def f():\n    return (datetime.utcnow() - START).days >= 0\n",
            "True",
            "    return (datetime.now(timezone.utc) - START).days >= 0",
            id="a clock without a zone",
        ),
        pytest.param(
            "import hashlib\n\n\ndef f():\n    text = 'x'\n    return hashlib.sha256(text).hexdigest()[:4]\n",
            "2d71",
            "    return hashlib.sha256(text.encode()).hexdigest()[:4]",
            id="a text where bytes are wanted",
        ),
        pytest.param(
            "import asyncio\n\n\nasync def load():\n    return {'n': 1}\n\n\nasync def work():\n    row = load()\n"
            "    return row['n']\n\n\ndef f():\n    return asyncio.run(work())\n",
            "1",
            "    row = await load()",
            id="an await that was forgotten",
        ),
        pytest.param(
            "import asyncio\n\n\ndef load():\n    return 1\n\n\nasync def work():\n    return await load()\n\n\n"
            "def f():\n    return asyncio.run(work())\n",
            "1",
            "    return load()",
            id="an await of what is no coroutine",
        ),
        pytest.param(
            "def f():\n    seen = {1: 2, 3: 4}\n    for key in seen:\n        if key == 1:\n            seen.pop(key)\n"
            "    return seen\n",
            "{3: 4}",
            "    for key in list(seen):",
            id="a table changed while it is read",
        ),
    ],
)
def test_the_likeliest_repair_ends_the_crash(service: Service, source: str, printed: str, line: str) -> None:
    service.commit({FILE: source})
    assert service.mended(RUN) == printed
    assert line in (service.path / FILE).read_text().splitlines()


def test_where_a_text_is_used_it_comes_with_a_test_that_fails_before_and_passes_after(
    service: Service,
) -> None:
    source = "def longest(now, new, most):\n    if new:\n        return now\n    return min(now * 2, most)\n"
    service.commit({FILE: source})
    run = "import services.vigil.intel.a as a\nprint(a.longest(1.0, 0, '5'))"
    (offer,) = [one for one in service.offers(run) if one.test is not None]
    assert offer.test is not None
    called = offer.test[1] + "\n\ntest_longest_takes_a_number_as_text()\n"
    assert "TypeError" in service.run(called).stderr
    (service.path / FILE).write_text(offer.files[FILE])
    assert service.run(called).returncode == 0
