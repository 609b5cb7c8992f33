"""Honest services and honest patches: what a run says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox import parts

FILES = {
    "shared/logutil.py": """
        import logging


        class LogUtil:
            def __init__(self, name):
                self._logger = logging.getLogger(name)

            def info(self, text):
                self._logger.info(text)
        """,
    "services/vigil/main.py": """
        import asyncio
        import os
        import sys

        ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        sys.path.insert(0, ROOT)

        from services.vigil.intel.orchestrator import run

        if __name__ == "__main__":
            asyncio.run(run({}))
        """,
    "services/vigil/intel/__init__.py": "",
    "services/vigil/intel/detector.py": """
        class Detector:
            def __init__(self, threshold):
                self.threshold = threshold
                self.last = {}

            def check(self, tick):
                symbol, price = tick["symbol"], tick["price"]
                before = self.last.get(symbol)
                self.last[symbol] = price
                if before is None:
                    return None
                move = (price - before) / before
                return {"symbol": symbol, "move": move} if abs(move) >= self.threshold else None


        def mean(values):
            return sum(values) / len(values)


        def levels():
            return ("low", "mid", "high")
        """,
    "services/vigil/intel/orchestrator.py": """
        import asyncio

        from shared.logutil import LogUtil

        logger = LogUtil("vigil")


        async def handle(queue, detector):
            tick = await queue.get()
            logger.info(f"tick {tick['symbol']}")
            return detector.check(tick)


        async def run(config):
            queue = asyncio.Queue()
            return queue
        """,
    "services/vigil/tests/conftest.py": """
        import pytest

        from services.vigil.intel.detector import Detector


        @pytest.fixture
        def detector():
            return Detector(0.01)
        """,
    "services/vigil/tests/test_detector.py": """
        import unittest

        import pytest

        from services.vigil.intel.detector import Detector, levels, mean


        def test_first_tick_says_nothing(detector):
            assert detector.check({"symbol": "SPX", "price": 5000.0}) is None


        @pytest.mark.parametrize(("price", "told"), [(5100.0, True), (5001.0, False)])
        def test_moves(detector, price, told):
            detector.check({"symbol": "SPX", "price": 5000.0})
            event = detector.check({"symbol": "SPX", "price": price})
            assert (event is not None) == told


        def test_mean_of_nothing():
            assert mean([]) == 0


        @pytest.mark.parametrize("level", levels())
        def test_levels(level):
            assert level.islower()


        class TestThreshold:
            limit = 0.5

            def test_is_kept(self, tmp_path, monkeypatch, caplog):
                monkeypatch.setenv("LIMIT", str(self.limit))
                (tmp_path / "limit").write_text("0.5")
                with caplog.at_level("INFO"):
                    assert Detector(float((tmp_path / "limit").read_text())).threshold == self.limit


        class DetectorCase(unittest.TestCase):
            def setUp(self):
                self.detector = Detector(0.01)

            def test_negative_move(self):
                self.detector.check({"symbol": "VIX", "price": 20.0})
                event = self.detector.check({"symbol": "VIX", "price": 10.0})
                self.assertEqual(event["move"], -0.5)

            def test_symbols(self):
                for symbol in ("SPX", "NDX"):
                    with self.subTest(symbol=symbol):
                        self.assertIsNone(self.detector.check({"symbol": symbol, "price": 1.0}))


        def test_many(subtests, detector):
            for symbol in ("SPX", "NDX"):
                with subtests.test(symbol=symbol):
                    assert detector.check({"symbol": symbol, "price": 1.0}) is None


        def test_some_subtest_fails(subtests):
            for value in (1, 2):
                with subtests.test(value=value):
                    assert value == 1


        def test_missing_symbol(detector):
            with pytest.raises(KeyError):
                detector.check({"price": 1.0})


        @pytest.mark.skip(reason="later")
        def test_skipped():
            pass


        @pytest.mark.xfail
        def test_expected_to_fail():
            assert False


        @pytest.mark.xfail
        def test_unexpected_pass():
            pass


        def test_broken_fixture(nothing_of_that_name):
            pass
        """,
    "services/vigil/tests/test_orchestrator.py": """
        import asyncio
        import unittest

        from services.vigil.intel.detector import Detector
        from services.vigil.intel.orchestrator import handle


        def test_handle():
            async def go():
                queue = asyncio.Queue()
                await queue.put({"symbol": "SPX", "price": 1.0})
                return await handle(queue, Detector(0.1))

            assert asyncio.run(go()) is None


        class HandleCase(unittest.IsolatedAsyncioTestCase):
            async def test_handle(self):
                queue = asyncio.Queue()
                await queue.put({"symbol": "SPX", "price": 1.0})
                self.assertIsNone(await handle(queue, Detector(0.1)))
        """,
    "services/vigil/tests/test_unimportable.py": """
        from services.vigil.intel.gone import missing


        def test_something():
            assert missing
        """,
}
"""A service in which some tests are red, and one file cannot be imported, as it is in real ones."""

DETECTOR = "services/vigil/tests/test_detector.py"


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    return new_market(FILES)


def test_the_base_has_every_outcome_there_is(market: Any) -> None:
    run = market.baseline()

    assert run.problem is None
    assert run.tampering == ()
    assert {node.rpartition("/")[2]: o.status for node, o in run.outcomes.items()} == {
        "test_detector.py::test_first_tick_says_nothing": "passed",
        "test_detector.py::test_moves[5100.0-True]": "passed",
        "test_detector.py::test_moves[5001.0-False]": "passed",
        "test_detector.py::test_mean_of_nothing": "failed",
        "test_detector.py::test_levels[low]": "passed",
        "test_detector.py::test_levels[mid]": "passed",
        "test_detector.py::test_levels[high]": "passed",
        "test_detector.py::TestThreshold::test_is_kept": "passed",
        "test_detector.py::DetectorCase::test_negative_move": "passed",
        "test_detector.py::DetectorCase::test_symbols": "passed",
        "test_detector.py::test_many": "passed",
        "test_detector.py::test_some_subtest_fails": "failed",
        "test_detector.py::test_missing_symbol": "passed",
        "test_detector.py::test_skipped": "skipped",
        "test_detector.py::test_expected_to_fail": "xfailed",
        "test_detector.py::test_unexpected_pass": "xpassed",
        "test_detector.py::test_broken_fixture": "error",
        "test_orchestrator.py::test_handle": "passed",
        "test_orchestrator.py::HandleCase::test_handle": "passed",
        "test_unimportable.py::test_something": "error",
    }


def test_a_failure_names_the_exception_and_its_frames(market: Any) -> None:
    failure = market.baseline().outcomes[f"{DETECTOR}::test_mean_of_nothing"].failure

    assert failure.type == "ZeroDivisionError"
    assert failure.message == "division by zero"
    assert failure.frames == (
        (DETECTOR, 21, "test_mean_of_nothing"),
        ("services/vigil/intel/detector.py", 18, "mean"),
    )
    assert "in mean" in failure.text


def test_a_file_that_cannot_be_imported_fails_each_of_its_tests(market: Any) -> None:
    outcome = market.baseline().outcomes["services/vigil/tests/test_unimportable.py::test_something"]

    assert outcome.failure.type == "ModuleNotFoundError"
    assert outcome.failure.frames == (("services/vigil/tests/test_unimportable.py", 2, "<module>"),)


def test_a_new_test_fails_on_the_base_and_passes_on_the_patch(market: Any) -> None:
    patch = market.patch(
        ("intel/detector.py", "sum(values) / len(values)", "sum(values) / len(values) if values else 0"),
        (
            "tests/test_mean.py",
            """
            from services.vigil.intel.detector import mean


            def test_nothing():
                assert mean([]) == 0


            def test_something():
                assert mean([1, 2]) == 1.5
            """,
        ),
    )
    bench = market.bench(twins=True)
    before = bench.run("vigil", market.head, parts.tests_only(market.private(), patch))
    after = bench.run("vigil", market.head, patch, runs=2)

    new = "services/vigil/tests/test_mean.py"
    assert before.problem is None
    assert before.outcomes[f"{new}::test_nothing"].status == "failed"
    assert before.outcomes[f"{new}::test_nothing"].failure.frames[-1] == (
        "services/vigil/intel/detector.py",
        18,
        "mean",
    )
    # It passed before: it proves nothing.
    assert before.outcomes[f"{new}::test_something"].status == "passed"
    assert after.problem is None
    assert after.passed(f"{new}::test_nothing")
    assert after.passed(f"{DETECTOR}::test_mean_of_nothing")
    assert after.outcomes.keys() == before.outcomes.keys()


def test_some_files_or_node_ids_can_be_chosen(market: Any) -> None:
    bench, orchestrator = market.bench(), "services/vigil/tests/test_orchestrator.py"

    file = bench.run("vigil", market.head, None, [orchestrator])
    node = bench.run("vigil", market.head, None, [f"{DETECTOR}::test_moves"])
    one = bench.run("vigil", market.head, None, [f"{DETECTOR}::test_moves[5100.0-True]"])

    assert set(file.outcomes) == {f"{orchestrator}::test_handle", f"{orchestrator}::HandleCase::test_handle"}
    assert set(node.outcomes) == {
        f"{DETECTOR}::test_moves[5100.0-True]",
        f"{DETECTOR}::test_moves[5001.0-False]",
    }
    assert set(one.outcomes) == {f"{DETECTOR}::test_moves[5100.0-True]"}


def test_results_of_a_base_are_kept_on_disk(market: Any) -> None:
    first = market.baseline()

    again = market.bench(test_s=29.0).run("vigil", market.head, None)

    assert again.outcomes == first.outcomes
    assert again.seconds < 0.2


HONEST = {
    "guards an empty list": ("intel/detector.py", "/ len(values)", "/ max(len(values), 1)"),
    "tolerates a missing key": ("intel/detector.py", 'tick["symbol"], tick["price"]', 'tick.get("symbol") or tick["symbol"], tick["price"]'),
    "catches and logs": (
        "intel/orchestrator.py",
        "    return detector.check(tick)",
        "    try:\n        return detector.check(tick)\n    except ZeroDivisionError as error:\n"
        '        logger.info(f"bad tick: {error}")\n        return None',
    ),
    "formats the traceback": (
        "intel/orchestrator.py",
        "import asyncio\n",
        "import asyncio\nimport traceback\n\n\ndef told(error):\n    return traceback.format_exc()\n",
    ),
    "adds a time-out": (
        "intel/orchestrator.py",
        "tick = await queue.get()",
        "tick = await asyncio.wait_for(queue.get(), timeout=5.0)",
    ),
    "adds a signal handler": (
        "main.py",
        "import sys\n",
        "import signal\nimport sys\n\n\ndef stop(number, frame):\n    sys.exit(0)\n\n\n"
        "def listen():\n    signal.signal(signal.SIGTERM, stop)\n",
    ),
    "reads the environment": (
        "intel/orchestrator.py",
        "logger = LogUtil",
        'import os\n\nLIMIT = float(os.environ.get("VIGIL_LIMIT", "0.01"))\nlogger = LogUtil',
    ),
    "adds a dataclass": (
        "intel/detector.py",
        "class Detector:",
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Tick:\n    symbol: str\n    price: float\n\n\nclass Detector:",
    ),
    "orders its events": (
        "intel/detector.py",
        "class Detector:",
        "class Event:\n    def __init__(self, at):\n        self.at = at\n\n    def __lt__(self, other):\n"
        "        return self.at < other.at\n\n    def __eq__(self, other):\n        return self.at == other.at\n\n\nclass Detector:",
    ),
    "runs a worker thread": (
        "intel/orchestrator.py",
        "import asyncio\n",
        "import asyncio\nimport threading\n\n\ndef start(work):\n    thread = threading.Thread(target=work, daemon=True)\n"
        "    thread.start()\n    return thread\n",
    ),
    "keeps references to its tasks": (
        "intel/orchestrator.py",
        "    queue = asyncio.Queue()\n    return queue",
        "    tasks = set()\n    task = asyncio.create_task(asyncio.sleep(0))\n    tasks.add(task)\n"
        "    task.add_done_callback(tasks.discard)\n    await task\n    return asyncio.Queue()",
    ),
    "imports a module of its own": ("intel/detector.py", "class Detector:", "from services.vigil import main\n\n\nclass Detector:"),
    "uses a context manager": (
        "intel/detector.py",
        "def levels():",
        "class Timer:\n    def __enter__(self):\n        return self\n\n    def __exit__(self, kind, error, trace):\n"
        "        return False\n\n\ndef levels():",
    ),
    "adds a module": ("intel/parse.py", "import json\n\n\ndef parse(raw):\n    try:\n        return json.loads(raw)\n    except ValueError:\n        return None\n"),
    "brings lost code back": ("intel/gone.py", "missing = True\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_fix_is_green(market: Any, name: str) -> None:
    before = market.baseline()
    after = market.run(HONEST[name])

    assert after.tampering == ()
    assert after.problem is None
    assert [n for n, o in before.outcomes.items() if o.status == "passed" and not after.passed(n)] == []


def test_honest_fixes_together_are_green_beside_their_twins(market: Any) -> None:
    names = ("guards an empty list", "catches and logs", "brings lost code back", "adds a signal handler")
    before, after = market.baseline(2), market.run(*(HONEST[name] for name in names), twins=True, runs=2)

    assert after.problem is None
    assert [n for n, o in before.outcomes.items() if o.status == "passed" and not after.passed(n)] == []
    assert after.passed("services/vigil/tests/test_unimportable.py::test_something")
