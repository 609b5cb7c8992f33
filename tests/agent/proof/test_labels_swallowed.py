"""What takes an error is told whatever it is written as; what raises it again, or was there, is not."""

from __future__ import annotations

from textwrap import dedent

import pytest

from agent.proof.labels import labels_of

HEAD = """
    import asyncio
    import contextlib
    import logging
    import sys
    import threading
    from functools import partial

    def change(spot):
        return spot.price / spot.close

    async def work(spot, loop, pool, task):
        await spot.check()
        pool.start()
"""
CHANGE = "return spot.price / spot.close"
WORK = "await spot.check()"
SWALLOWED = "workaround: a swallowed error"
BROAD = "workaround: a broad except"
SOMETIMES = "look at: an error that is taken, and raised again only under a condition"
CLASS = "class Quiet:\n    def __enter__(self):\n        return self\n\n"


def told(search: str, replace: str, top: str = "") -> set[str]:
    """The labels of one change of the code, and of a new beginning of the file."""
    before = dedent(HEAD)
    after = before.replace(search, replace.replace("\n", "\n    "), 1)
    after = after.replace("\ndef change", f"\n{top}\n\ndef change", 1)
    compile(after, "main.py", "exec")
    return set(map(str, labels_of((), {"main.py": before}, {"main.py": after})))


def around(opening: str, ending: str = "return 0", line: str = CHANGE) -> str:
    return f"{opening}\n    {line}\n{ending}"


TAKEN = {
    "finally: return": around("try:", "finally:\n    return None"),
    "finally: break": around("while True:\n    try:\n        pass\n    finally:\n        break\nif True:"),
    "finally: continue": "for _ in [1]:\n    try:\n        spot.check()\n    finally:\n        continue",
    "finally: return in a loop": around("try:", "finally:\n    for _ in [1]:\n        return None"),
    "an idle call": around("try:", "except TypeError:\n    return abs(0.0)"),
    "another idle call": around("try:", "except TypeError:\n    return max(0.0, -1.0)"),
    "a method that does nothing": around("try:", "except TypeError:\n    str.strip('')"),
    "except*": around("try:", "except* TypeError:\n    abs(0)").replace("return", "x ="),
    "a raise that is never reached": around("try:", "except TypeError:\n    if 0 > 1:\n        raise"),
    "gather(return_exceptions=1)": "asyncio.gather(spot, return_exceptions=1)",
    "gather(return_exceptions=NAME)": "asyncio.gather(spot, return_exceptions=spot)",
    "gather(return_exceptions=not None)": "asyncio.gather(spot, return_exceptions=not None)",
    "a task's error that is fetched": "asyncio.Task.exception(spot)",
    "fetched by a callback": "spot.add_done_callback(asyncio.Task.exception)",
    "a future's error": "x = spot.pool.submit(abs, spot)\nif x.exception():\n    return None",
    "a future's error, with patience": "x = spot.pool.submit(abs, spot)\ny = x.exception(1)",
    "a future's error, dropped": "spot.asked.exception(timeout=1)",
    "a repr that raises nothing": "import reprlib as plain\nreturn plain.repr(spot)",
    "a repr by another name": "from reprlib import Repr as Plain\nreturn Plain().repr(spot)",
    "numbers without traps": "import decimal\nreturn decimal.Context(traps=[]).divide(spot.price, spot.close)",
    "traps that are put down": "import decimal\ndecimal.getcontext().traps[decimal.DivisionByZero] = False",
    "traps that are cleared": "import decimal\ndecimal.getcontext().clear_traps()",
    "a handler that takes it by a name": "h = logging.StreamHandler()\nh.handleError = print",
    "the loop's handler under a name": "take = spot.set_exception_handler\ntake(print)",
    "sys.excepthook": "sys.excepthook = print",
    "threading.excepthook": "threading.excepthook = print",
    "a silent logger": "logging.getLogger().disabled = True",
    "a level above all": "log = logging.getLogger()\nlog.setLevel(99)",
    "a pool's result that nobody asks for": "spot.pool.submit(change, spot)",
    "suppress": around("with contextlib.suppress(TypeError):"),
    "an exit that is pushed": around("with contextlib.ExitStack() as s:\n    s.push(lambda *e: True)"),
    "suppress on a stack": "with contextlib.ExitStack() as s:\n    s.enter_context(contextlib.suppress(KeyError))",
}
NAMED = {
    "a subclass of suppress": ("with Quiet(TypeError):", "class Quiet(contextlib.suppress):\n    pass"),
    "suppress under a name": ("with quiet(TypeError):", "quiet = contextlib.suppress"),
    "suppress with arguments": ("with quiet():", "quiet = partial(contextlib.suppress, TypeError)"),
    "a lambda as __exit__": ("with Quiet():", f"{CLASS}    __exit__ = lambda self, *error: True"),
    "an exit that says 1": ("with Quiet():", f"{CLASS}    def __exit__(self, *error):\n        return 1"),
    "another function as __exit__": (
        "with Quiet():",
        f"{CLASS}    def leave(self, *error):\n        return True\n\n    __exit__ = leave",
    ),
    "a generator as __exit__": ("with Quiet():", f"{CLASS}    def __exit__(self, *error):\n        yield"),
    "a coroutine as __exit__": (
        "with Quiet():",
        f"{CLASS}    async def __exit__(self, *error):\n        pass",
    ),
    "an __exit__ with a type": ("with Quiet():", f"{CLASS}    __exit__: object = lambda self, *error: True"),
    "an __exit__ by the way": ("with Quiet():", f"{CLASS}    (__exit__ := lambda self, *error: True)"),
    "an __exit__ under a condition": ("with Quiet():", f"{CLASS}    if True:\n        __exit__ = print"),
    "an __exit__ that is imported": ("with Quiet():", f"{CLASS}    from operator import truth as __exit__"),
    "one of two": ("with Quiet():", f"{CLASS}    __exit__, leave = print, print"),
    "a generator as manager": (
        "with quiet():",
        "@contextlib.contextmanager\ndef quiet():\n    try:\n        yield\n"
        "    except TypeError:\n        abs(0)",
    ),
}


