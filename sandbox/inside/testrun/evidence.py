"""What a run said, against what it had to say: the verdict on each test.

Pure functions on plain data. A test passes only when its three phases were reported as passed
and its own words show that the body ran to its end. Everything else is no pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .instrument import Speech, Trail
from .twin import Doubts

_PHASES = ("setup", "call", "teardown")


@dataclass
class Planned:
    """What the planner of a run knows and the run does not.

    ids       ids without parameters that the trusted files hold for sure
    trails    what each test function says, by the function's name
    failing   ids (or names, for implants) of canaries that must fail
    passing   ids of canaries that must pass
    telling   canaries that must fail with just this message
    claims    words by which claims tell that they were made, and the claims' names
    escapes   words by which functions tell that a failed claim left them for code under test
    turned    whether this is a run of twins
    doubts    what twins say
    """

    ids: list[str]
    trails: dict[str, list[Trail]]
    failing: frozenset[str]
    passing: frozenset[str]
    telling: dict[str, str] = field(default_factory=dict)
    doubts: Doubts = field(default_factory=Doubts)
    turned: bool = False
    claims: dict[str, str] = field(default_factory=dict)
    escapes: dict[str, str] = field(default_factory=dict)

    def hear(self, speech: Speech, doubts: Doubts) -> None:
        """A file more will be heard."""
        for trail in speech.trails:
            self.trails.setdefault(trail.name, []).append(trail)
        self.claims |= speech.claims
        self.escapes |= speech.escapes
        self.doubts.add(doubts)

    def is_canary(self, node: str) -> bool:
        name = bare_name(node)
        return name in self.failing or name in self.passing


@dataclass
class Judged:
    """The verdict. `outcomes` holds status and failure by node id, canaries left out."""

    outcomes: dict[str, dict[str, Any]] = field(default_factory=dict)
    tampering: list[str] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def bare_name(node: str) -> str:
    """The function's name in a node id."""
    return node.partition("[")[0].rpartition("::")[2]


def judge(planned: Planned, events: Iterable[Mapping[str, Any]]) -> Judged:
    """Judge a run by its events, oldest first."""
    judged, seen = Judged(), set[str]()
    failed_files: dict[str, Any] = {}
    early: list[str] = []
    for event in events:
        if event.get("e") == "test":
            _judge_test(planned, event, judged, seen)
        elif event.get("e") == "collect":
            failed_files[str(event.get("node"))] = event.get("failure")
        elif event.get("e") == "collected":
            early += [str(word) for word in event.get("words") or ()]
        elif event.get("e") == "hung":
            node = str(event.get("node"))
            judged.outcomes[node] = _outcome(
                "error", {"type": "Timeout", "message": str(event.get("message"))}
            )
    _share_early(planned, judged, early)
    _settle_expected(planned, judged, failed_files)
    _judge_canaries(planned, judged, seen)
    return judged


def _judge_test(planned: Planned, event: Mapping[str, Any], judged: Judged, seen: set[str]) -> None:
    node = str(event.get("node"))
    often = _often(event.get("words"))
    words = list(often)
    status = status_of(event)
    if node in seen:
        judged.tampering.append(f"verdict: {node} was reported twice")
    seen.add(node)
    if event.get("node_test"):
        _judge_script(planned, event, status, judged)
        return
    shared = [str(word) for word in event.get("shared") or ()]
    if planned.is_canary(node):
        _share(judged, next(reversed(judged.outcomes), None), [*words, *shared], planned)
        _judge_canary(planned, event, status, judged)
        return
    trails = planned.trails.get(bare_name(node), [])
    if status == "passed" and trails and not any(trail.complete(words) for trail in trails):
        judged.tampering.append(
            f"verdict: {node} was reported as passed, but its body did not run to its end"
        )
        status = "error"
    elif status == "passed" and not trails:
        judged.untracked.append(node)
    ends = planned.doubts.ends.get(bare_name(node))
    if status == "failed" and ends and ends.isdisjoint(words):
        # A twin fails at its end. What ends it before leaves claims that nobody has doubted.
        status = "error"
    names = planned.claims | {word: name for trail in trails for word, name in trail.parts.items()}
    done = {names[word]: number for word, number in often.items() if word in names}
    if event.get("given"):
        done[f"given {event['given']}"] = 1
    idle = {
        planned.claims[word]
        for trail in trails
        if trail.enter in often
        for word in trail.repeated - set(words)
    }
    calls = [str(call) for call in event.get("calls") or ()]
    judged.outcomes[node] = {
        **_outcome(status, event.get("failure")),
        "parts": dict(sorted(done.items())),
        "idle": sorted(idle),
        "escapes": sorted({planned.escapes[word] for word in (*words, *shared) if word in planned.escapes}),
        "calls": calls,
        "held": sorted({planned.doubts.false[word] for word in words if word in planned.doubts.false}),
    }
    _share(judged, node, shared, planned)


