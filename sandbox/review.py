"""What the text of a patch adds: refused where no honest patch does it, else a flag for the reviewer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sandbox.scope import Refused
from sandbox.signals import Signals, read_signals

FindSecrets = Callable[[str], Sequence[str]]
"""Names of the rules that take a text for holding secrets."""

_TEST = re.compile(
    r"(^|/)(tests?|__tests__)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$|\.(test|spec)\.[cm]?[jt]sx?$"
)
_IN_TESTS = re.compile(r"(^|/)(tests?|__tests__)/")
_HIDING = frozenset({"broad-except", "swallows-error", "adds-default"})
_DEPENDENCIES = re.compile(
    r"(requirements|constraints)[\w.-]*|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|pyproject\.toml"
    r"|setup\.(py|cfg)|Pipfile(\.lock)?|poetry\.lock|uv\.lock|environment\.ya?ml"
)
_TEST_CONFIGURATION = re.compile(r"conftest\.py|\.?pytest\.(ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml")
_LONGEST_LINE = 10_000
_MOST_DOTS = 1_000
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff\U000e0000-\U000e007f]")
# What a terminal that shows the diff would obey, and line ends that only the interpreter sees.
_CONTROL = re.compile("[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f\u2028\u2029]")
_LONE_CR = re.compile(rb"\r(?!\n)")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Text:
    """One changed file. `old` and `new` are None where the file is not; a restored one was not written."""

    path: str
    old: bytes | None
    new: bytes | None
    restored: bool = False
    restored_from: bytes | None = None

    @property
    def added_lines(self) -> list[bytes]:
        """Lines of the new file that neither the old one nor the restored one has, in order."""
        if self.new is None or self.restored:
            return []
        return list(_beyond(_lines(self.new), self.known_lines))

    @property
    def known_lines(self) -> Counter[bytes]:
        """How often each line may be there without having been written."""
        return Counter(_lines(self.old)) | Counter(_lines(self.restored_from))


def is_test(path: str) -> bool:
    """True for test files and what configures them, by the conventions of pytest and Node."""
    return _TEST.search(path) is not None


def written_lines(texts: Sequence[Text]) -> int:
    """How many lines the patch writes; lines that it moves between its files do not count."""
    known: Counter[bytes] = Counter()
    for text in texts:
        known.update(text.known_lines)
    fresh = [line for text in texts if not text.restored for line in _lines(text.new)]
    return (Counter(fresh) - known).total()


def review(texts: Sequence[Text], find_secrets: FindSecrets | None) -> tuple[str, ...]:
    """The flags that a reviewer should look at, sorted. Restored files are taken as they were.

    Raises:
        Refused: `binary`, `line-too-long`, `bidi-control`, `control-character`, `secret`, `detects-tests`.
    """
    flags: set[str] = set()
    for text in texts:
        if text.new is not None and not text.restored:
            _refuse_added(text, find_secrets)
        flags.update(_file_flags(text))
        flags.update(_test_flags(text) if is_test(text.path) else _code_flags(text))
        if is_test(text.path) and not _IN_TESTS.search(text.path):
            flags.update(_hiding(text))
    return tuple(sorted(flags))


def _refuse_added(text: Text, find_secrets: FindSecrets | None) -> None:
    if text.new is not None and b"\0" in text.new:
        raise Refused("binary", f"{text.path} would be a binary file.")
    lines = text.added_lines
    if any(len(line) > _LONGEST_LINE for line in lines):
        raise Refused("line-too-long", f"{text.path} would have a line of over {_LONGEST_LINE} bytes.")
    if text.path.endswith(".py") and _has_endless_import(text.new or b""):
        raise Refused("line-too-long", f"{text.path} would import a name of over {_MOST_DOTS} parts.")
    added = b"\n".join(lines).decode("utf-8", "replace")
    if _BIDI.search(added):
        raise Refused("bidi-control", f"{text.path} would hold characters that reorder the text as shown.")
    if _CONTROL.search(added) or _lone_crs(text.new) > _lone_crs(text.old):
        raise Refused("control-character", f"{text.path} would hold control characters; write their escapes.")
    rules = find_secrets(f"{text.path}\n{added}") if find_secrets else ()
    if rules:
        raise Refused(
            "secret",
            f"{text.path} would hold what looks like a secret ({', '.join(sorted(set(rules)))}). "
            "Read it from the configuration that the service loads instead.",
        )


def _lone_crs(content: bytes | None) -> int:
    return len(_LONE_CR.findall(content or b""))


def _has_endless_import(source: bytes) -> bool:
    """Python takes a minute to parse a dotted name of 100,000 parts."""
    for ending in (b"\\\r\n", b"\\\n", b"\\\r"):
        source = source.replace(ending, b"")
    return any(line.count(b".") > _MOST_DOTS and b"import" in line for line in source.splitlines())


def _hiding(text: Text) -> set[str]:
    """What a file hides that lies among the code and is called like a test: code may well use it."""
    new = None if text.restored else read_signals(text.path, text.new)
    return set() if new is None else {flag for flag in _gained(text, new) if flag in _HIDING}


def _code_flags(text: Text) -> set[str]:
    if text.restored:
        return set()
    new = read_signals(text.path, text.new)
    if new is None:
        return {"does-not-parse"}
    gained = set(_gained(text, new))
    if "detects-tests" in gained:
        raise Refused(
            "detects-tests",
            f"{text.path} would look at its caller, or at whether it is under test. Mend the cause instead.",
        )
    return gained - {"adds-skip"}


def _test_flags(text: Text) -> Iterator[str]:
    if text.old is not None:
        yield "changes-test"
    new, old = read_signals(text.path, text.new), read_signals(text.path, text.old)
    if new is None:
        yield "does-not-parse"
    if new is None or old is None or text.restored:
        return
    if old.tests.keys() - new.tests.keys():
        yield "deletes-test"
    if any(checks - new.tests.get(name, Counter()) for name, checks in old.tests.items()):
        yield "weakens-assertion"
    if _gained(text, new)["adds-skip"]:
        yield "adds-skip"


def _gained(text: Text, new: Signals) -> Counter[str]:
    """Signals that the new file has more of than the file before it, and than what was restored."""
    known: Counter[str] = Counter()
    for content in (text.old, text.restored_from):
        before = read_signals(text.path, content)
        known |= before.counts if before else Counter()
    return new.counts - known


def _file_flags(text: Text) -> Iterator[str]:
    name = text.path.rsplit("/", 1)[-1]
    if text.new is not None and _DEPENDENCIES.fullmatch(name) and _names_packages(name, text):
        yield "adds-dependency"
    if _TEST_CONFIGURATION.fullmatch(name):
        yield "changes-test-configuration"
    if "/node_modules/" in text.path:
        yield "changes-vendored-code"
    if not text.restored and _INVISIBLE.search(b"\n".join(text.added_lines).decode("utf-8", "replace")):
        yield "invisible-characters"


def _names_packages(name: str, text: Text) -> bool:
    lines = [line for line in (text.added_lines or _lines(text.new)) if line.strip()]
    if name.endswith(".txt"):
        return any(not line.lstrip().startswith(b"#") for line in lines)
    return bool(lines)


def _lines(content: bytes | None) -> list[bytes]:
    return content.splitlines() if content else []


def _beyond(lines: Sequence[bytes], known: Counter[bytes]) -> Iterator[bytes]:
    for line in lines:
        if known[line] > 0:
            known[line] -= 1
        else:
            yield line
