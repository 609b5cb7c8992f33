"""The names in a Node test: which it gives to what it loads and works out, and which make claims."""

from __future__ import annotations

from agent.proof.labels.script_tokens import tokens_of

MODULES = frozenset({"node:test", "node:assert", "node:assert/strict", "assert", "assert/strict"})
"""What a plain test loads besides its service's files."""
_FURTHEST = 300
"""How many tokens there may be between two brackets."""


class Script:
    """The tokens of a test, by index: beyond its ends there is nothing.

    `declared` are all names that are given to something, `changing` those that get another value, `claims`
    those of `node:assert` and `testing` those of `node:test`, which stand at `binding` when they are given.
    """

    def __init__(self, source: str) -> None:
        self.tokens = tokens_of(source)
        self.declared, self.changing = set[str](), set[str]()
        self.claims, self.testing = set[str](), set[str]()
        self.binding = set[int]()
        again = set[str]()
        for index in range(len(self.tokens)):
            names = self._bound(index)
            again |= names & self.declared
            self.declared |= names
        # What has its name a second time may be something else by it.
        self.claims -= again | self.changing

    def text(self, index: int) -> str:
        """What is written there."""
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def kind(self, index: int) -> str:
        """What kind of token it is."""
        return self.tokens[index].kind if 0 <= index < len(self.tokens) else ""

    def is_called(self, index: int) -> bool:
        """Whether a name there, or a member of what has it, is called, or it is given to something."""
        after = index + 1
        while self.text(after) == "." and self.kind(after + 1) == "name":
            after += 2
        return self.text(after) == "(" or index in self.binding

    def opening(self, index: int) -> int | None:
        """The bracket that is closed there."""
        return self._match(index, -1, ")]}", "([{")

    def closing(self, index: int) -> int | None:
        """The bracket that closes the one there."""
        return self._match(index, 1, "([{", ")]}")

    def _match(self, index: int, step: int, opening: str, closing: str) -> int | None:
        depth, at = 0, index
        while 0 <= at < len(self.tokens) and abs(at - index) < _FURTHEST:
            if self.kind(at) == "mark" and len(self.text(at)) == 1:
                depth += (self.text(at) in opening) - (self.text(at) in closing)
            if depth == 0:
                return at
            at += step
        return None

    def _bound(self, index: int) -> set[str]:
        """The names that are given to something there."""
        word = self.text(index).strip()
        if word in ("const", "let", "import"):
            end = index + 1
            last = min(len(self.tokens), index + _FURTHEST)
            while end < last and self.text(end) not in ("=", ";", "of", "from"):
                end += 1
            names = self._names(index + 1, end)
            self.changing |= names if word == "let" else set()
            loaded = [each.text[1:-1] for each in self.tokens[end : end + 4] if each.kind == "text"]
            if loaded and loaded[0] in MODULES:
                self.binding |= set(range(index, end))
                kept = self.testing if loaded[0] == "node:test" else self.claims
                kept |= names
            return names
        if word == "function" and self.kind(index + 1) == "name":
            return {self.text(index + 1)}
        if word == "=>" and self.kind(index - 1) == "name":
            return {self.text(index - 1)}
        if word == ")" and self.text(index + 1) in ("=>", "{"):
            return self._names(self.opening(index) or index, index)
        return set()

    def _names(self, start: int, end: int) -> set[str]:
        return {each.text for each in self.tokens[start:end] if each.kind == "name"}
