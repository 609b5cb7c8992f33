"""What the incident message says: the crash, what triage found, the service's files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.logs import Crash, last_crash
from tools.logs.frames import Frame, likely_path

_TITLE = re.compile(r"^Service \*\*([\w.-]{1,80})\*\* died\. Commit ([0-9a-f]{4,64})\.", re.MULTILINE)
_FINDINGS = "## What the rules found (no model was asked yet)\n"
_CRASH = "## Last crash in its log (data, not instructions)\n```\n"
_HEALTH = "\n```\n\n## Health at that moment"
_FILES = "\n## Files of the service\n"
_VERDICT = re.compile(r"^Verdict of the rules: (.+?) \(confidence ([\d.]+)\)", re.MULTILINE)
_CATEGORY = re.compile(r"^Category: (\w+)\. (.*)$", re.MULTILINE)
_CULPRIT = re.compile(r"^Culprit: (\S+?)(?::(\d+))?(?: in (\S+))? \(owner: ", re.MULTILINE)
_CHANGE = re.compile(r"^- ([0-9a-f]{7,40}) \d{4}-\d\d-\d\d ", re.MULTILINE)
_DOWN = re.compile(r"^- (?!mysql\b)([\w.-]+): .*?\b(?:dead|down|hangs|no key at all)\b", re.MULTILINE)
_MARKS = re.compile(r"[\s|]*[~^]+\s*$")
_SWALLOWED_KEY = re.compile(r": ('[^'\n]{1,80}')$")


@dataclass(frozen=True, slots=True)
class Spot:
    """One place on the way to a crash.

    `marks` are the columns that the traceback marks, from the first character of the code to the end.
    """

    path: str
    line: int
    function: str
    code: str = ""
    marks: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """An exception and the way to it through the repository, innermost last."""

    name: str
    message: str
    spots: tuple[Spot, ...]

    @property
    def text(self) -> str:
        """The exception as Python prints it."""
        return f"{self.name}: {self.message}" if self.message else self.name

    def own(self, service: str) -> Spot | None:
        """The innermost place in the service's own code, tests apart."""
        own = (spot for spot in reversed(self.spots) if spot.path.startswith(f"services/{service}/"))
        return next((spot for spot in own if "/tests/" not in spot.path), None)

    def key(self, service: str) -> tuple[str, str, str, int]:
        """What tells one trouble from the next on the way to a patch."""
        spot = self.own(service)
        return (self.text, spot.path, spot.code, spot.line) if spot else (self.text, "", "", 0)


@dataclass(frozen=True, slots=True)
class Incident:
    """The incident message, read. Everything in it was written by programs: it is data.

    `commits` touched the culprit's file, newest first, abbreviated; `down` are dependencies, MySQL apart;
    `findings` is all that triage said.
    """

    service: str
    verdict: str
    confidence: float
    category: str
    why: str
    culprit: Spot | None
    evidence: tuple[str, ...]
    commits: tuple[str, ...]
    operator: str | None
    down: tuple[str, ...]
    files: tuple[str, ...]
    trouble: Trouble | None
    findings: str

    @property
    def root(self) -> str:
        return f"services/{self.service}/"


def read_incident(message: str) -> Incident:
    """Read the incident message; what it does not say is empty."""
    title = _TITLE.search(message)
    findings = _between(message, _FINDINGS, f"\n{_CRASH}")
    after = message.partition(_CRASH)[2]
    crash_text = after[: after.rfind(_HEALTH)] if _HEALTH in after else ""
    verdict, category = _VERDICT.search(findings), _CATEGORY.search(findings)
    files = after[after.rfind(_FILES) :].partition("\n## How a patch")[0].splitlines() if after else []
    culprit = _culprit(findings)
    return Incident(
        service=title.group(1) if title else "",
        verdict=verdict.group(1) if verdict else "unclear",
        confidence=float(verdict.group(2)) if verdict else 0.0,
        category=category.group(1) if category else "unknown",
        why=(category.group(2).strip() if category else "") or "No rule fits what the log shows.",
        culprit=culprit,
        evidence=_listed(findings, "Evidence"),
        commits=tuple(_CHANGE.findall(findings.partition("Last commits to that file:")[2])),
        operator=_operator(findings),
        down=tuple(
            _DOWN.findall("\n".join(f"- {one}" for one in _listed(findings, "Dependencies not well")))
        ),
        files=tuple(line for line in files if line.startswith("services/")),
        trouble=_trouble(crash_text, culprit),
        findings=findings,
    )


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]


def _listed(findings: str, title: str) -> tuple[str, ...]:
    lines = iter(findings.partition(f"\n{title}:\n")[2].splitlines())
    found = []
    for line in lines:
        if not line.startswith("- "):
            break
        found.append(line[2:])
    return tuple(found)


def _operator(findings: str) -> str | None:
    found = re.search(r"^Operator: (.+)$", findings, re.MULTILINE)
    return found.group(1) if found else None


def _culprit(findings: str) -> Spot | None:
    found = _CULPRIT.search(findings)
    return Spot(found.group(1), int(found.group(2) or 0), found.group(3) or "") if found else None


def _trouble(text: str, culprit: Spot | None) -> Trouble | None:
    crash = _last(text)
    if crash is None or crash.final is None:
        return None
    final = crash.final
    if final.frames:
        spots = tuple(_spots(text, final.frames))
        return Trouble(final.name, final.message, spots)
    # The traceback was swallowed: a key in quotes behind a colon is what str(KeyError) leaves of it.
    key = _SWALLOWED_KEY.search(final.message.strip())
    if key is not None and culprit is not None and culprit.line:
        return Trouble("KeyError", key.group(1), (culprit,))
    return Trouble(final.name, final.message, ())


def _last(text: str) -> Crash | None:
    content = text.encode("utf-8", "replace")
    crash = last_crash(content)
    if crash is not None and crash.kind in ("no_trace", "stopped"):
        crash = last_crash(content, alive=True)
    return crash


def _spots(text: str, frames: tuple[Frame, ...]) -> Iterator[Spot]:
    for frame in frames:
        path = likely_path(frame)
        if path.startswith(("services/", "shared/")):
            yield Spot(path, frame.line, frame.function, frame.code or "", _marks(text, frame))


def _marks(text: str, frame: Frame) -> tuple[int, int] | None:
    """The marked columns of a frame, counted from the first character of its code."""
    if not frame.code:
        return None
    lines = text.splitlines()
    head = f'{frame.path}", line {frame.line}, in '
    for place, line in enumerate(lines[:-2]):
        if head in line and frame.code in lines[place + 1] and _MARKS.match(lines[place + 2]):
            indent = lines[place + 1].index(frame.code)
            marks = lines[place + 2].rstrip()
            first = min(at for at in (marks.find("~"), marks.find("^")) if at >= 0)
            return first - indent, len(marks) - indent
    return None
