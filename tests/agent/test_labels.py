"""Labels are read from the syntax tree: what a patch hides and what it drops."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agent.labels import labels_of

BASE = """
    import json
    from shared.rules import evaluate, load
    from .feed import Feed

    class Service:
        async def start(self):
            await self.pubsub.subscribe("massive:spot", "vix:spot")
            self.tasks = [asyncio.create_task(self.watch()), asyncio.create_task(self.sweep())]
            Feed(self)

        async def on_spot(self, message):
            spot = json.loads(message)
            change = spot["price"] / spot["prev_close"]
            await self.redis.set("vigil:last", evaluate(change))
            await self.redis.publish("vigil:events", change)

        @app.get("/health")
        def health(self):
            return load(self)
"""

CASES = {
    "a guard that skips one bad item": (
        "spot = json.loads(message)",
        'spot = json.loads(message)\n            if not spot.get("prev_close"):\n                return',
        set(),
    ),
    "a broad except that logs": (
        'change = spot["price"] / spot["prev_close"]',
        'try:\n                change = spot["price"] / spot["prev_close"]\n'
        "            except Exception as error:\n                self.logger.error(str(error))\n                return",
        {"workaround: a broad except in on_spot", "workaround: a swallowed error in on_spot"},
    ),
    "a narrow except that goes on": (
        'change = spot["price"] / spot["prev_close"]',
        'try:\n                change = spot["price"] / spot["prev_close"]\n            except KeyError:\n                change = 0',
        {"workaround: a swallowed error in on_spot"},
    ),
    "a narrow except that raises a clearer error": (
        'change = spot["price"] / spot["prev_close"]',
        'try:\n                change = spot["price"] / spot["prev_close"]\n'
        "            except KeyError as error:\n                raise BadSpot(spot) from error",
        set(),
    ),
    "a made-up default": (
        'spot["price"] / spot["prev_close"]',
        'spot["price"] / spot.get("prev_close", 1)',
        {"workaround: a default for 'prev_close' in on_spot"},
    ),
    "a made-up default by or": (
        'spot["price"] / spot["prev_close"]',
        'spot["price"] / (spot.get("prev_close") or 1)',
        {"workaround: a default for 'prev_close' in on_spot"},
    ),
    "a suppressed error": (
        "spot = json.loads(message)",
        "with contextlib.suppress(ValueError):\n                spot = json.loads(message)",
        {"workaround: a suppressed error in on_spot"},
    ),
    "an import deleted": ("from .feed import Feed\n", "\n", {"drops behaviour: import Feed"}),
    "an import moved": ("from .feed import Feed\n", "from .feeds.spot import Feed\n", set()),
    "a worker not started": (
        ", asyncio.create_task(self.sweep())",
        "",
        {"drops behaviour: task sweep()"},
    ),
    "a subscription removed": (', "vix:spot"', "", {"drops behaviour: subscription vix:spot"}),
    "a key not written": (
        'await self.redis.set("vigil:last", evaluate(change))',
        "evaluate(change)",
        {"drops behaviour: key vigil:last"},
    ),
    "a route dropped": ('@app.get("/health")\n', "\n", {"drops behaviour: route app.get('/health')"}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_patch_hides_or_drops_is_labelled(name: str) -> None:
    search, replace, expected = CASES[name]
    assert search in BASE
    before, after = dedent(BASE), dedent(BASE.replace(search, replace))
    found = labels_of({"main.py": before}, {"main.py": after})
    assert {str(label) for label in found} == expected


def test_code_that_only_moves_between_files_is_no_loss() -> None:
    base = "import json\n\ndef read(x):\n    return json.loads(x)\n"
    moved = {"a.py": "from .b import read\n", "b.py": base}
    assert labels_of({"a.py": base}, moved) == ()


def test_what_does_not_parse_is_left_to_the_build_rung() -> None:
    assert labels_of({"a.py": "x = 1\n"}, {"a.py": "x = = 1\n"}) == ()
