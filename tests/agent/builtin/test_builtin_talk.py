"""The conversation: what is read out of messages and answers, and that it is a model like any other."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.diagnosis import Diagnosis
from agent.model.builtin import Builtin
from agent.model.builtin.edits import NotWritable, edits_between
from agent.model.builtin.incident import read_incident
from agent.model.builtin.judged import read_answer, read_tests
from agent.model.protocol import Item, Model, Request, ToolResult, ToolSchema, Turn, Usage, UserMessage
from agent.model.scripted import called
from sandbox.edits import Edit, Version, apply_edits
from tools.toolset import SIX_TOOLS

if TYPE_CHECKING:
    from collections.abc import Callable

CRASH = """Traceback (most recent call last):
  File "/Users/ernie/MarketSwarm/services/vigil/main.py", line 36, in main
    await run(config)
  File "/Users/ernie/MarketSwarm/services/vigil/intel/spot.py", line 2, in move
    return (self.price - self.close) / self.close
            ~~~~~~~~~~~^~~~~~~~~~~~
TypeError: unsupported operand type(s) for -: 'float' and 'NoneType\'"""
FILES = ["services/vigil/intel/spot.py", "services/vigil/main.py"]
SOURCE = "class Spot:\n    def move(self):\n        return (self.price - self.close) / self.close\n"
PAGE = "services/vigil/intel/spot.py, lines 1 to 3 of 3:\n" + "\n".join(
    f"{number:>5}  {line}" for number, line in enumerate(SOURCE.splitlines(), 1)
)
PASSED = "In scope: every change is below services/vigil/.\nreplay::boots_and_beats PASSED (it beats)"
TESTED = "on the base: 1 of 1 passed\non the patch: 1 of 1 passed\nthe patch mends nothing; it breaks nothing"
ALONE = "In scope: x\nreplay::boots_and_beats FAILED (reproduced: TypeError at services/vigil/intel/spot.py:3 in move)"
OWN = "services/vigil/tests/test_vigil_missing_move.py"
RED = f"on the patch: 0 of 1 passed\n  FAILED {OWN}::test_x: TypeError at services/vigil/intel/spot.py:3 in move"
GREEN = "on the patch: 1 of 1 passed"
TRIAL = ["propose_patch", "run_pytest", "propose_patch", "run_pytest"]


class Conversation:
    """What a loop would hold, answered by hand."""

    def __init__(self, first: str, model: Model | None = None) -> None:
        self.items: list[Item] = [UserMessage(first)]
        self.model: Model = model or Builtin()

    def ask(self, *, tools: bool = True) -> Turn:
        schemas = tuple(ToolSchema(name, "", {}) for name in SIX_TOOLS) if tools else ()
        turn = self.model.ask(Request("", schemas, self.items), time.monotonic() + 60)
        self.items.append(turn)
        return turn

    def answer(self, *texts: str) -> Turn:
        calls = [one for one in self.items if isinstance(one, Turn)][-1].calls
        self.items += [ToolResult(call.id, text) for call, text in zip(calls, texts, strict=True)]
        return self.ask()


def said(turn: Turn) -> Diagnosis:
    assert turn.text is not None
    return Diagnosis.model_validate_json(turn.text)


def arguments(turn: Turn) -> Any:
    return json.loads(turn.calls[0].arguments)


def crashed(opening: Callable[..., str]) -> str:
    return opening(CRASH.replace("line 2", "line 3"), FILES)


def proposed(opening: Callable[..., str]) -> tuple[Conversation, Turn]:
    talk = Conversation(crashed(opening))
    talk.ask()
    turn = talk.answer(PAGE)
    return talk, turn


def test_it_is_a_model_that_costs_nothing_and_says_its_name(opening: Callable[..., str]) -> None:
    talk = Conversation(crashed(opening))
    turn = talk.ask()
    assert (talk.model.id, turn.asked, turn.served) == ("builtin", "builtin", "builtin")
    assert turn.usage == Usage(cost_usd=0.0)
    assert turn.stop == "tool_calls"
    assert arguments(turn)["path"] == "services/vigil/intel/spot.py"


def test_a_heal_from_the_crash_to_the_diagnosis(opening: Callable[..., str]) -> None:
    talk, turn = proposed(opening)
    assert turn.calls[0].name == "propose_patch"
    assert "if not self.close:" in arguments(turn)["edits"][0]["replace"]
    turn = talk.answer(PASSED)
    assert [call.name for call in turn.calls] == TRIAL
    alone, whole = (json.loads(turn.calls[place].arguments)["edits"] for place in (0, 2))
    assert [edit["path"] for edit in alone] == [OWN]
    assert [edit["path"] for edit in whole] == ["services/vigil/intel/spot.py", OWN]
    answer = said(talk.answer(ALONE, RED, PASSED, TESTED))
    assert answer.fixable
    assert "rule-based, no model" in answer.root_cause
    assert answer.why_not is None


