// Reports what becomes of each test as a line of JSON. It runs in the process of `node --test`, and the
// tests in one of their own: nothing of it is near them.

export default async function* report(events) {
  const path = [];
  for await (const { type, data } of events) {
    if (type === "test:start") {
      path[data.nesting] = String(data.name);
    } else if (type === "test:pass" || type === "test:fail") {
      const name = path.slice(0, data.nesting + 1).join(" > ");
      const error = data.details?.error?.cause ?? data.details?.error;
      const idle = data.skip !== undefined ? "skipped" : data.todo !== undefined ? "xfailed" : "passed";
      const kind = type === "test:fail" ? "failed" : idle;
      yield `${JSON.stringify({ kind, name, error: kind === "failed" ? [error?.name, error?.message, error?.stack].map((part) => String(part ?? "")) : [] })}\n`;
    } else if (type === "test:diagnostic" && data.message.includes("after the test ended")) {
      yield `${JSON.stringify({ kind: "late", name: String(data.message), error: [] })}\n`;
    }
  }
}
