"""Claims of `node --test` files: which are heard; what a test is worth that makes none any more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox.node import find_node

pytestmark = pytest.mark.skipif(find_node() is None, reason="needs node")

CODE = """
export function rows(prices) {
  return prices.map((price) => price + 1);
}

export function each(prices, callback) {
  prices.forEach((price) => callback(price));
}

export function check(price) {
  return price;
}
"""
HEARD = """
import assert from "node:assert";
import strict, { strictEqual } from "node:assert/strict";
import { strict as same } from "node:assert";
import { test } from "node:test";
import { each, rows } from "../src/rows.js";
import { positive } from "./claims.js";

test("a member", () => assert.strictEqual(1, 1));
test("a call", () => assert(rows([1])));
test("a call with a message", () => assert(true, "never"));
test("strict", () => strict.equal(1, 1));
test("strict itself", () => strict(true));
test("strict of the module", () => same(true));
test("by name", () => strictEqual(1, 1));
test("ok", () => assert.ok(1));
test("a match", () => assert.match("abc", /b/));
test("no match", () => assert.doesNotMatch("abc", /d/));
test("throws", () => assert.throws(() => { throw new TypeError("x"); }, TypeError));
test("no error", () => assert.ifError(null));
test("later", async () => {
  await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(1, 1);
});
test("rejects", async () => assert.rejects(Promise.reject(new Error("x")), /x/));
test("resolves", async () => assert.doesNotReject(Promise.resolve()));
test("of the test", (t) => t.assert ? t.assert.strictEqual(1, 1) : assert.ok(true));
test("a helper", () => positive(1));
test("as a callback", () => each([1], assert.ok));
test("above", async (t) => {
  await t.test("below", () => assert.ok(true));
});
test("two at once", { concurrency: 2 }, async (t) => {
  const later = (number) => () => new Promise((resolve) => setTimeout(resolve, 3)).then(() => {
    for (let i = 0; i < number; i += 1) assert.ok(true);
  });
  await Promise.all([t.test("one", later(1)), t.test("three", later(3))]);
});
test("none", () => rows([1]));
test("caught", () => { try { assert.ok(false); } catch {} });
"""
OLD_STYLE = """
const assert = require('assert');
const { deepEqual } = require("node:assert");
const test = require("node:test");

test("a member", () => assert.ok(true));
test("a call", () => assert(true));
test("by name", () => deepEqual([1], [1]));
"""
TESTS = """
import assert from "node:assert";
import { test } from "node:test";
import { check, each, rows } from "../src/rows.js";

test("all rows", () => {
  for (const row of rows([1, 2, 3])) assert(row > 1);
});

test("each", () => {
  each([1, 2], (price) => assert.ok(price > 0));
});

