"""A Node test is taken at its word only if it is plain: anything that no plain one needs is told."""

from __future__ import annotations

import time

import pytest

from agent.proof.choices import choices
from agent.proof.script_plain import unplain

TEST = "services/sse/test/day.test.js"
HEAD = (
    "const assert = require('node:assert');\nconst { test } = require('node:test');\n"
    "const { changeOf } = require('../src/transform');\nconst rows = [{ price: 1, prev_close: null }];\n"
)
PLAIN = {
    "a claim": "assert.strictEqual(changeOf({ price: 1, prev_close: null }), null);",
    "an error": "assert.throws(() => changeOf(null), TypeError);",
    "an error's message": "assert.throws(() => changeOf(null), { message: /first|second/ });",
    "a later one": "const found = await changeOf(rows[0]);\n  assert.deepStrictEqual(found, [1.5, -1]);",
    "text": "const raw = JSON.parse('{\"price\":1}');\n  assert.ok(changeOf(raw)['price']);",
    "a fake": "const sent = [];\n  changeOf({ publish: (one) => sent.push(one), async get(key) { return null; } });\n"
    "  assert.strictEqual(sent.length, 1);",
    "a count": "let calls = 0;\n  changeOf({ close: () => { calls += 1; } });\n  assert.ok(calls > 0);",
    "a loop": "for (const row of rows) assert.strictEqual(changeOf(row), null);",
    "waiting": "await new Promise((resolve) => setTimeout(resolve, 5));\n  assert.ok(!changeOf(rows[0]));",
    "the last one": "assert.match(changeOf(rows.at(-1)), /^1/);",
    "many": "changeOf(Array.from({ length: 300 }, () => 'x'.repeat(3000)));\n  assert.ok(changeOf(rows[0]));",
    "claims by its members": "assert.strict.equal(changeOf(rows[0]), null);",
    "a long text": "assert.strictEqual(changeOf(rows[0]), 'a' + 'b');",
}
FORGED = {
    "uses fs": "fs.readSync(1, rows);",
    "loads 'fs'": "const fs = require('fs');\n  fs.readSync(1, rows);",
    "loads 'node:fs'": "const { openSync } = require('node:fs');",
    "loads 'node:module'": "import { createRequire } from 'node:module';",
    "loads '../../copilot/src/index'": "require('../../copilot/src/index');",
    "loads '../src/models.txt'": "const x = require('../src/models.txt');",
    "uses '-'": "let n = 1;\n  assert.ok(n\n--> `\n  );\n  changeOf(n\n--> `\n  );",
    "uses '<'": "<!-- `\n  changeOf(rows);\n<!-- `\n",
    "loads '../node_modules/x'": "const x = require('../node_modules/x');",
    "loads '../src/../../../x'": "const x = require('../src/../../../x');",
    "uses require": "const where = require.resolve('../src/transform');",
    "uses import": "const code = await import('../src/transform.js');",
    "uses module": "const loaded = module.constructor;",
    "uses process": "changeOf(rows[process.pid]);",
    "uses execArgv": "test.run({ execArgv: ['-e', '1'] });",
    "runs other files": "test.run({ files: ['a.txt'] });",
    "hands on test": "const again = test;\n  again.run({ files: ['a.txt'] });",
    "hands on assert": "changeOf(new Map([[assert, 1]]).get(rows));",
    "makes something of a length": "changeOf(Array.from({ length: 4000000000 }));",
    "uses repeat with what is worked out": "changeOf('x'.repeat(999999999));",
    "uses alloc": "changeOf(Buffer.alloc(4));",
    "uses toLocaleString": "changeOf(rows[0].toLocaleString());",
    "uses at with what is worked out": "changeOf(rows.at(Number(text.includes('MAX_ROWS'))));",
    "uses Number": "changeOf(Number(1));",
    "uses Function": "const go = (Function) => 1;\n  Function('return 1')();",
    "uses stack": "const error = { stack: '' };",
    "reads a member by a name that is worked out": "error['sta' + 'ck'] = 'at spotTick';",
    "names a member by what is worked out": "changeOf({ ['sta' + 'ck']: 1 });",
    "names a member 'st\\x61ck'": "changeOf({ 'st\\x61ck': 1 });",
    "changes something else than its own variables": "rows.price = 1;",
    "goes through what is not named there": "for (rows.price of [1, 2]) changeOf(rows);",
    "uses try": "try { changeOf(null); } finally { rows.push(1); }",
    "uses throw": "changeOf({ close: () => { throw rows; } });",
    "uses catch": "changeOf(null).catch(() => null);",
    "makes up a TypeError": "changeOf({ close: () => Promise.all([new TypeError('null')]) });",
    "uses class": "class Odd extends TypeError {}",
    "uses get": "changeOf({ get price() { return 1; } });",
    "works out a text": "changeOf(`${changeOf}`);",
    "uses +": "const text = '' + rows.push;",
    "uses join": "const text = [rows.push].join('');",
    "uses ?": "changeOf(rows ? null : {});",
    "uses &&": "rows && changeOf(null);",
    "uses ?.": "rows.other?.(1);",
    "uses typeof": "changeOf(typeof rows);",
    "uses if": "if (rows) changeOf(null);",
    "asks > outside a claim": "const ok = (x) => x;\n  changeOf(ok(rows > 1));",
    "uses length outside a claim": "changeOf(rows.push.length);",
    "uses /": "if (rows) /[/*]/.test(changeOf) /* */;",
    "uses /MAX/": "changeOf(/MAX/.test(rows));",
    "uses fetch": "await fetch('http://127.0.0.1');",
    "loads 'node:test' in passing": "const all = { run: require('node:test') };",
    "uses of": "let of = rows;\n  of['sta' + 'ck'].push(1);",
    "uses await": "const go = (await) => await['sta' + 'ck'];",
    "uses console": "rows.map(() => { console('x')\n{}\n });",
    "asks < outside a claim": "const go = (assert) => assert(rows < 1);",
    "uses mock": "test.mock(rows);",
    "uses skip": "test.skip('x', () => 1);",
    "uses '\\\\'": "changeOf(\\u0070rocess);",
}
READS = """const text = Buffer.alloc(9999);
  fs.readSync(fs.openSync(require.resolve('../src/transform')), text);
  changeOf(rows.at(Number(text.includes('MAX_ROWS'))));"""
