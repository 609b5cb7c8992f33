"""What stands in a Node test that no plain one needs.

The calls of such a test are not watched, so it has to be plain enough to be taken at its word: it loads
`node:test`, `node:assert` and its service's files, hands written data to the code and makes claims about
what comes back. With anything more it could read the code under test, write it anew, or make up the failure.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from agent.proof.labels.script_tokens import KEYWORDS
from agent.proof.script_names import MODULES, Script

_RELATIVE = re.compile(r"\.{1,2}/[\w./-]{1,200}")
_GLOBALS = frozenset(
    {"Array", "Buffer", "Infinity", "JSON", "Map", "NaN", "Promise", "Set", "clearTimeout", "require"}
    | {"setImmediate", "setTimeout", "structuredClone", "undefined"}
)
_ERRORS = frozenset({"Error", "RangeError", "ReferenceError", "SyntaxError", "TypeError"})
_PLAIN_WORDS = frozenset(
    {"async", "await", "const", "export", "false", "for", "function", "import", "instanceof", "let", "new"}
    | {"null", "of", "return", "true", "undefined"}
)
# What looks at code, at errors or at the process, makes a text of something, or goes on after a failure.
_NEVER = frozenset(
    {"__defineGetter__", "__defineSetter__", "__dirname", "__filename", "__lookupGetter__", "__proto__"}
    | {"alloc", "allocUnsafe", "allocUnsafeSlow", "allSettled", "any", "apply", "assign", "bind", "call"}
    | {"captureStackTrace", "catch", "cause", "filePath"}
    | {"charAt", "charCodeAt", "children", "codePointAt", "concat", "constructor", "defineProperty", "eval"}
    | {"exec", "execArgv", "exports", "fileSnapshot", "fill", "finally", "find", "findIndex", "findLast"}
    | {"fromCharCode", "global", "globalThis", "indexOf", "join", "localeCompare", "match", "matchAll"}
    | {"meta", "mock", "module", "normalize", "only", "padEnd", "padStart", "pop", "prepareStackTrace"}
    | {"process", "prototype", "race", "register", "reject", "replace", "replaceAll", "search"}
    | {"shift", "skip", "snapshot", "splice", "stack", "stackTraceLimit", "then", "toJSON", "toString"}
    | {"toLocaleDateString", "toLocaleString", "toLocaleTimeString", "todo", "valueOf", "with"}
)  # fmt: skip
_NOT_HERE = frozenset(
    {"Atomics", "BigInt", "Date", "FinalizationRegistry", "Function", "Intl", "Math", "Number", "Object"}
    | {"Proxy", "Reflect", "RegExp", "String", "Symbol", "WeakRef", "WebAssembly", "Worker", "crypto"}
    | {"escape", "fetch", "navigator", "parseFloat", "parseInt", "performance", "queueMicrotask"}
    | {"unescape"}
)  # fmt: skip
_BY_NUMBER = frozenset({"at", "repeat", "slice"})
_LONG = 6
"""How long a number is that makes more of something than any test needs."""
_ACCESSORS = frozenset({"get", "set", "static"})
_MARKS = frozenset("(){}[],;:.") | {"=>", "..."}
_CLAIMED = frozenset({"===", "!==", "==", "!=", "<", ">", "<=", ">=", "!", "length"})
_BEHIND_REGEX = frozenset({")", ",", "}"})
_STEPS = frozenset({"=", "+=", "-=", "++", "--"})


def unplain(source: str, path: str) -> Iterator[tuple[int, str]]:
    """Lines, and what each has that no plain test needs; `path` is where the test stands."""
    yield from _Reader(Script(source), path).found()


class _Reader:
    def __init__(self, script: Script, path: str) -> None:
        self._script, self._path = script, path
        self._text, self._kind = script.text, script.kind

    def found(self) -> Iterator[tuple[int, str]]:
        """Each odd token, once for its line."""
        seen = set()
        for index, token in enumerate(self._script.tokens):
            what = self._what(index)
            if what is not None and (token.line, what) not in seen:
                seen.add((token.line, what))
                yield token.line, f"{what}, which no plain test needs"

    def _what(self, k: int) -> str | None:
        token = self._script.tokens[k]
        if token.kind == "name":
            return self._of_name(k)
        if token.kind == "mark":
            return self._of_mark(k)
        if token.kind == "template":
            return "works out a text" if "${" in token.text else None
        if token.kind == "regex":
            is_claimed = self._text(k - 1) in (",", "(", ":") and self._text(k + 1) in _BEHIND_REGEX
            return None if is_claimed else f"uses {token.text[:40]}"
        if token.kind == "text":
            return self._of_key(k)
        return None if token.kind == "number" else f"uses {token.text[:40]!r}"

    def _of_name(self, k: int) -> str | None:
        word, before, after = self._text(k).strip(), self._text(k - 1), self._text(k + 1)
        is_member, before_that = before in (".", "?."), self._text(k - 2)
        if word in _NEVER and not (word == "match" and is_member and before_that in self._script.claims):
            return f"uses {word}"
        if word in ("require", "import", "from") and not is_member:
            return self._of_loading(k)
        if word == "for" and not self._is_plain_loop(k + 1):
            return "goes through what is not named there"
        if word in self._script.testing and not is_member and not self._is_used_plainly(k):
            return f"hands on {word}"
        if word in self._script.claims and not (is_member or self._script.is_called(k) or after == ":"):
            return f"hands on {word}"
        if word == "run" and not (is_member and before_that in self._script.declared - self._script.testing):
            return "runs other files"
        if word == "length" and after == ":":
            plain = self._kind(k + 2) == "number" and len(self._text(k + 2)) < _LONG
            return None if plain else "makes something of a length"
        if word == "length":
            return None if is_member and self._is_claim(k) else "uses length outside a claim"
        if word in _BY_NUMBER and not self._is_by_number(k + 1):
            return f"uses {word} with what is worked out"
        if word in _ACCESSORS and self._kind(k + 1) in ("name", "text", "number"):
            return f"uses {word}"
        if is_member or after == ":" or self._is_method(k):
            return None
        if word in KEYWORDS:
            return None if word in _PLAIN_WORDS and self._is_no_variable(k) else f"uses {word}"
        if word in _ERRORS:
            return None if before == "," and after in (")", ",") else f"makes up a {word}"
        known = word in _GLOBALS or (word in self._script.declared and word not in _NOT_HERE)
        return None if known else f"uses {word}"

    def _is_no_variable(self, k: int) -> bool:
        """Whether a word that may be a variable's name as well is the language's own here."""
        word, before, after = self._text(k).strip(), self._text(k - 1), self._text(k + 1)
        if word == "of":
            return before not in ("const", "let", "(", ",")
        if word == "async":
            return after in ("(", "function") or self._kind(k + 1) == "name"
        return word not in self._script.declared and before not in ("const", "let")

    def _is_plain_loop(self, k: int) -> bool:
        begins = k + (self._text(k) == "await")
        return self._text(begins) == "(" and self._text(begins + 1) in ("const", "let")

    def _is_used_plainly(self, k: int) -> bool:
        """Whether a name of `node:test` is called, or has something read of it, or is bound."""
        return self._text(k + 1) in ("(", ".", ":") or k in self._script.binding

    def _of_key(self, k: int) -> str | None:
        """A text that is a member's name, written in an object."""
        text, after = self._text(k), self._text(k + 1)
        is_key = after in (":", "(")
        is_odd = after == "(" or text[1:-1] in _NEVER or "\\" in text
        return f"names a member {text[:40]}" if is_key and is_odd else None

    def _of_loading(self, k: int) -> str | None:
        word, after = self._text(k), self._text(k + 1)
        if word == "require":
            return self._of_load(k + 2) if (after, self._text(k + 3)) == ("(", ")") else "uses require"
        if self._kind(k + 1) == "text":
            return self._of_load(k + 1)
        is_named = word == "import" and (after in ("{", "*") or self._kind(k + 1) == "name")
        return None if is_named else f"uses {word}"

    def _is_by_number(self, k: int) -> bool:
        end = k + 1
        while (self._kind(end) == "number" and len(self._text(end)) < _LONG) or self._text(end) in (",", "-"):
            end += 1
        return self._text(k) == "(" and self._text(end) == ")"

    def _of_load(self, k: int) -> str | None:
        """Whether what is loaded is `node:test`, `node:assert`, or a file of the service."""
        token = self._script.tokens[k]
        name = token.text[1:-1]
        if token.kind == "text" and name in MODULES:
            is_bound = self._script.binding & {k - 2, k - 4}
            return None if is_bound else f"loads {token.text} in passing"
        if token.kind == "text" and _RELATIVE.fullmatch(name):
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(self._path), name)).split("/")
            is_own = whole[:2] == self._path.split("/")[:2] and len(whole) > 2
            # Node runs a file of any other name as a script, and nobody else reads it as one.
            is_script = "." not in whole[-1] or whole[-1].endswith((".js", ".cjs", ".mjs"))
            if is_own and "node_modules" not in whole and is_script:
                return None
        return f"loads {token.text[:60]}"

    def _of_mark(self, k: int) -> str | None:
        mark, before, after = self._text(k), self._text(k - 1), self._text(k + 1)
        if mark == "[" and self._is_reading(k):
            key = self._script.tokens[k + 1] if k + 1 < len(self._script.tokens) else None
            is_plain = key is not None and key.kind in ("number", "text") and self._text(k + 2) == "]"
            is_never = key is not None and (
                key.text[1:-1] in _NEVER or "\\" in key.text or "length" in key.text
            )
            return "reads a member by a name that is worked out" if not is_plain or is_never else None
        if mark == "]" and after in (":", "("):
            return "names a member by what is worked out"
        if mark in _STEPS:
            return None if self._is_own_step(k) else "changes something else than its own variables"
        if mark in _CLAIMED:
            return None if self._is_claim(k) else f"asks {mark} outside a claim"
        if mark in ("+", "-", "*"):
            kinds = {self._kind(k - 1), self._kind(k + 1)}
            is_sign = (
                mark == "-" and self._kind(k + 1) == "number" and before in ("(", ",", "[", ":", "=", "=>")
            )
            return None if is_sign or kinds in ({"number"}, {"text"}) else f"uses {mark}"
        return None if mark in _MARKS else f"uses {mark}"

    def _is_reading(self, k: int) -> bool:
        """Whether a `[` reads a member, and does not begin an array."""
        if self._kind(k - 1) == "name":
            return self._text(k - 1) not in KEYWORDS or self._text(k - 2) == "."
        return self._kind(k - 1) in ("text", "template", "regex") or self._text(k - 1) in (
            ")",
            "]",
            "}",
        )

    def _is_own_step(self, k: int) -> bool:
        """Whether a name is declared with its value, or a variable of the test gets another."""
        if self._text(k) in ("++", "--"):
            return (self._text(k - 1) in self._script.changing and self._text(k - 2) != ".") or (
                self._text(k + 1) in self._script.changing and self._text(k + 2) != "."
            )
        if self._kind(k - 1) == "name":
            is_declared = self._text(k - 2) in ("const", "let") and self._text(k) == "="
            return is_declared or (
                self._text(k - 1) in self._script.changing and self._text(k - 2) in ";{}=>"
            )
        opened = self._script.opening(k - 1) if self._text(k - 1) in ("}", "]") else None
        return opened is not None and self._text(opened - 1) in ("const", "let") and self._text(k) == "="

    def _is_claim(self, k: int) -> bool:
        """Whether it stands between the brackets of a claim."""
        depth = 0
        for at in range(k - 1, max(-1, k - 200), -1):
            text = self._text(at) if self._kind(at) in ("mark", "name") else ""
            if text in (";", "=>"):
                return False
            if depth < 0 and text in self._script.claims and self._text(at + 1) in (".", "("):
                return True
            depth += (text == ")") - (text == "(")
        return False

    def _is_method(self, k: int) -> bool:
        """Whether a name is that of a method that is written in an object."""
        before = self._text(k - 1)
        if self._text(k + 1) != "(" or self._text(k) in KEYWORDS or before not in ("{", ",", "async"):
            return False
        # With a line between them they are a call and a block.
        closed = self._script.closing(k + 1)
        return (
            closed is not None
            and [each.text for each in self._script.tokens[closed + 1 : closed + 2]] == ["{"]
            and self._script.tokens[closed].line == self._script.tokens[closed + 1].line
        )
