"""What was served and is no more, wherever it stood; what only looks gone is something to look at."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agent.proof.labels import labels_of

BASE = """
    import asyncio
    NEVER = False

    class Service:
        async def start(self, bus, loop):
            bus.publish("a:events", 1)
            bus.sadd("a:set", 1)
            bus.zadd("a:sorted", {"a": 1})
            bus.incr("a:count")
            bus.setex("a:short", 1, 2)
            bus.hincrby("a:hash", "b", 1)
            bus.xadd("a:stream", {"b": 1})
            bus.expire("a:stream", 60)
            await self.load()
            await asyncio.wait_for(self.warm(), 5)
            await asyncio.gather(self.watch(), self.sweep())
            for job in [self.beat, self.trim]:
                asyncio.create_task(job())
            loop.call_later(1, self.later)

        async def load(self): ...
        async def warm(self): ...
        async def watch(self): ...
        async def sweep(self): ...
        async def beat(self): ...
        async def trim(self): ...
        def later(self): ...

        @app.api_route("/a")
        def a(self): ...

        @app.exception_handler(KeyError)
        def odd(self): ...
"""
PUBLISH = 'bus.publish("a:events", 1)'
CHANNEL = "drops behaviour: channel a:events"
LOOK = " gave way to something else"


def told(search: str, replace: str) -> set[str]:
    before = dedent(BASE)
    assert search in before
    after = before.replace(search, replace.replace("\n", "\n        "))
    compile(after, "main.py", "exec")
    return set(map(str, labels_of((), {"main.py": before}, {"main.py": after})))


GONE = {
    'bus.sadd("a:set", 1)': "key a:set",
    'bus.zadd("a:sorted", {"a": 1})': "key a:sorted",
    'bus.incr("a:count")': "key a:count",
    'bus.setex("a:short", 1, 2)': "key a:short",
    'bus.hincrby("a:hash", "b", 1)': "key a:hash",
    'bus.xadd("a:stream", {"b": 1})': "key a:stream",
    "await self.load()": "call load()",
    "await asyncio.wait_for(self.warm(), 5)": "call warm()",
    "loop.call_later(1, self.later)": "task later",
}


@pytest.mark.parametrize("line", GONE)
def test_a_line_that_worked_and_is_gone_is_a_drop(line: str) -> None:
    assert told(line, "pass") == {f"drops behaviour: {GONE[line]}"}


@pytest.mark.parametrize(
    ("member", "name"),
    [(", self.sweep()", "sweep()"), ("self.watch(), ", "watch()"), (", self.trim", "trim")],
)
def test_a_worker_that_is_left_out_of_many_is_a_drop(member: str, name: str) -> None:
    assert f"drops behaviour: task {name}" in told(member, "")


def test_what_a_function_was_registered_for_is_dropped_with_the_decorator() -> None:
    assert told('@app.api_route("/a")', "") == {"drops behaviour: route app.api_route('/a')"}
    gone = told("@app.exception_handler(KeyError)", "")
    assert gone == {"drops behaviour: handler app.exception_handler(KeyError)"}


NEVER = {
    "not 1": "if not 1:\n    {work}",
    "a comparison": "if 0 > 1:\n    {work}",
    "no member": "if 1 in ():\n    {work}",
    "a name": "if NEVER:\n    {work}",
    "a name of a name": "if NEVER and loop:\n    {work}",
    "an empty collection": "if []:\n    {work}",
    "while False": "while False:\n    {work}",
    "while a name": "while NEVER:\n    {work}",
    "for nothing": "for _ in ():\n    {work}",
    "behind and": "False and {work}",
    "behind or": "1 or {work}",
    "if, else": "{work} if 0 else None",
    "behind an endless loop": "while True:\n    loop()\n{work}",
    "behind a loop that returns": "while True:\n    return\n{work}",
    "behind both branches": "if loop:\n    return\nelse:\n    raise\n{work}",
    "behind a try that returns": "try:\n    return\nfinally:\n    pass\n{work}",
}


@pytest.mark.parametrize("name", NEVER)
def test_what_stands_where_nothing_comes_is_dropped(name: str) -> None:
    assert CHANNEL in told(PUBLISH, NEVER[name].format(work=PUBLISH))


MAYBE = {
    "under a new condition": (
        f"if bus is self:\n    {PUBLISH}",
        "look at: channel a:events stands under a condition now",
    ),
    "renamed": ('bus.publish("a:event", 1)', f"look at: channel a:events{LOOK}"),
    "in a function that nobody names": (
        f"def tell():\n    {PUBLISH}\n",
        f"look at: channel a:events{LOOK}",
    ),
}


@pytest.mark.parametrize("name", MAYBE)
def test_what_cannot_be_told_from_right_is_something_to_look_at(name: str) -> None:
    replace, expected = MAYBE[name]
    found = told(PUBLISH, replace)
    assert expected in found
    assert CHANNEL not in found


def test_upkeep_that_is_gone_and_an_import_in_whose_place_something_stands_are_looked_at() -> None:
    assert told('bus.expire("a:stream", 60)', "pass") == {f"look at: upkeep of key a:stream{LOOK}"}
    before = {"a.py": "from b import load\n\n\ndef f():\n    return load()\n"}
    after = {"a.py": "def load():\n    return None\n\n\ndef f():\n    return load()\n"}
    assert f"look at: import load{LOOK}" in map(str, labels_of((), before, after))


HONEST = {
    "a condition that always holds": (PUBLISH, f"if 1 > 0:\n    {PUBLISH}"),
    "in another function that is called": (PUBLISH, f"def tell():\n    {PUBLISH}\n\ntell()"),
    "after a guard": (PUBLISH, f"if bus is None:\n    return\n{PUBLISH}"),
    "a group in place of gather": (
        "await asyncio.gather(self.watch(), self.sweep())",
        "async with asyncio.TaskGroup() as group:\n    group.create_task(self.watch())\n"
        "    group.create_task(self.sweep())",
    ),
    "another order": ("self.watch(), self.sweep()", "self.sweep(), self.watch()"),
    "in time": ("await self.load()", "await asyncio.wait_for(self.load(), 5)"),
    "a cache that is none any more": ("NEVER = False", "NEVER = bool(asyncio)"),
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_still_done_is_no_loss(name: str) -> None:
    assert told(*HONEST[name]) == set()


DATA = {
    "numbers": ("x.json", '{"feeds": [1, 2, 3], "on": true}', '{"feeds": [], "on": true}', True),
    "emptied texts": ("x.json", '["macro", "vol"]', '["", "-"]', True),
    "broken numbers": ("x.json", '{"feeds": [1, 2 3]}', '{"feeds": [1]}', True),
    "a line of YAML": ("x.yaml", "- macro\n- vol\n", "- macro\n", True),
    "an entry of TOML": ("x.toml", "[a]\nb = 1\nc = 2\n", "[a]\nb = 1\n", True),
    "another number": ("x.json", '{"feeds": [1, 2]}', '{"feeds": [1, 3]}', False),
    "the same twice": ("x.json", '["macro", "macro"]', '["macro"]', False),
    "a mended comma": ("x.json", '{"feeds": [1, 2 3]}', '{"feeds": [1, 2, 3]}', False),
    "a comment of YAML": ("x.yml", "- macro # all\n# more\n", "- macro\n", False),
    "another value of TOML": ("x.toml", "a = 1\n", "a = 2\nb = 3\n", False),
}


@pytest.mark.parametrize("name", DATA)
def test_entries_of_data_that_are_gone_are_a_drop(name: str) -> None:
    path, before, after, dropped = DATA[name]
    found = list(map(str, labels_of((), {path: before}, {path: after})))
    assert found == ([f"drops behaviour: data of {path}"] if dropped else [])
