// Counts the claims that tests make by node:assert: where each stands that held, and in which test.
// Only what a file of the tests itself calls is a claim of theirs. The counts lie in a closure of this
// module and are handed out once, to our reporter. Where that is the plan, claims are turned around
// instead. Nothing here may call what code under test can replace.

"use strict";

const assert = require("node:assert");
const { createHook, executionAsyncResource } = require("node:async_hooks");
const { syncBuiltinESMExports } = require("node:module");
const { pathToFileURL } = require("node:url");

const { AssertionError } = assert;
const { apply } = Reflect;
const { captureStackTrace } = Error;
const { defineProperty } = Object;
const owners = new WeakMap();
const ownerOf = owners.get.bind(owners);
const own = owners.set.bind(owners);
const counts = { __proto__: null };
const files = { __proto__: null };
const LATER = { __proto__: null, rejects: true, doesNotReject: true };
let begun = false;
let handed = false;

// Where a claim stands: the first place on the way to it that is neither ours nor Node's.
function place() {
  const { prepareStackTrace, stackTraceLimit } = Error;
  const here = {};
  Error.prepareStackTrace = (_, sites) => sites;
  Error.stackTraceLimit = 20;
  captureStackTrace(here, place);
  const sites = here.stack;
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  for (let i = 0; i < sites.length; i += 1) {
    const file = sites[i].getFileName();
    const aside = !file || file === __filename || (file[4] === ":" && file[0] === "n" && file[3] === "e");
    if (!aside) {
      const number = files[file];
      return number === undefined ? undefined : number + ":" + sites[i].getLineNumber() + ":" + sites[i].getColumnNumber();
    }
  }
  return undefined;
}

function nameOf(test) {
  let name = test.name;
  for (let above = test.parent; above?.parent; above = above.parent) name = above.name + " > " + name;
  return name;
}

function count(test, where) {
  if (test === undefined || where === undefined) return;
  const name = nameOf(test);
  const held = (counts[name] ??= { __proto__: null });
  held[where] = (held[where] ?? 0) + 1;
}

async function countLater(answer, test, where) {
  const value = await answer;
  count(test, where);
  return value;
}

function counted(name, claim) {
  function said(...values) {
    const test = ownerOf(executionAsyncResource());
    const where = place();
    if (name === "ok" && values.length === 1 && !values[0]) {
      // Node would quote the line that calls it, which is one of ours.
      const message = "The expression evaluated to a falsy value";
      throw new AssertionError({ message, actual: values[0], expected: true, operator: "==", stackStartFn: said });
    }
    const answer = apply(claim, this, values);
    if (LATER[name]) return countLater(answer, test, where);
    count(test, where);
    return answer;
  }
  return defineProperty(said, "name", { value: name });
}

function turnedAround(name, claim) {
  if (name === "fail" || name === "ifError") return claim;
  return (...values) => {
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

// Node tells what to match from what not to match by whether it was called as assert.match.
function asItself(match) {
  return (...values) => {
    const ours = assert.match;
    assert.match = match;
    try {
      return match(...values);
    } finally {
      assert.match = ours;
    }
  };
}

// The same module, of which a call is heard, too. Its members stay those of the module.
function heard(side, listen) {
  const ok = listen("ok", side);
  return new Proxy(side, { apply: (_, self, values) => ok(...values) });
}

exports.begin = (turned, paths) => {
  if (begun) return;
  begun = true;
  const listen = turned ? turnedAround : counted;
  for (let i = 0; i < paths.length; i += 1) {
    files[paths[i]] = files[pathToFileURL(paths[i]).href] = i;
  }
  createHook({
    init(id, type, trigger, resource) {
      const test = type === "Test" ? resource : ownerOf(executionAsyncResource());
      if (test !== undefined) own(resource, test);
    },
  }).enable();
  exports.assert = heard(assert, listen);
  const strict = heard(assert.strict, listen);
  const match = asItself(assert.match);
  for (const side of [assert, assert.strict]) {
    for (const name of Object.keys(side)) {
      const claim = name === "match" ? match : side[name];
      if (typeof claim === "function" && !/^[A-Z]|^strict$/.test(name)) side[name] = listen(name, claim);
    }
    side.strict = strict;
  }
  syncBuiltinESMExports();
};

exports.hand = () => {
  if (handed) return { __proto__: null };
  handed = true;
  return counts;
};
