"""The loop: tools, limits, repetition, unusable answers. The model is the shipped scripted one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest

from agent.diagnosis import Diagnosis
from agent.events import Asked, Event, Noted, ToolUsed
from agent.limits import Limits, Spent
from agent.loop import CALLS_AT_ONCE, Loop
from agent.model.protocol import ContextFull, Item, Request, ToolResult, Turn, Usage, UserMessage
from agent.model.scripted import Answer, Scripted, called, said
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.redact import Redactor
from tools.repository import Repository
from tools.tool import Tool, ToolError, Workbench

DIAGNOSIS = {
    "root_cause": "prev_close is null before the open",
    "category": "bad_data",
    "culprit": {"file": "services/vigil/intel/rules.py", "line": 3, "function": "evaluate"},
    "evidence": ["TypeError"],
    "fixable": True,
    "why_not": None,
    "risk": None,
    "confidence": 0.9,
    "operator_action": None,
}
LAST = said(json.dumps(DIAGNOSIS))


class Add(Tool):
    """Add two whole numbers."""

    name: ClassVar[str] = "add"

    a: int
    b: int

    def run(self, bench: Workbench) -> str:
        """The sum, or an error for a negative number."""
        if self.a < 0:
            raise ToolError("a must not be negative: hunter2-secret")
        return str(self.a + self.b)


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    target = tmp_path / "target"
    target.mkdir()
    as_somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@localhost"]
    for words in (["init", "-q"], [*as_somebody, "commit", "-q", "--allow-empty", "-m", "first"]):
        subprocess.run(["git", *words], cwd=target, check=True)
    return Workbench(
        IncidentFolder(tmp_path),
        "vigil",
        Repository(target),
        PrivateRepository(target, tmp_path / "state"),
        Redactor(["hunter2-secret"]),
    )


class Talk:
    """One loop with everything it emitted and saved."""

    def __init__(self, bench: Workbench, answers: list[Answer], **limits: float) -> None:
        self.model = Scripted(answers)
        self.events: list[Event] = []
        self.saved: list[int] = []
        request = Request("rules", (), ())
        self.loop = Loop(
            self.model, request, {"add": Add}, bench, Limits(**limits), Spent(), self.events.append, self.save
        )
        self.diagnosis, self.limit = self.loop.run("the incident")

    def save(self, items: list[Item]) -> None:
        self.saved.append(len(items))

    def results(self) -> list[str]:
        return [item.text for item in self.loop.items if isinstance(item, ToolResult)]

    def told(self) -> list[str]:
        return [item.text for item in self.loop.items if isinstance(item, UserMessage)][1:]


def test_calls_are_answered_in_order_until_the_diagnosis(bench: Workbench) -> None:
    talk = Talk(bench, [called(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4})), LAST])
    assert talk.results() == ["3", "7"]
    assert talk.diagnosis == Diagnosis.model_validate(DIAGNOSIS)
    assert talk.limit is None
    assert [type(event) for event in talk.events] == [Asked, ToolUsed, ToolUsed, Asked]
    assert talk.saved == [2, 4, 5], "saved after each step"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (("subtract", {}), "the tools are add"),
        (("add", {"a": 1}), "b: Field required"),
        (("add", {"a": 1, "b": 2, "c": 3}), "c: Extra inputs"),
        (("add", {"a": "1", "b": 2}), "a: Input should be a valid integer"),
        (("add", {"a": True, "b": 2}), "a: Input should be a valid integer"),
        (("add", '{"a": 1, "b"'), "the arguments: Invalid JSON"),
        (("add", "[1, 2]"), "the arguments"),
        (("add", {"a": -1, "b": 2}), "a must not be negative"),
    ],
)
def test_a_bad_call_is_an_error_for_the_model_and_the_run_goes_on(
    bench: Workbench, call: tuple[str, dict[str, object] | str], told: str
) -> None:
    talk = Talk(bench, [called(call), LAST])
    assert talk.results()[0].startswith("ERROR: ")
    assert told in talk.results()[0]
    assert "hunter2" not in talk.results()[0], "errors are redacted as results are"
    assert talk.diagnosis is not None


def test_the_same_call_again_and_again_is_told_then_ends_the_run(bench: Workbench) -> None:
    same: list[Answer] = [called(("add", {"a": 1, "b": 1})) for _ in range(4)]
    talk = Talk(bench, [*same, LAST])
    assert talk.results()[:2] == ["2", "2"]
    assert "once more ends the run" in talk.results()[2]
    assert talk.limit is not None
    assert "add came 4 times" in talk.limit
    assert talk.diagnosis is not None, "the best diagnosis so far was asked for"
    assert talk.model.requests[-1].tools == ()


def test_many_calls_in_one_answer_are_bounded_and_all_answered(bench: Workbench) -> None:
    many = called(*(("add", {"a": number, "b": 0}) for number in range(CALLS_AT_ONCE + 4)))
    talk = Talk(bench, [many, LAST])
    assert len(talk.results()) == CALLS_AT_ONCE + 4
    assert talk.results()[CALLS_AT_ONCE - 1] == str(CALLS_AT_ONCE - 1)
    assert all("at most" in text for text in talk.results()[CALLS_AT_ONCE:])


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (said(""), "empty"),
        (said("I think it is fine."), "no JSON object"),
        (said(json.dumps({**DIAGNOSIS, "category": "gremlins"})), "category"),
        (said(json.dumps({**DIAGNOSIS, "confidence": 7})), "confidence"),
        (said("{" + "broken}"), "Invalid JSON"),
        (Turn("{", (), Usage(), "m", "m", "length"), "length"),
        (Turn(None, (), Usage(), "m", "m", "refusal"), "refusal"),
    ],
)
def test_an_unusable_last_message_is_told_and_mended(bench: Workbench, answer: Turn, told: str) -> None:
    talk = Talk(bench, [answer, LAST])
    assert told in talk.told()[0]
    assert talk.diagnosis is not None


def test_a_diagnosis_wrapped_in_prose_and_a_fence_is_read(bench: Workbench) -> None:
    talk = Talk(bench, [said(f"Here it is:\n```json\n{json.dumps(DIAGNOSIS)}\n```")])
    assert talk.diagnosis is not None


def test_a_model_that_never_gives_a_diagnosis_is_stopped(bench: Workbench) -> None:
    talk = Talk(bench, [said("no") for _ in range(4)])
    assert talk.diagnosis is None
    assert talk.limit is not None
    assert "no diagnosis" in talk.limit


@pytest.mark.parametrize(
    ("limits", "usage", "told"),
    [
        ({"steps": 2}, Usage(), "2 steps"),
        ({"input_tokens": 50}, Usage(input_tokens=60), "50 input tokens"),
        ({"cost_usd": 0.01}, Usage(cost_usd=0.02), "$0.01"),
        ({"wall_s": 0.0}, Usage(), "0 seconds"),
    ],
)
def test_at_a_limit_the_best_diagnosis_so_far_is_asked_for_once(
    bench: Workbench, limits: dict[str, float], usage: Usage, told: str
) -> None:
    calls: list[Answer] = [called(("add", {"a": n, "b": 0}), usage=usage) for n in range(2)]
    allowed = 0 if "wall_s" in limits else 2 if "steps" in limits else 1
    talk = Talk(bench, [*calls[:allowed], LAST], **limits)
    assert talk.limit is not None
    assert told in talk.limit
    assert talk.diagnosis is not None
    assert any(isinstance(event, Noted) and "ended early" in event.text for event in talk.events)


def test_a_full_context_ends_with_the_best_diagnosis(bench: Workbench) -> None:
    talk = Talk(bench, [called(("add", {"a": 1, "b": 0})), ContextFull("scripted", "too long"), LAST])
    assert talk.limit is not None
    assert "too long" in talk.limit
    assert talk.diagnosis is not None


def test_the_last_word_is_asked_for_with_a_shorter_conversation(bench: Workbench) -> None:
    big = called(*(("add", {"a": 10**3999 + number, "b": 0}) for number in range(14)))
    talk = Talk(bench, [big, ContextFull("scripted", "too long"), LAST])
    long, short = (
        sum(len(item.text) for item in request.items if isinstance(item, ToolResult))
        for request in talk.model.requests[-2:]
    )
    assert talk.diagnosis is not None
    assert short < long / 2
    assert len(talk.results()) == 14, "every call is still answered"


def test_near_the_end_the_model_is_told_once(bench: Workbench) -> None:
    calls: list[Answer] = [called(("add", {"a": n, "b": 0})) for n in range(4)]
    talk = Talk(bench, [*calls, LAST], soft_steps=2)
    assert len([text for text in talk.told() if "Come to an end" in text]) == 1


def test_costs_add_up_and_an_unknown_price_is_not_taken_for_free(bench: Workbench) -> None:
    talk = Talk(bench, [called(("add", {"a": 1, "b": 1}), usage=Usage(10, 5, 2, cost_usd=0.5)), LAST])
    spent = talk.loop.spent
    assert (spent.steps, spent.input_tokens, spent.cached_tokens, spent.cost_usd) == (2, 10, 5, 0.5)
    assert spent.unpriced_calls == 1
