// Loaded before the tests. Makes node set up its reporter now, before any code under test could be
// first to call it; and turns node:assert around where that is the plan.

import fs from "node:fs";
import assert from "node:assert";
import { syncBuiltinESMExports } from "node:module";
import test from "node:test";

const turned = fs.readFileSync(5, "latin1") === "turned";
fs.closeSync(5);
process.execArgv = [];

await test("ready", () => {});

if (turned) {
  for (const side of [assert, assert.strict]) {
    for (const name of Object.keys(side)) {
      const claim = side[name];
      if (typeof claim !== "function" || /^[A-Z]|^strict$|fail|ifError/.test(name)) continue;
      side[name] = (...values) => {
        let answer;
        try {
          answer = claim(...values);
        } catch {
          return;
        }
        if (typeof answer?.then !== "function") throw new Error("turned around");
        return answer.then(() => { throw new Error("turned around"); }, () => {});
      };
    }
  }
  syncBuiltinESMExports();
}
