"""The same of Node, by text: what takes an error, and what is made up."""

from __future__ import annotations

import pytest

from agent.proof.labels import labels_of

BASE = """'use strict';

function tick(quote) {
  const text = quote.close.toFixed(2);
  return text;
}

function read(raw) {
  try {
    return JSON.parse(raw);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
"""
LINE = "const text = quote.close.toFixed(2);"
SWALLOWED = "workaround: a swallowed error"
DEFAULT = "workaround: a default that hides missing data"
SOMETIMES = "look at: an error that is taken, and raised again only under a condition"


def told(replace: str, search: str = LINE) -> set[str]:
    assert search in BASE
    after = BASE.replace(search, replace)
    return set(map(str, labels_of((), {"src/a.js": BASE}, {"src/a.js": after})))


TAKEN = {
    "finally that returns": f"let text = '';\n  try {{\n    text = tock(quote);\n  }} finally {{ return text; }}\n{LINE}",
    "a catch that notes": f"try {{ {LINE} }} catch (error) {{ quote.odd = error; return null; }}",
    "a catch without a name": f"try {{ {LINE} }} catch {{ /* throw */ return null; }}",
    "a catch that says throw": f"try {{ {LINE} }} catch (e) {{ log('throw'); }}",
    "a promise's catch": "tock(quote).catch(String);",
    "a promise's second function": "tock(quote).then(show, (error) => show(error.message));",
    "an uncaught one": f"process.on('uncaughtException', show);\n{LINE}",
    "an unhandled one": f"process.once('unhandledRejection', (e) => show(e));\n{LINE}",
    "all settled": "Promise.allSettled([tock(quote)]);",
}
MADE_UP = {
    "or a text": "const text = (quote.close || '0.00').toFixed(2);",
    "or a negative number": "const text = (quote.close ?? -1).toFixed(2);",
    "or a name": "const text = (quote.close ?? FLAT).toFixed(2);",
    "or, assigned": f"quote.close ??= 1;\n{LINE}",
    "a ternary": "const text = quote.close ? quote.close.toFixed(2) : '0.00';",
    "a ternary turned round": "const text = quote.close == null ? 0 : quote.close.toFixed(2);",
    "destructuring": "const { close = 0 } = quote;",
    "destructuring under a name": "const { price, close: last = FLAT } = quote;",
    "Math.max": "const text = Math.max(quote.close, 0.01).toFixed(2);",
    "a spread": "const all = { close: 1, ...quote };",
    "a spread of a name": "const all = { ...DEFAULTS, ...quote };",
    "Object.assign": "const all = Object.assign({ close: 1 }, quote);",
    "if, return": f"if (quote.close == null) return '0.00';\n{LINE}",
    "if, assign": f"if (!quote.close) {{\n    quote.close = 1;\n  }}\n{LINE}",
}
HONEST = {
    "None where there is none": "const text = quote.close ? quote.close.toFixed(2) : null;",
    "a guard": f"if (!quote.close) return null;\n{LINE}",
    "a choice": "const text = quote.close ? 'up' : 'down';",
    "optional chaining": "const text = quote.close?.toFixed(2);",
    "a condition": f"if (quote.close || quote.price) show(quote);\n{LINE}",
    "a catch that throws": f"try {{ {LINE} }} catch (error) {{ throw new RangeError(error.message); }}",
    "a catch that rejects": "tock(quote).catch(reject);",
    "a finally that closes": f"try {{ {LINE} }} finally {{ quote.close(() => {{ return 1; }}); }}",
    "a text that reads so": f"const help = 'a || 1 }} catch {{ }}';\n{LINE}",
}


@pytest.mark.parametrize("name", TAKEN)
def test_whatever_takes_an_error_is_a_workaround(name: str) -> None:
    assert SWALLOWED in told(TAKEN[name])


@pytest.mark.parametrize("name", MADE_UP)
def test_a_made_up_value_is_a_workaround_in_any_form(name: str) -> None:
    assert told(MADE_UP[name]) == {DEFAULT}


@pytest.mark.parametrize("name", HONEST)
def test_what_hides_nothing_is_not_told(name: str) -> None:
    assert told(HONEST[name]) == set()


def test_a_handler_that_takes_more_under_its_condition_is_something_to_look_at() -> None:
    wider = "if (error === undefined || error instanceof SyntaxError)"
    assert told(wider, "if (error instanceof SyntaxError)") == {SOMETIMES}


def test_a_script_that_only_moves_hides_nothing() -> None:
    catching = (
        "function f(a) {\n  try {\n    a();\n  } catch (e) {\n    note(e);\n  }\n  return a.b || 0;\n}\n"
    )
    assert labels_of((), {"a.js": catching}, {"b.mjs": catching}) == ()
    assert labels_of((), {"a.js": catching}, {"a.js": catching.replace("note(e)", "note(e.text)")}) == ()
