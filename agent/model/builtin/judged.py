"""What the answer to a proposal says: accepted, compiled, and what its replay did."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from agent.model.builtin.incident import Spot, Trouble
from tools.tool import REPLAY

_HEAD = re.compile(rf"^{re.escape(REPLAY)} (PASSED|FAILED|SKIPPED) \((.*)\)$", re.MULTILINE)
_FRAME = re.compile(r"^  (?P<path>\S+):(?P<line>\d+) in (?P<function>\S+)$")
_ERROR = re.compile(
    r"^(?P<name>[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Group|\w))(?:: (?P<said>.*))?$"
)
_COMPARED = re.compile(r"^the patch mends .*; it breaks (.*)$", re.MULTILINE)
_RAN = re.compile(r"^on the patch: \d+ of \d+ passed$", re.MULTILINE)
_RED = re.compile(r"^  (?:[A-Z]+|also:) (\S+::\S+?):?(?: |$)", re.MULTILINE)
_FAILED = re.compile(r"^  [A-Z]+ (\S+::\S+?): (?:[\w.]+\.)?(\w+)(?: at |$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Judged:
    """`refused` is the gate's or the tool's own word; `trouble` what the replay crashed with."""

    replay: Literal["passed", "failed", "skipped", "none"]
    refused: bool
    why: str
    trouble: Trouble | None = None

    @property
    def passed(self) -> bool:
        """Whether the crash is gone, with nothing to doubt about it."""
        return self.replay == "passed" and not self.refused


def read_answer(answer: str) -> Judged:
    """Read the answer of propose_patch."""
    if not answer.startswith("In scope: "):
        return Judged("none", True, answer.partition("\n")[0])
    if "\nDoes NOT compile:" in answer:
        return Judged("none", True, "it does not compile")
    heads = list(_HEAD.finditer(answer))
    if not heads:
        return Judged("none", False, "nothing was replayed")
    head = heads[-1]
    following = answer[head.end() :].strip("\n")
    if head.group(1) == "PASSED":
        doubts = [line for line in following.splitlines() if line.startswith("but ")]
        return Judged("failed" if doubts else "passed", False, doubts[0] if doubts else head.group(2))
    state: Literal["failed", "skipped"] = "failed" if head.group(1) == "FAILED" else "skipped"
    return Judged(state, False, head.group(2), _trouble(following.splitlines()))


@dataclass(frozen=True, slots=True)
class Tested:
    """What run_pytest said: what the patch breaks, what did not pass on either side, and the errors of it.

    What a new file does on the base is not in it: it is proposed without the repair for that.
    """

    breaks: str
    red: tuple[str, ...]
    ran: bool
    errors: tuple[tuple[str, str], ...] = ()

    def passes(self, path: str) -> bool:
        """Whether nothing of a new file is red."""
        return self.ran and not any(node.startswith(path) for node in self.red)

    def failed(self, path: str) -> frozenset[str]:
        """The errors of a file."""
        return frozenset(error for node, error in self.errors if node.startswith(f"{path}::"))


def read_tests(answer: str) -> Tested:
    """Read the answer of run_pytest on both sides; a service without tests breaks nothing."""
    red = tuple(_RED.findall(answer))
    ran = _RAN.search(answer) is not None
    compared = _COMPARED.search(answer)
    errors = tuple(_FAILED.findall(answer))
    if compared is None:
        return Tested("no verdict" if "on the patch: no verdict" in answer else "", red, ran, errors)
    return Tested("" if compared[1] == "nothing" else compared[1], red, ran, errors)


def _trouble(lines: list[str]) -> Trouble | None:
    """The last error that the answer shows with its frames."""
    spots: list[Spot] = []
    found: Trouble | None = None
    for place, line in enumerate(lines):
        frame = _FRAME.match(line)
        if frame:
            after = lines[place + 1] if place + 1 < len(lines) else ""
            code = after.strip() if after.startswith("      ") else ""
            spots.append(Spot(frame["path"], int(frame["line"]), frame["function"], code))
        elif not line.startswith(" ") and spots and (error := _ERROR.match(line)):
            ours = tuple(spot for spot in spots if spot.path.startswith(("services/", "shared/")))
            found = Trouble(error["name"].rpartition(".")[2], error["said"] or "", ours)
            spots = []
    return found
