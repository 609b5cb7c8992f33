"""Labels are read from the syntax tree: what a patch hides and what it drops."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agent.proof.labels import labels_of, only_tests_import

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
    "an import deleted": ("from .feed import Feed\n", "\n", {"drops behaviour: import Feed"}),
    "an import moved": ("from .feed import Feed\n", "from .feeds.spot import Feed\n", set()),
    "a name that is called otherwise now": (
        "from shared.rules import evaluate, load",
        "from shared.rules import judge, load",
        set(),
    ),
    "a route taken out": (
        '        @app.get("/health")\n',
        '        server.route("GET", "/health", health)\n        @app.get("/health")\n',
        set(),
    ),
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
    "a key that is called otherwise now": (
        '"vigil:last"',
        '"vigil:latest"',
        {"look at: key vigil:last gave way to something else"},
    ),
    "a worker that is waited for instead": (
        "self.tasks = [asyncio.create_task(self.watch()), asyncio.create_task(self.sweep())]",
        "self.tasks = [asyncio.create_task(self.watch())]\n            await self.sweep()",
        {"look at: task sweep() gave way to something else"},
    ),
    "an import for which something else is called": (
        "from shared.rules import evaluate, load",
        "from shared.rules import evaluate\n    assert settings()",
        {"look at: import load gave way to something else"},
    ),
    "a route dropped": ('@app.get("/health")\n', "\n", {"drops behaviour: route app.get('/health')"}),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_patch_hides_or_drops_is_labelled(name: str) -> None:
    search, replace, expected = CASES[name]
    assert search in BASE
    before, after = dedent(BASE), dedent(BASE.replace(search, replace))
    found = labels_of((), {"main.py": before}, {"main.py": after})
    assert {str(label) for label in found} == expected


def test_code_that_only_moves_between_files_is_no_loss() -> None:
    base = "import json\n\ndef read(x):\n    return json.loads(x)\n"
    moved = {"a.py": "from .b import read\n", "b.py": base}
    assert labels_of((), {"a.py": base}, moved) == ()


def test_what_does_not_parse_is_left_to_the_build_rung() -> None:
    assert labels_of((), {"a.py": "x = 1\n"}, {"a.py": "x = = 1\n"}) == ()


def test_the_gates_flags_are_told_in_the_reviewers_words() -> None:
    told = [str(label) for label in labels_of(("broad-except", "starts-process"), {}, {})]
    assert told == ["workaround: a broad except", "look at: starts-process"]


def test_data_that_is_dropped_is_labelled_and_data_that_is_mended_is_not() -> None:
    feeds = '{"feeds": ["macro", "vol"\n "tech"]}'

    def told(after: str) -> list[str]:
        return [str(label) for label in labels_of((), {"feeds.json": feeds}, {"feeds.json": after})]

    assert told('{"feeds": ["macro", "vol",\n "tech"]}') == []
    assert told('{"feeds": ["macro", "vol", "rates"]}') == []
    assert told('{"feeds": ["macro"]}') == ["drops behaviour: data of feeds.json"]


def test_a_middleware_that_is_gone_is_labelled() -> None:
    before = {"api.py": "app.add_middleware(TokenCheck, secret=key)\n"}
    told = labels_of((), before, {"api.py": "app.state.ready = True\n"})
    assert [str(label) for label in told] == ["drops behaviour: middleware TokenCheck"]


def test_a_registered_route_that_is_gone_is_labelled() -> None:
    before = {"api.py": "server.route('GET', '/a', a)\nserver.route('POST', '/b', b)\n"}
    told = labels_of((), before, {"api.py": "server.route('GET', '/a', a)\n"})
    assert {str(label) for label in told} >= {"drops behaviour: route /b", "drops behaviour: route POST"}


def test_a_method_that_only_its_handler_is_left_of_is_dropped() -> None:
    before = {"api.py": "server.route('POST', '/b', self.b)\n"}
    told = labels_of((), before, {"api.py": "server.route('/b', self.b)\n"})
    assert "drops behaviour: route POST" in map(str, told)


def test_the_method_that_goes_without_saying_is_not_dropped_by_saying_nothing() -> None:
    before = {"api.py": "server.route('GET', '/b', self.b)\n"}
    assert labels_of((), before, {"api.py": "server.route('/b', self.b)\n"}) == ()


def test_a_method_that_is_named_at_another_place_of_the_call_is_something_to_look_at() -> None:
    before = {"api.py": "server.route('POST', '/b', self.b)\n"}
    told = labels_of((), before, {"api.py": "server.route('/b', self.b, methods=['POST'])\n"})
    assert {label.name for label in told} == {"look at"}


DEAD = {
    "a return before it": "    return\n    {work}\n",
    "a branch never taken": "    if False:\n        {work}\n",
    "a loop never entered": "    while 0:\n        {work}\n",
    "the other branch": "    if True:\n        pass\n    else:\n        {work}\n",
}


@pytest.mark.parametrize("name", DEAD)
def test_what_is_never_run_is_not_served(name: str) -> None:
    work = 'bus.publish("vigil:events", event)'
    before = {"a.py": f"def tell(bus, event):\n    {work}\n"}
    told = labels_of((), before, {"a.py": f"def tell(bus, event):\n{DEAD[name].format(work=work)}"})
    assert [str(label) for label in told] == ["drops behaviour: channel vigil:events"]
    assert labels_of((), before, {"a.py": f"def tell(bus, event):\n    if True:\n        {work}\n"}) == ()


def test_a_helper_that_only_tests_import_is_told() -> None:
    helper, test = "services/vigil/checks.py", "services/vigil/tests/test_a.py"
    tests_only = {helper: "", test: "from services.vigil.checks import is_right\n"}
    assert only_tests_import(helper, tests_only)
    assert not only_tests_import(helper, {**tests_only, "services/vigil/main.py": "from . import checks\n"})
    assert not only_tests_import("services/vigil/main.py", tests_only)