def _often(said: object) -> dict[str, int]:
    """How often each word was said, as the run tells it."""
    if not isinstance(said, dict):
        return {}
    return {str(word): number for word, number in said.items() if isinstance(number, int)}


def _share(judged: Judged, node: str | None, words: Iterable[str], planned: Planned) -> None:
    """Note claims that were made for several tests, with the last one that ran before or meanwhile."""
    if node is not None:
        made = {planned.claims[word] for word in words if word in planned.claims}
        outcome = judged.outcomes[node]
        outcome["shared"] = sorted(made.union(outcome.get("shared", ())))


def _share_early(planned: Planned, judged: Judged, words: Iterable[str]) -> None:
    """Note claims that were made while the tests were collected with those of their file, else with all."""
    for word in words:
        path = planned.claims.get(word, "").rpartition(":")[0]
        beside = [node for node in judged.outcomes if node.startswith(f"{path}::")]
        for node in beside or judged.outcomes:
            _share(judged, node, [word], planned)


def _judge_script(planned: Planned, event: Mapping[str, Any], status: str, judged: Judged) -> None:
    """A test of Node: its word came by a way that only our reporter knows."""
    canary = event.get("canary")
    if canary and planned.turned:
        # Turned around, its false claims hold; that it fails is all that it must.
        canary = (event.get("failure") or {}).get("message")
    if event.get("canary"):
        if status != "failed" or (event.get("failure") or {}).get("message") != canary:
            judged.tampering.append(
                "verdict: claims that are false hold in node:assert, or pass in node:test"
            )
        elif not (event.get("claims") or planned.turned):
            judged.tampering.append("verdict: claims that hold are not heard of in node:assert")
    else:
        claims = event.get("claims")
        judged.outcomes[str(event.get("node"))] = {
            **_outcome(status, event.get("failure")),
            "parts": claims or {},
            "claims": None if claims is None else sum(claims.values()),
        }


def _judge_canary(planned: Planned, event: Mapping[str, Any], status: str, judged: Judged) -> None:
    name = bare_name(str(event.get("node")))
    message = (event.get("failure") or {}).get("message")
    if status == "passed" and name in planned.failing:
        judged.tampering.append("verdict: a canary that must fail was reported as passed")
    elif status == "failed" and message != planned.telling.get(name, message):
        judged.tampering.append("verdict: claims that are false hold, in pytest, unittest or builtins")
    elif status != "passed" and name in planned.passing:
        judged.broken.append(_told(event))


def status_of(event: Mapping[str, Any]) -> str:
    """passed, failed, error, skipped, xfailed or xpassed, from the three phases of a test."""
    phases = event.get("phases") or {}
    expected_to_fail = bool(event.get("xfail"))
    if phases.get("call") == "failed" or event.get("subtests_failed"):
        return "failed"
    if "failed" in (phases.get("setup"), phases.get("teardown")):
        return "error"
    if "skipped" in phases.values() or event.get("subtests_skipped"):
        return "xfailed" if expected_to_fail else "skipped"
    if all(phases.get(phase) == "passed" for phase in _PHASES):
        return "xpassed" if expected_to_fail else "passed"
    return "error"


def _settle_expected(planned: Planned, judged: Judged, failed_files: Mapping[str, Any]) -> None:
    """What is known to exist and was not heard of is missing, or fell with its file."""
    heard = {node.partition("[")[0] for node in judged.outcomes}
    for node in planned.ids:
        if node in heard:
            continue
        file = node.partition("::")[0]
        if file in failed_files:
            judged.outcomes[node] = _outcome("error", failed_files[file])
        else:
            judged.outcomes[node] = _outcome("missing", None)
    for file, failure in failed_files.items():
        if not any(node.startswith(f"{file}::") for node in planned.ids):
            judged.outcomes[file] = _outcome("error", failure)


def _judge_canaries(planned: Planned, judged: Judged, seen: set[str]) -> None:
    if planned.failing and not any(bare_name(node) in planned.failing for node in seen):
        judged.broken.append("no canary was heard of")


def _outcome(status: str, failure: object) -> dict[str, Any]:
    return {"status": status, "failure": failure if isinstance(failure, dict) else None}


def _told(event: Mapping[str, Any]) -> str:
    failure = event.get("failure") or {}
    return f"a claim that is true fails in this tree: {failure.get('type')}: {failure.get('message')}"