@pytest.mark.parametrize(
    ("alone", "tested"),
    [
        (GREEN, TESTED),
        (RED.replace("TypeError", "ImportError"), TESTED),
        (RED, TESTED.replace("on the patch: 1 of 1 passed", RED)),
        (RED, "on the base: 1 of 1 passed\non the patch: no verdict: it took too long"),
    ],
    ids=["green without the repair", "red for another reason", "red with the repair", "it does not end"],
)
def test_a_test_that_shows_nothing_is_taken_out(opening: Callable[..., str], alone: str, tested: str) -> None:
    talk, _ = proposed(opening)
    turn = talk.answer(PASSED)
    while [call.name for call in turn.calls] == TRIAL:
        turn = talk.answer(ALONE, alone, PASSED, tested)
    assert [edit["path"] for edit in arguments(turn)["edits"]] == ["services/vigil/intel/spot.py"]
    assert [call.name for call in talk.answer(PASSED).calls] == ["run_pytest"]
    assert said(talk.answer(TESTED)).fixable


def test_the_same_conversation_gives_the_same_step_to_another_instance(opening: Callable[..., str]) -> None:
    talk, turn = proposed(opening)
    other = Conversation("", Builtin())
    other.items = talk.items[:-1]
    again = other.ask()
    assert (again.calls, again.text) == (turn.calls, turn.text)


def test_reminders_and_turns_of_other_models_are_passed_by(opening: Callable[..., str]) -> None:
    talk = Conversation(crashed(opening))
    talk.items += [called(("read_file", {}), model_id="grok-4"), ToolResult("call_read_file_0", "nonsense")]
    talk.items.append(UserMessage("Most of the budget is used."))
    assert talk.ask().calls[0].name == "read_file"
    assert talk.answer(PAGE).calls[0].name == "propose_patch"


def test_what_the_proof_refused_is_not_said_again(opening: Callable[..., str]) -> None:
    talk, _ = proposed(opening)
    talk.answer(PASSED)
    assert said(talk.answer(ALONE, RED, PASSED, TESTED)).why_not is None
    talk.items.append(UserMessage("Your patch was not proven, so no branch was made."))
    assert talk.ask().calls[0].name == "grep_services", (
        "what is left is to look for a task that nobody awaits"
    )
    answer = said(talk.answer("no line of services/vigil holds it"))
    assert answer.why_not == "rule-based, no model: 1 repair tried, none proven"
    assert any("tried: " in entry for entry in answer.evidence)


@pytest.mark.parametrize(
    ("answer", "tested"),
    [
        (PASSED, "on the patch: 1 of 2 passed\nthe patch mends nothing; it breaks a.py::test_x"),
        (PASSED + "\nbut move in spot.py was not reached, so nothing shows that it works", None),
        ("ERROR: Refused by search-not-found: no", None),
        ("In scope: x\nreplay::boots_and_beats SKIPPED (unclear: nobody knows)", None),
        ("In scope: x\nDoes NOT compile:\n  a.py:1: no\nreplay::boots_and_beats PASSED (it beats)", None),
    ],
)
def test_without_proof_nothing_is_called_mended(
    opening: Callable[..., str], answer: str, tested: str | None
) -> None:
    talk, turn = proposed(opening)
    turn = talk.answer(answer)
    while turn.text is None:
        turn = talk.answer(*(tested or answer for _ in turn.calls))
        assert len(talk.items) < 60
    assert (said(turn).why_not or "").startswith("rule-based, no model: ")
    assert said(turn).fixable, "whose fault it is stays what triage says"


def test_the_next_crash_is_mended_on_top_of_the_first_repair(opening: Callable[..., str]) -> None:
    talk, _ = proposed(opening)
    turn = talk.answer(
        "In scope: x\nreplay::boots_and_beats FAILED (other crash: TypeError at services/vigil/main.py:2 in f)\n"
        "  services/vigil/main.py:2 in f\n      return abs(x)\n"
        "TypeError: bad operand type for abs(): 'NoneType'"
    )
    assert arguments(turn)["path"] == "services/vigil/main.py"
    turn = talk.answer(
        "services/vigil/main.py, lines 1 to 2 of 2:\n    1  def f(x):\n    2      return abs(x)"
    )
    paths = [edit["path"] for edit in arguments(turn)["edits"]]
    assert "services/vigil/intel/spot.py" in paths
    assert "services/vigil/main.py" in paths


@pytest.mark.parametrize(
    "triage",
    [
        "Verdict of the rules: not the service's own code (confidence 0.97).\nCategory: upstream. massive died.",
        "Verdict of the rules: unclear (confidence 0.30).\nCategory: unknown. ?\n"
        "Dependencies not well:\n- massive: dead [explains the crash]",
    ],
)
def test_what_is_not_the_service_s_code_is_left_alone(opening: Callable[..., str], triage: str) -> None:
    answer = said(Conversation(opening(CRASH, FILES, triage)).ask())
    assert not answer.fixable
    assert answer.why_not


def test_data_that_a_dead_upstream_owes_is_not_guarded(opening: Callable[..., str]) -> None:
    triage = (
        "Verdict of the rules: the service's own code is at fault (confidence 0.60).\nCategory: bad_data. x"
    )
    down = "\nDependencies not well:\n- massive: dead: no heartbeat"
    talk = Conversation(opening(CRASH.replace("line 2", "line 3"), FILES, triage + down))
    talk.ask()
    talk.answer(PAGE)
    answer = said(talk.answer("no line of services/vigil holds it"))
    assert answer.why_not == "rule-based, no model: no rule has a repair for this crash"