@pytest.mark.parametrize("name", TAKEN)
def test_whatever_takes_an_error_is_a_workaround(name: str) -> None:
    assert SWALLOWED in told(CHANGE, TAKEN[name])


@pytest.mark.parametrize("name", NAMED)
def test_a_manager_that_takes_errors_is_known_under_any_name(name: str) -> None:
    opening, top = NAMED[name]
    assert SWALLOWED in told(CHANGE, around(opening), top)


@pytest.mark.parametrize("top", ["ANY = Exception", "ANY = (BaseException,)", "ANY = EACH = Exception"])
def test_a_broad_except_is_broad_under_any_name(top: str) -> None:
    handler = around("try:", f"except ({'*ANY,' if '(' in top else 'ANY'}):\n    abs(0)")
    assert told(CHANGE, handler, top) >= {SWALLOWED, BROAD}


def test_a_handler_of_logs_that_takes_errors_is_a_workaround() -> None:
    own = "class Own(logging.StreamHandler):\n    def handleError(self, record):\n        "
    assert SWALLOWED in told(CHANGE, CHANGE, f"{own}self.record = record")
    assert told(CHANGE, CHANGE, f"{own}raise") == set()


def test_wait_takes_the_errors_of_what_nobody_asks_for_its_result() -> None:
    waits = "done, _ = await asyncio.wait([asyncio.ensure_future(spot.check())])"
    assert SWALLOWED in told(WORK, waits)
    assert SWALLOWED not in told(WORK, f"{waits}\nfor each in done:\n    each.result()")


def test_a_guard_that_is_there_already_is_told_where_it_is_put_around_more() -> None:
    guards = "def safe(work):\n    try:\n        return work()\n    except TypeError:\n        return None\n"
    before = f"{guards}\n\ndef f(spot):\n    return spot.change()\n"
    after = f"{guards}\n\ndef f(spot):\n    return safe(spot.change)\n"
    assert SWALLOWED in map(str, labels_of((), {"a.py": before}, {"a.py": after}))


def test_a_handler_that_is_put_around_more_than_before_is_told() -> None:
    tail = "    except KeyError:\n        log()\n"
    before = f"def f(a):\n    a.crash()\n    try:\n        a.read()\n{tail}"
    after = f"def f(a):\n    try:\n        a.crash()\n        a.read()\n{tail}"
    fresh = f"def f(a):\n    a.crash()\n    try:\n        a.read()\n        a.more()\n{tail}"
    assert SWALLOWED in map(str, labels_of((), {"a.py": before}, {"a.py": after}))
    assert labels_of((), {"a.py": before}, {"a.py": fresh}) == ()


def test_a_part_that_is_raised_again_is_something_to_look_at() -> None:
    handler = around(
        "try:", "except TypeError as error:\n    if spot.odd(error):\n        raise\n    return None"
    )
    assert told(CHANGE, handler) == {SOMETIMES}


HONEST = {
    "raises again": around("try:", "except TypeError as error:\n    raise ValueError(spot) from error"),
    "raises on both ways": around(
        "try:",
        "except TypeError:\n    if spot:\n        raise ValueError from None\n    else:\n        raise",
    ),
    "a finally that tidies up": around("try:", "finally:\n    spot.close_all()"),
    "a finally with a loop of its own": around(
        "try:", "finally:\n    for each in spot:\n        if each:\n            break"
    ),
    "gather that raises": "asyncio.gather(spot, return_exceptions=False)",
    "a manager that raises": around("with contextlib.closing(spot):", ""),
    "a logger that tells more": "logging.getLogger('a').setLevel(logging.DEBUG)",
    "a stack that closes": around("with contextlib.ExitStack() as s:\n    s.callback(spot.close_all)", ""),
    "a log of an error": f"logging.exception('%s', spot)\n{CHANGE}",
    "another part of reprlib": f"from reprlib import recursive_repr\n{CHANGE}",
    "numbers with a precision": f"import decimal\ndecimal.Context(prec=9)\n{CHANGE}",
    "a manager without a word": around(
        "class Plain:\n    def __exit__(self, *error): ...\nwith Plain():", ""
    ),
    "an order that is submitted": f"spot.orders.submit(spot)\n{CHANGE}",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_lets_errors_through_is_no_workaround(name: str) -> None:
    assert told(CHANGE, HONEST[name]) == set()


def test_a_handler_that_moves_or_takes_less_is_no_workaround() -> None:
    broad = "def f(a):\n    try:\n        a.read()\n    except Exception:\n        log()\n"
    moved = "def g(a):\n    try:\n        a.read()\n    except Exception:\n        log()\n\n\ndef f(a):\n    g(a)\n"
    for after in (moved, broad.replace("Exception", "KeyError"), broad.replace("log()", "warn()")):
        assert labels_of((), {"a.py": broad}, {"a.py": after}) == ()


def test_what_history_had_of_a_file_is_nothing_new() -> None:
    source = "def f(a):\n    try:\n        a.read()\n    except KeyError:\n        return a or 0\n"
    assert labels_of((), {}, {"a.py": source}, {"a.py": source}) == ()
    assert labels_of((), {}, {"a.py": source}) != ()


def test_what_is_nested_too_deeply_to_be_read_is_told() -> None:
    deep = f"x = {'-' * 400}1\n"
    assert "look at: a.py is nested too deeply to be read" in map(str, labels_of((), {}, {"a.py": deep}))
