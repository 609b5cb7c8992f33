"""What a call was given is told apart from anything else that it could have been given."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.inside.trace_digest import MOST_DEPTH, MOST_NODES, _plain


def plain(value: Any) -> str | None:
    return _plain(value, MOST_DEPTH, [MOST_NODES])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (-1, -2),
        (0, 2**61 - 1),
        (1, 1.0),
        (0.5, 0.25),
        ("x" * 201, "x" * 200 + "y"),
        (b"x" * 201, b"x" * 200 + b"y"),
        (list(range(52)), [*range(51), None]),
        ({"a": list(range(60))}, {"a": [*range(59), 0]}),
    ],
)
def test_what_is_not_the_same_has_another_digest(one: object, other: object) -> None:
    assert plain(one) != plain(other)
    assert plain(one) is not None and plain(one) == plain(one)


def test_times_of_a_start_are_one_and_much_data_is_none() -> None:
    assert plain(1.7e9) == plain(1.7e9 + 60) == "a time"
    assert plain([*range(400)]) is None
    assert plain(10**6000) is not None and plain("\udc80" * 300) is not None