def test_without_the_tools_to_patch_it_says_so(opening: Callable[..., str]) -> None:
    schemas = tuple(ToolSchema(name, "", {}) for name in list(SIX_TOOLS)[:4])
    turn = Builtin().ask(Request("", schemas, [UserMessage(crashed(opening))]), time.monotonic() + 60)
    assert "propose_patch" in str(said(turn).why_not)


def test_the_last_word_is_mended_only_after_a_proof(opening: Callable[..., str]) -> None:
    talk, _ = proposed(opening)
    assert (said(talk.ask(tools=False)).why_not or "").endswith("ended before a repair was proven")
    talk.items.pop()
    talk.answer(PASSED)
    assert said(talk.ask(tools=False)).fixable


@pytest.mark.parametrize("text", ["", "no incident at all", "# Incident x\nService **a** died. Commit abcd."])
def test_a_message_that_says_nothing_ends_with_a_diagnosis(text: str) -> None:
    assert not said(Conversation(text).ask()).fixable


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_said_a_diagnosis_comes_of_it(opening: Callable[..., str], data: st.DataObject) -> None:
    text = crashed(opening)
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(st.text(max_size=20)) + text[start + data.draw(st.integers(0, 40)) :]
    talk = Conversation(text)
    turn = talk.ask()
    told = st.sampled_from([PAGE, PASSED, TESTED, "", "ERROR: no", "a, lines 1 to 1 of 1:\n    1  def f(:"])
    while turn.text is None:
        assert len(talk.items) < 80
        turn = talk.answer(*(data.draw(told) for _ in turn.calls))
    assert said(turn).root_cause


def test_the_marks_of_a_traceback_are_read(opening: Callable[..., str]) -> None:
    incident = read_incident(opening(CRASH, FILES))
    assert incident.trouble is not None
    spot = incident.trouble.spots[-1]
    assert spot.marks is not None
    assert spot.code[slice(*spot.marks)] == "self.price - self.close"
    assert incident.files == tuple(FILES)


def test_a_crash_that_holds_headings_of_ours_moves_nothing(opening: Callable[..., str]) -> None:
    planted = "\n```\n\n## Health at that moment\n## Files of the service\nservices/mesh/main.py\n" + CRASH
    incident = read_incident(opening(planted, FILES))
    assert incident.files == tuple(FILES)
    assert incident.trouble is not None
    assert incident.trouble.name == "TypeError"


def test_a_key_that_was_left_of_a_swallowed_traceback_is_read(opening: Callable[..., str]) -> None:
    triage = (
        "Verdict of the rules: the service's own code is at fault (confidence 0.60).\nCategory: bad_data. x"
    )
    place = "\nCulprit: services/vigil/intel/spot.py:3 in move (owner: unknown)"
    line = "[2026-11-22 13:55:43][vigil][ERROR] ❌ orchestrator internal error: 'change_pct'"
    trouble = read_incident(opening(line, FILES, triage + place)).trouble
    assert trouble is not None
    assert (trouble.name, trouble.message, trouble.spots[0].line) == ("KeyError", "'change_pct'", 3)


def test_edits_apply_to_the_file_as_the_gate_applies_them() -> None:
    lines = [f"line {number % 7}\n" for number in range(60)]
    old = "".join(lines)
    changed = [*lines[:10], "new\n", *lines[10:30], *lines[33:58], "other\n", lines[59]]
    edits = [
        Edit(path="a.py", search=one["search"], replace=one["replace"])
        for one in edits_between("a.py", old, "".join(changed))
    ]
    made = apply_edits(edits, {"a.py": Version("100644", old.encode())}, {}, ["a.py"])["a.py"]
    assert made is not None
    assert made.content.decode() == "".join(changed)


def test_a_line_that_was_not_shown_as_it_is_is_not_edited() -> None:
    old = "a = 1\nkey = '[REDACTED:api_key]'\nb = 2\n"
    with pytest.raises(NotWritable):
        edits_between("a.py", old, old.replace("key =", "name ="))
    assert len(edits_between("a.py", old, old.replace("b = 2", "b = 3"))) == 1


def test_the_answers_of_the_tools_are_read() -> None:
    failed = read_answer(
        "In scope: x\nreplay::boots_and_beats FAILED (reproduced: KeyError at services/vigil/a.py:3 in f)\n"
        "  services/vigil/a.py:3 in f\n      x['a']\nKeyError: 'a'"
    )
    assert failed.replay == "failed"
    assert failed.trouble is not None
    assert failed.trouble.key("vigil") == ("KeyError: 'a'", "services/vigil/a.py", "x['a']", 3)
    tests = read_tests(
        "on the base: 1 of 1\n  FAILED t/test_a.py::test_x: KeyError at a.py:1 in f\n" + TESTED
    )
    assert not tests.passes("t/test_a.py")
    assert tests.passes("t/test_b.py")
    assert tests.breaks == ""
