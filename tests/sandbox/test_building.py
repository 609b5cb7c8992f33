"""Whether changed files build: they compile, and all that they import is there, wherever they do so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.building import build_problems
from sandbox.isolation import Isolation

PATH = "services/vigil/intel/spot.py"
RULES = (
    "import json\n\n\ndef change(row):\n    found = vars(json.loads(row))\n    return found\n\n\nclass Rule:\n"
    "    def apply(self):\n        global applied\n        applied = 1\n\n\nif json:\n    LEVEL = [each for each in ()]\n"
)


@pytest.fixture
def problems_of(tmp_path: Path, isolation: Isolation) -> Callable[..., tuple[str, ...]]:
    """The problems of a file that has this text with the patch, and that one on the base."""

    def of(text: str, base: str = "") -> tuple[str, ...]:
        for name, source in (("tree", text), ("base", base)):
            folder = tmp_path / name / "services/vigil/intel"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "spot.py").write_text(source)
            (folder / "rules.py").write_text(RULES)
            (folder.parent / "data").mkdir(exist_ok=True)
        python = Path(sys.executable)
        return build_problems(isolation, python, tmp_path / "tree", tmp_path / "base", [PATH])

    return of


@pytest.mark.parametrize(
    "text",
    [
        "from services.vigil.intel.rules import Rule, change, json\n",
        "from . import rules\nfrom .rules import change\nimport services.vigil.intel.rules\n",
        "def f():\n    from services.vigil.intel.rules import change\n    return change\n",
        "try:\n    import orjson_of_nobody\nexcept ImportError:\n    orjson_of_nobody = None\n",
        "from services.vigil.intel import rules\nimport asyncio.subprocess\n",
        "from services.vigil.intel.rules import LEVEL, applied\nfrom ...vigil.intel.rules import Rule\n",
        "from services.vigil import intel\nfrom services import vigil\nfrom . import spot\n",
        "from os import path, getcwd\nfrom asyncio import taskgroups, TaskGroup\nfrom sys import exit\n",
        "import os.path, xml.etree.ElementTree, redis.asyncio\nfrom concurrent.futures import Future\n",
        "from xml import etree\nfrom redis.asyncio import Redis\nfrom time import monotonic\n",
    ],
)
def test_what_is_there_builds(problems_of: Callable[..., tuple[str, ...]], text: str) -> None:
    assert problems_of(text) == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("def f(:\n", f"{PATH} does not compile"),
        ("import services.vigil.levels\n", f"{PATH}:1 imports services.vigil.levels, which is not there"),
        (
            "def f(away):\n    if away:\n        from services.vigil.levels import symbols\n        raise symbols\n",
            f"{PATH}:3 imports services.vigil.levels, which is not there",
        ),
        (
            "def f(away):\n    from .rules import change, symbols\n    raise symbols\n",
            f"{PATH}:2 imports symbols of services.vigil.intel.rules, which has no such name",
        ),
        (
            "from services.vigil.intel.rules import found\n",
            f"{PATH}:1 imports found of services.vigil.intel.rules, which has no such name",
        ),
        ("from .rules import each\n", f"{PATH}:1 imports each of services.vigil.intel.rules, which has no"),
        (
            "from services.vigil.data import feeds\n",
            f"{PATH}:1 imports feeds of services.vigil.data, which has no",
        ),
        ("from .rules import apply\n", f"{PATH}:1 imports apply of services.vigil.intel.rules, which has no"),
        (
            "from . import levels\n",
            f"{PATH}:1 imports levels of services.vigil.intel, which has no such name",
        ),
        (
            "from services.vigil.intel import levels\n",
            f"{PATH}:1 imports levels of services.vigil.intel, which",
        ),
        ("from ....vigil.intel.rules import Rule\n", f"{PATH}:1 imports from above its top-level package"),
        ("import logging.market\n", f"{PATH}:1 imports logging.market, which is not there"),
        ("import math.market\n", f"{PATH}:1 imports math.market, which is not there"),
        ("from redis.market import Market\n", f"{PATH}:1 imports redis.market, which is not there"),
        ("from asyncio import market\n", f"{PATH}:1 imports market of asyncio, which has no such name"),
        ("from json import market\n", f"{PATH}:1 imports market of json, which has no such name"),
        ("from math import market\n", f"{PATH}:1 imports market of math, which has no such name"),
        ("from redis.asyncio import Market\n", f"{PATH}:1 imports Market of redis.asyncio, which has no"),
        (
            "from services.vigil.intel.rules import Rules\n",
            f"{PATH}:1 imports Rules of services.vigil.intel.rules",
        ),
    ],
)
def test_what_is_not_there_is_named(
    problems_of: Callable[..., tuple[str, ...]], text: str, problem: str
) -> None:
    (told,) = problems_of(text)
    assert told.startswith(problem)


def test_what_the_base_lacks_as_well_is_no_problem_of_the_patch(
    problems_of: Callable[..., tuple[str, ...]],
) -> None:
    lacking = "def f():\n    from services.vigil.levels import symbols\n    return symbols\n"
    assert problems_of(f"import json\n\n\n{lacking}", lacking) == ()


@pytest.mark.parametrize(
    ("name", "new", "old", "told"),
    [
        ("feeds.json", '{"a": [1]}', None, None),
        ("feeds.json", "{ broken", None, "JSONDecodeError: Expecting property name"),
        ("feeds.json", "{ broken", "{}", "JSONDecodeError: Expecting property name"),
        ("feeds.json", "{ // so\n}", "{ // as before\n}", None),
        ("rules.toml", "a = 1\n", None, None),
        ("rules.toml", "a = \n", "a = 1\n", "TOMLDecodeError: Invalid value"),
        ("notes.txt", "{ broken", None, None),
    ],
)
def test_data_that_cannot_be_read_any_more_is_named(
    tmp_path: Path, isolation: Isolation, name: str, new: str, old: str | None, told: str | None
) -> None:
    for folder, text in (("tree", new), ("base", old)):
        (tmp_path / folder).mkdir()
        if text is not None:
            (tmp_path / folder / name).write_text(text)
    found = build_problems(isolation, Path(sys.executable), tmp_path / "tree", tmp_path / "base", [name])
    assert [problem.startswith(f"{name}: {told}") for problem in found] == ([True] if told else [])
