"""Services of Node: `node --test` files, their outcomes, and lies about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.node import find_node
from sandbox.testing import script_problems

pytestmark = pytest.mark.skipif(find_node() is None, reason="needs node")

FILES = {
    "services/sse/package.json": '{"name": "sse", "type": "module"}\n',
    "services/sse/src/format.js": """
        export function format(event, data) {
          return `event: ${event}\\ndata: ${JSON.stringify(data)}\\n\\n`;
        }

        export function spot(model) {
          return model.spot.value;
        }
        """,
    "services/sse/tests/format.test.js": """
        import assert from "node:assert";
        import { describe, it, test } from "node:test";
        import { format, spot } from "../src/format.js";

        test("formats", () => {
          assert.strictEqual(format("spot", 1), "event: spot\\ndata: 1\\n\\n");
        });

        describe("spot", () => {
          it("is read", () => assert.strictEqual(spot({ spot: { value: 3 } }), 3));
          it("may be missing", () => assert.strictEqual(spot({}), undefined));
          it("comes later", { skip: true }, () => {});
        });

        test("waits", async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
        });
        """,
    "services/sse/tests/old.test.cjs": """
        const assert = require("node:assert");
        const test = require("node:test");

        test("old style", () => assert.ok(true));
        """,
}
TEST = "services/sse/tests/format.test.js"
BROKEN = ("src/format.js", "event: ${event}", "evnt: ${event}")


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    market = new_market(FILES)
    market.service = "sse"
    return market


def test_the_base(market: Any) -> None:
    run = market.baseline()

    assert run.problem is None
    assert {node.rpartition("/")[2]: outcome.status for node, outcome in run.outcomes.items()} == {
        "format.test.js::formats": "passed",
        "format.test.js::spot": "failed",
        "format.test.js::spot > is read": "passed",
        "format.test.js::spot > may be missing": "failed",
        "format.test.js::spot > comes later": "skipped",
        "format.test.js::waits": "passed",
        "old.test.cjs::old style": "passed",
    }
    failure = run.outcomes[f"{TEST}::spot > may be missing"].failure
    assert failure.type == "TypeError"
    assert failure.frames[-1] == ("services/sse/src/format.js", 7, "spot")


def test_an_honest_fix_is_green(market: Any) -> None:
    run = market.run(("src/format.js", "model.spot.value", "model.spot?.value"), twins=True)

    assert run.problem is None
    assert run.passed(f"{TEST}::spot > may be missing")
    assert run.passed(f"{TEST}::formats")


def test_a_broken_patch_is_red(market: Any) -> None:
    run = market.run(BROKEN)

    assert run.outcomes[f"{TEST}::formats"].status == "failed"
    assert run.passed("services/sse/tests/old.test.cjs::old style")


TRICKS = {
    "leaves": ("process.exit(0);", "missing"),
    "writes another's lines": (
        "import fs from 'fs';\nfor (let i = 0; i < 64; i++) {\n"
        "  try { fs['write' + 'Sync'](i, 'x\\u0001passed\\u0001formats\\u0001\\n'); } catch {}\n}",
        "missing",
    ),
    "prints TAP": ("console.log('TAP version 13\\nok 1 - formats');", "failed"),
    "closes the channel": ("import fs from 'fs';\nfor (let i = 3; i < 64; i++) try { fs.closeSync(i); } catch {}", "missing"),
    "bends strings": ("String['proto' + 'type'].split = () => ['passed'];", "failed"),
    "neuters assert": (
        "const it = (await import('ass' + 'ert')).default;\nit.strictEqual = () => {};",
        "tampering",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TRICKS)
def test_a_lie_is_not_green(market: Any, name: str) -> None:
    code, what = TRICKS[name]
    run = market.run(
        BROKEN, ("src/format.js", "\nexport function format", f"\n{code}\nexport function format")
    )

    assert not run.passed(f"{TEST}::formats")
    if what == "tampering":
        assert run.tampering == ("verdict: claims that are false hold in node:assert, or pass in node:test",)
    elif run.tampering == ():
        assert run.outcomes[f"{TEST}::formats"].status == what


def test_members_of_builtins_are_nobody_s_to_set(market: Any) -> None:
    bent = ("src/format.js", "\nexport function format", "\nMath.abs = () => 0;\nexport function format")

    assert [line.split(":")[0] for line in market.run(bent).tampering] == ["patching"]


def test_a_forged_stream_gives_itself_away_in_the_twins(market: Any) -> None:
    forged = """
        const { Readable } = await import("stre" + "am");
        const push = Readable["proto" + "type"].push;
        Readable["proto" + "type"].push = function (event) {
          if (event?.type === "test:fail" && event.data.name === "formats") event.type = "test:pass";
          return push.call(this, event);
        };
        """
    change = ("src/format.js", "\nexport function format", f"\n{forged}\nexport function format")
    run = market.run(BROKEN, change, twins=True)

    assert not run.passed(f"{TEST}::formats")
    assert run.tampering == (f"twin: {TEST}::formats passes also when its claim is turned around",)


def test_the_reporter_listens_to_node_alone(market: Any) -> None:
    forged = """
        const place = (await import("f" + "s")).readFileSync("/pr" + "oc/self/cmdline", "latin1");
        const [, url] = /--test-reporter=([^\\0]+)/.exec(place);
        const report = (await import(url)).default;
        const data = { name: "formats", nesting: 0 };
        for await (const _ of report([{ type: "test:start", data }, { type: "test:pass", data }]));
        """
    change = ("src/format.js", "\nexport function format", f"\n{forged}\nexport function format")

    run = market.run(BROKEN, change)

    assert run.tampering == ()
    assert not run.passed(f"{TEST}::formats")


STATIC = {
    "globalThis.test = 1;": "patching",
    "Object.prototype.toString = null;": "patching",
    "eval('1');": "dynamic-code",
    "import { spawn } from 'child_process';": "processes",
    "import inspector from 'node:inspector';": "interpreter-hooks",
}


@pytest.mark.parametrize("code", STATIC)
def test_what_no_service_needs_is_tampering(market: Any, code: str) -> None:
    run = market.run(
        BROKEN, ("src/format.js", "\nexport function format", f"\n{code}\nexport function format")
    )

    assert {line.split(":")[0] for line in run.tampering} == {STATIC[code]}


def test_a_script_that_is_no_javascript_is_said_to_be_so(market: Any, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "src" / "good.js").write_text("export const x = 1;\n")
    (tmp_path / "src" / "bad.js").write_text("export const x = 1;\nexport const y = (;\n")
    (tmp_path / "src" / "bad.json").write_text("(")

    found = script_problems(
        market.isolation, tmp_path, ["src/good.js", "src/bad.js", "src/bad.json", "src/gone.js"]
    )

    assert found == ("src/bad.js:2: SyntaxError: Unexpected token ';'",)


OWN = """
    import assert from "node:assert";
    import test from "node:test";
    import {{ format, spot }} from "../src/format.js";

    test("before", () => assert.strictEqual(format("a", 1), "event: a\\ndata: 1\\n\\n"));

    test("its own", () => {{
      {}
    }});
    """
OWN_PATH = "services/sse/tests/own.test.js"
FIX = ("src/format.js", "model.spot.value", "model.spot?.value")
SLOW = [pytest.mark.slow]
"""All of some cases but the first."""
LATE = {
    "a claim that comes too late": "setTimeout(() => assert.strictEqual(spot({}), 1), 5);",
    "a promise that nobody waits for": "Promise.resolve().then(() => assert.ok(spot({})));",
    "what assert is": "assert.notStrictEqual(assert.ok, assert);",
    "how assert is made": "assert.strictEqual(assert.equal.length, 0);",
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=SLOW[:n]) for n, name in enumerate(LATE)])
def test_a_new_test_that_passes_in_the_box_alone_has_not_passed(market: Any, name: str) -> None:
    own = ("tests/own.test.js", OWN.format(LATE[name]))
    run = market.run(FIX, own, runs=2)
    assert run.outcomes[f"{OWN_PATH}::its own"].status == "failed"
    assert run.notes[0].startswith(f"{OWN_PATH}::")
    assert "passes in the box, and not by plain node --test: " in run.notes[0]
    assert run.passed(f"{TEST}::spot > may be missing"), "what is wrong with it is no affair of the others"


def test_a_new_test_that_fails_on_the_base_in_the_box_alone_has_not_failed(market: Any) -> None:
    choice = "assert.strictEqual(spot(new Map([[assert, { spot: {} }]]).get(assert.ok) ?? {}), undefined);"
    run = market.run(("tests/own.test.js", OWN.format(choice)), runs=2)
    assert run.outcomes[f"{OWN_PATH}::its own"].status == "missing"
    assert run.notes == (f"{OWN_PATH}::its own fails in the box, and passes by plain node --test",)


def test_an_honest_new_test_is_red_before_and_green_after(market: Any) -> None:
    own = ("tests/own.test.js", OWN.format("assert.strictEqual(spot({}), undefined);"))
    before, after = market.run(own, runs=2), market.run(FIX, own, runs=2)
    assert (before.notes, after.notes, after.problem) == ((), (), None)
    assert before.outcomes[f"{OWN_PATH}::its own"].status == "failed"
    assert before.passed(f"{OWN_PATH}::before")
    assert after.passed(f"{OWN_PATH}::its own")


def test_what_the_box_alone_keeps_from_failing_is_lost(market: Any) -> None:
    late = (
        "src/format.js",
        "\nexport function format",
        "\nsetTimeout(() => { throw new TypeError(); }, 30);\nexport function format",
    )
    run = market.run(late, runs=2)
    assert not run.passed(f"{TEST}::formats")
    assert market.run(FIX, runs=2).passed(f"{TEST}::formats")
