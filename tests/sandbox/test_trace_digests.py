"""What a call was given is told apart from anything else that it could have been given."""

from __future__ import annotations

import contextvars
import sys
import time
import types
from array import array
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest

from sandbox.inside.trace_digest import NO_DATA, UNTOLD, Digests
from sandbox.inside.trace_plain import NOW, Teller

Pair = namedtuple("Pair", "one other")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class Side(Enum):
    UP = 1
    DOWN = 2


class Slotted:
    __slots__ = ("other", "price")

    def __init__(self, price: float) -> None:
        self.price = price


@dataclass(frozen=True, slots=True)
class Spot:
    price: float
    close: float | None = None

    def change(self) -> None:
        """The culprit."""

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError("the service's own code was run")


class Lying(dict[str, int]):
    def items(self) -> Any:
        raise AssertionError("the service's own code was run")

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise AssertionError("the service's own code was run")


class Price(float):
    def __float__(self) -> float:
        raise AssertionError("the service's own code was run")


def generated(numbers: list[int]) -> Iterator[int]:
    yield from numbers


def told(value: Any) -> str | None:
    return Teller(lambda kind: kind.__module__ == __name__).told(value, 20_000)[0]


OTHERS: list[tuple[object, object]] = [
    (-1, -2),
    (0, 2**61 - 1),
    (1, 1.0),
    (0.5, 0.25),
    ("x" * 50_001, "x" * 50_000 + "y"),
    (b"x" * 201, b"x" * 200 + b"y"),
    ("a", b"a"),
    (list(range(52)), [*range(51), None]),
    (list(range(9_000)), [*range(8_999), 0]),
    ({"a": list(range(60))}, {"a": [*range(59), 0]}),
    ([1, 2], (1, 2)),
    (1_700_000_000.0, 1_700_000_060.0),
    (1_700_000_000_000, 1_700_000_060_000),
    (NOON, NOON + timedelta(seconds=1)),
    (NOON, NOON.astimezone(timezone(timedelta(hours=1)))),
    (date(2026, 3, 2), date(2026, 3, 3)),
    (timedelta(1), timedelta(2)),
    (Decimal("1.10"), Decimal("1.1")),
    (Fraction(1, 3), Fraction(1, 4)),
    (UUID(int=1), UUID(int=2)),
    (PurePosixPath("a"), PurePosixPath("b")),
    (Side.UP, Side.DOWN),
    (deque([1, 2]), deque([2, 1])),
    ({1, 2}, {1, 3}),
    (frozenset("ab"), frozenset("ac")),
    (OrderedDict(a=1), OrderedDict(a=2)),
    (defaultdict(int, a=1), defaultdict(int, a=2)),
    (types.MappingProxyType({"a": 1}), types.MappingProxyType({"a": 2})),
    (types.SimpleNamespace(a=1), types.SimpleNamespace(a=2)),
    (bytearray(b"a"), bytearray(b"b")),
    (memoryview(b"a"), memoryview(b"b")),
    (array("i", [1]), array("i", [2])),
    (slice(1), slice(2)),
    (range(3), range(4)),
    (Pair(1, 2), Pair(1, 3)),
    (Slotted(1.0), Slotted(2.0)),
    (Spot(1.0, 2.0), Spot(1.0, None)),
    (Lying(a=1), Lying(a=2)),
    (Price(1.0), Price(2.0)),
    (KeyError("a"), KeyError("b")),
    (iter([1, 2]), iter([1, 3])),
    ({"a": 1}.items(), {"a": 2}.items()),
    (zip([1], [2], strict=False), zip([1], [3], strict=False)),
    (generated([1]), generated([2])),
    ((each for each in [1]), (each for each in [2])),
    (partial(int, 1), partial(int, 2)),
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_what_is_not_the_same_has_another_digest(number: int) -> None:
    one, other = OTHERS[number]

    assert told([one, object()]) != told([other, object()])
    assert told(one) is not None and told(one) == told(one)


def test_a_set_has_no_order() -> None:
    names = [f"name {number}" for number in range(50)]

    assert told(set(names)) == told(set(names))


def test_what_is_no_data_is_told_by_its_type() -> None:
    assert told([1, object()]) == told([1, object()]) != told([1, sys])


def test_a_time_of_this_start_is_told_as_such_and_every_other_as_it_is() -> None:
    teller = Teller(lambda _: False)
    now = time.time()

    for value in (now, int(now), now * 1000, time.time_ns(), time.monotonic()):
        assert NOW in (teller.told(value, 9)[0] or ""), value
    assert NOW in (teller.told(datetime.now(UTC), 9)[0] or "")
    assert NOW in (teller.told(datetime.now(), 9)[0] or "")
    assert told(now - 3600) != told(now - 3601)


def test_what_holds_itself_is_told() -> None:
    held: list[Any] = [1]
    held.append(held)

    assert told(held) is not None


def test_what_has_no_room_is_not_told() -> None:
    deep: list[Any] = []
    for _ in range(100):
        deep = [deep]

    assert told([*range(30_000)]) is None and told(deep) is None and told("x" * 10_000_000) is None
    assert told(10**6000) is not None and told("\udc80" * 300) is not None


LIMIT = 1.0
QUIETLY = contextvars.ContextVar("QUIETLY", default=False)


class Meter:
    quietly = False

    def __init__(self, price: float) -> None:
        self.price = price

    def change(self, spot: Any) -> object:
        return spot, LIMIT, QUIETLY


def given(function: Any, *args: Any) -> dict[str, str]:
    """The digests of a call, by kind and name."""
    digests, found = Digests("/nowhere"), []
    digests.is_own = lambda kind: kind.__module__ == __name__  # type: ignore[method-assign]
    digests.teller = Teller(digests.is_own)

    def trace(frame: Any, *_: Any) -> None:
        if frame.f_code is function.__code__:
            found.append(digests.of(frame))

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*args)
    finally:
        sys.settrace(before)
    return {found[0][at : at + 5]: found[0][at + 5 : at + 13] for at in range(0, len(found[0]), 13)}