WRITES = "require('fs').writeFileSync(require.resolve('../src/transform'), 'module.exports = {}');"


def found(body: str) -> list[str]:
    source = f"{HEAD}\ntest('the first day', async () => {{\n  {body}\n}});\n"
    return [what for _, what in unplain(source, TEST)]


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_test_is_taken_at_its_word(name: str) -> None:
    assert found(PLAIN[name]) == []


@pytest.mark.parametrize("what", FORGED)
def test_what_no_plain_test_needs_is_told(what: str) -> None:
    assert f"{what}, which no plain test needs" in found(FORGED[what])


def test_what_is_told_has_its_line_and_stands_beside_what_is_chosen() -> None:
    told = choices({TEST: f"{HEAD}{READS}\n".encode()})
    assert f"{TEST}:6 uses fs, which no plain test needs" in told
    assert f"{TEST}:7 uses at with what is worked out, which no plain test needs" in told


def test_one_file_that_writes_the_code_anew_shows_that_none_is_plain() -> None:
    honest = f"{HEAD}test('x', () => {PLAIN['a claim'].rstrip(';')});\n".encode()
    assert choices({TEST: honest}) == []
    assert choices({"services/sse/test/a.test.js": f"{HEAD}{WRITES}\n".encode(), TEST: honest})


@pytest.mark.parametrize("text", ["const ", "(", "assert(", "{a", "`${", "at(1,", "['a'"])
def test_hostile_text_takes_no_long_time(text: str) -> None:
    begun = time.monotonic()
    found(text * 8000)
    assert time.monotonic() - begun < 5
