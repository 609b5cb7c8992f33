// Loaded before the tests. Listens to node:assert, or turns it around where that is the plan, and makes
// node set up its reporter now, before any code under test could be first to call it.

import fs from "node:fs";
import test from "node:test";
import claims from "./claims.cjs";

const [mode, ...files] = fs.readFileSync(5, "utf8").split("\n");
fs.closeSync(5);
process.execArgv = [];
claims.begin(mode === "turned", files);

await test("ready", () => {});
