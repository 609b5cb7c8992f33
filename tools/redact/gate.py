"""Which parts of a text a slow pattern has to look at: those with a word that every match of it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

ODD = "\u0130\u0131\u017f\u212a"
"""What a pattern that ignores case takes for an ASCII letter, although its lower case may be none."""


class Lowered:
    """A text in lower case, position by position; where that cannot be, every word may be in it."""

    def __init__(self, text: str) -> None:
        self._length = len(text)
        plain = text.isascii() or not any(char in text for char in ODD)
        self._text = text.lower() if plain else None

    def holds(self, words: Iterable[str]) -> bool:
        """Whether one of the words, given in lower case, is in the text in any case."""
        return self._text is None or any(word in self._text for word in words)

    def lines(self, words: Iterable[str]) -> list[tuple[int, int]]:
        """Start and end of each line that holds one of the words, in order."""
        if self._text is None:
            return [(0, self._length)]
        return sorted({line for word in words for line in self._lines(self._text, word)})

    def _lines(self, text: str, word: str) -> Iterator[tuple[int, int]]:
        at = text.find(word)
        while at >= 0:
            end = text.find("\n", at)
            end = self._length if end < 0 else end
            yield text.rfind("\n", 0, at) + 1, end
            at = text.find(word, end)
