// Reports each test of one file to the supervisor. A line is worth what its first word is worth,
// and the words lie in a closure of this module, which JavaScript lets nobody look into. Only the
// first call reports: it is node's own, made while nothing but the preload has run. Nothing here
// may call what code under test can replace: no prototypes, no JSON.

import fs from "node:fs";
import listener from "./claims.cjs";

const claims = listener.hand();
const write = fs.writeSync;
const words = fs.readFileSync(3, "latin1").split("\n");
fs.closeSync(3);
let said = 0;
let calls = 0;

function text(value) {
  return typeof value === "string" ? value : "";
}

// A part of a line: what tells parts from each other may not stand in it.
function plain(part) {
  let clean = "";
  for (let i = 0; i < part.length; i += 1) clean += part[i] === "\u0001" ? "\u0002" : part[i];
  return clean;
}

function claimed(name) {
  let told = "";
  for (const where in claims[name]) told += where + "=" + claims[name][where] + ",";
  return told;
}

function say(kind, name, error) {
  const word = words[said];
  said += 1;
  const told = error === undefined ? "" : plain(text(error.name)) + "\u0001" + plain(text(error.message)) + "\u0001" + plain(text(error.stack));
  const line = word + "\u0001" + kind + "\u0001" + plain(name) + "\u0001" + claimed(name) + "\u0001" + told;
  let clean = "";
  for (let i = 0; i < line.length && i < 12000; i += 1) {
    clean += line[i] === "\n" ? "\u0002" : line[i];
  }
  write(4, clean + "\n");
}

export default async function* report(events) {
  calls += 1;
  if (calls > 1) return;
  const path = [];
  for await (const { type, data } of events) {
    if (type === "test:start") {
      path[data.nesting] = text(data.name);
    } else if (type === "test:pass" || type === "test:fail") {
      let name = "";
      for (let i = 0; i <= data.nesting; i += 1) name += (i ? " > " : "") + path[i];
      const idle = data.skip !== undefined ? "skipped" : data.todo !== undefined ? "xfailed" : "passed";
      const cause = data.details?.error?.cause;
      const error = cause !== null && typeof cause === "object" ? cause : data.details?.error;
      if (type === "test:pass") say(idle, name, undefined);
      else say("failed", name, error ?? {});
    }
  }
  say("end", "", undefined);
  if (said < 0) yield "";
}