test("nothing", () => {
  check(1);
});
"""
FILES = {
    "services/sse/package.json": '{"name": "sse", "type": "module"}\n',
    "services/sse/src/rows.js": CODE,
    "services/sse/tests/claims.js": (
        'import assert from "node:assert";\nexport const positive = (x) => assert.ok(x > 0);\n'
    ),
    "services/sse/tests/heard.test.js": HEARD,
    "services/sse/tests/old.test.cjs": OLD_STYLE,
    "services/sse/tests/rows.test.js": TESTS,
}
TEST = "services/sse/tests/rows.test.js"
ROWS, EACH = "prices.map((price) => price + 1)", "prices.forEach((price) => callback(price))"


@pytest.fixture(scope="module")
def market(new_market: Callable[[Mapping[str, str]], Any]) -> Any:
    market = new_market(FILES)
    market.service = "sse"
    return market


@pytest.fixture(scope="module")
def baseline(market: Any) -> Any:
    return market.baseline()


def test_claims_are_heard_however_they_are_made(baseline: Any) -> None:
    heard = {node.rpartition("/")[2]: (each.status, each.claims) for node, each in baseline.outcomes.items()}
    file = "heard.test.js::"
    others = {
        f"{file}above": 0,
        f"{file}above > below": 1,
        f"{file}two at once": 0,
        f"{file}two at once > one": 1,
        f"{file}two at once > three": 3,
        f"{file}none": 0,
        f"{file}caught": 0,
        # It is code under test that calls it.
        f"{file}as a callback": 0,
        "rows.test.js::all rows": 3,
        "rows.test.js::each": 2,
        "rows.test.js::nothing": 0,
    }

    assert baseline.problem is None
    assert heard == {name: ("passed", others.get(name, 1)) for name in heard}
    assert others.keys() <= heard.keys()


@pytest.mark.parametrize(
    ("name", "old", "line"), [("all rows", ROWS, 7), ("each", EACH, 11)], ids=["a call", "a member"]
)
@pytest.mark.parametrize("runs", [1, 2])
def test_a_test_that_makes_no_claim_any_more(market: Any, name: str, old: str, line: int, runs: int) -> None:
    run = market.run(("src/rows.js", old, "[]"), runs=runs)

    failure = run.outcomes[f"{TEST}::{name}"].failure
    assert (failure.type, failure.message) == ("Vacuous", f"{TEST}:{line} makes no claim any more")
    assert run.passed(f"{TEST}::nothing")


def test_claims_of_code_under_test_are_not_the_tests(market: Any) -> None:
    own = 'const own = (await import("ass" + "ert")).default;\n'
    code = CODE.replace(EACH, EACH.replace("callback(price)", "own.ok(price)"))
    run = market.run(("src/rows.js", f"{own}{code}"))

    assert run.tampering == ()
    assert run.outcomes[f"{TEST}::each"].failure.type == "Vacuous"


def test_fewer_claims_are_told(market: Any) -> None:
    run = market.run(("src/rows.js", "prices.map", "prices.slice(1).map"))

    assert run.passed(f"{TEST}::all rows")
    assert run.fewer == (f"{TEST}:7 makes 2 of 3 claims with the patch (all rows)",)


def test_as_many_claims_are_nothing_to_tell(market: Any) -> None:
    run = market.run(("src/rows.js", "price + 1", "1 + price"), twins=True, runs=2)

    assert run.problem is None
    assert run.fewer == ()
    assert {outcome.status for outcome in run.outcomes.values()} == {"passed"}


NEW = """
import assert from "node:assert";
import { test } from "node:test";
import { check } from "../src/rows.js";
import { more } from "./test_more.js";

test("silent", () => { check(1); });
test("not silent", () => { more(check(1)); });
"""


def test_how_many_claims_a_new_test_makes_is_known(market: Any) -> None:
    run = market.run(
        ("src/rows.js", "  return price;", "  return Number(price);"),
        ("tests/new.test.js", NEW),
        (
            "tests/test_more.js",
            'import assert from "node:assert";\nexport const more = (x) => assert(x === 1, "more") ?? assert.ok(x);\n',
        ),
    )

    claims = {node.rpartition("::")[2]: each.claims for node, each in run.outcomes.items() if "new" in node}
    assert claims == {"silent": 0, "not silent": 2}


def test_a_claim_that_fails_is_told_without_a_line_of_ours(market: Any) -> None:
    run = market.run(("src/rows.js", ROWS, "prices"))

    failure = run.outcomes[f"{TEST}::all rows"].failure
    assert (failure.type, failure.frames[-1][:2]) == ("AssertionError", (TEST, 7))
    assert failure.message == "The expression evaluated to a falsy value"


def test_a_name_that_looks_like_the_channel_s_own_lines(market: Any) -> None:
    odd = 'import { test } from "node:test";\ntest("odd\\u00010:1:1=7,\\u0001", () => {});\n'
    run = market.run(("src/rows.js", "price + 1", "1 + price"), ("tests/odd.test.js", odd))

    assert [each.claims for node, each in run.outcomes.items() if "odd" in node] == [0]
