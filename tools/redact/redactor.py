"""Secrets out of any text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tools.redact import assignments, tokens
from tools.redact.gate import Lowered
from tools.redact.known import KnownSecrets
from tools.redact.spans import Span, merged


class Redactor:
    """Replaces secrets by `[REDACTED:rule]`: the known ones in every form, others by their shape or name.

    Linear in the length of the text, whatever the text is.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known = KnownSecrets(secrets)

    def __call__(self, text: str) -> str:
        """The text with every secret replaced, line numbers kept.

        A text that was redacted before stays as it is.
        """
        parts: list[str] = []
        last = 0
        for span in self._spans(text):
            lines = "\n" * text.count("\n", span.start, span.end)
            parts += (text[last : span.start], f"[REDACTED:{span.rule}]", lines)
            last = span.end
        return "".join([*parts, text[last:]]) if parts else text

    def find(self, text: str) -> list[str]:
        """The names of the rules that hit, without repetition, in the order of their first hit."""
        return list(dict.fromkeys(span.rule for span in self._spans(text)))

    def placeholder(self, value: str) -> str:
        """A value of the same shape that holds no secret: letters become x, digits 0.

        Where only a part of the value is secret, as in a URL with a password, the rest stays.
        """
        spans = list(self._spans(value)) or [Span(0, len(value), "")]
        text = list(value)
        for span in spans:
            text[span.start : span.end] = map(_masked, text[span.start : span.end])
        return "".join(text)

    def _spans(self, text: str) -> Iterator[Span]:
        lowered = Lowered(text)
        return merged(
            [*self._known.find(text), *tokens.find(text, lowered), *assignments.find(text, lowered)]
        )


def _masked(char: str) -> str:
    if char.isdigit():
        return "0"
    if char.isalpha():
        return "X" if char.isupper() else "x"
    return char