def test_parts_of_a_call_are_told_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
        return [name[0] for name in one | other if one.get(name) != other.get(name)]

    base = given(Meter.change, Meter(1.0), 2.0)
    assert [name[0] for name in base] == ["a", "s", "a", "c", "c", "c"]
    assert differing(base, given(Meter.change, Meter(1.0), 2.0)) == []
    assert differing(base, given(Meter.change, Meter(1.5), 2.0)) == ["s"]
    assert differing(base, given(Meter.change, Meter(1.0), 2.5)) == ["a"]
    token = QUIETLY.set(True)
    assert differing(base, given(Meter.change, Meter(1.0), 2.0)) == ["c"]
    QUIETLY.reset(token)
    monkeypatch.setattr(Meter, "quietly", True)
    assert differing(base, given(Meter.change, Meter(1.0), 2.0)) == ["c"]


def test_a_coroutine_is_no_matter_of_data() -> None:
    async def asked() -> None: ...

    waiting = asked()
    assert "".join(given(Meter.change, Meter(1.0), waiting)) == NO_DATA
    waiting.close()


def test_an_argument_that_has_no_room_says_so() -> None:
    parts = given(Meter.change, Meter(1.0), [*range(30_000)])

    assert [told for name, told in parts.items() if name[0] == "a"].count(UNTOLD) == 1


def test_of_a_nameless_expression_it_is_told_what_the_function_around_it_was_given() -> None:
    def counted(numbers: list[int]) -> int:
        return sum(number for number in numbers if number > len(numbers))

    [inner] = [each for each in counted.__code__.co_consts if isinstance(each, types.CodeType)]

    def given_to(numbers: list[int]) -> dict[str, str]:
        return given(_Asked(counted, inner), numbers)

    assert given_to([1, 2]) == given_to([1, 2]) != given_to([1, 3])


@dataclass(frozen=True)
class _Asked:
    """Calls one function, and looks at another."""

    call: Any
    __code__: types.CodeType

    def __call__(self, numbers: list[int]) -> None:
        self.call(numbers)
