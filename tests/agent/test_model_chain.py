"""The chain: one retry layer, the next model where one fails, everything told once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.model.chain import Chain, Retries
from agent.model.keys import KeyRing
from agent.model.protocol import (
    ContextFull,
    DeadlineReached,
    KeyRefused,
    ModelError,
    NoKey,
    NoModelLeft,
    QuotaSpent,
    Request,
    Transient,
    Turn,
    Usage,
    UserMessage,
)
from agent.model.remote import RemoteModel
from agent.model.scripted import Scripted, ScriptEnded, called, said

REQUEST = Request("s", (), (UserMessage("It died."),))
KEYS = KeyRing(environment={"TEST_KEY": "sk-test"})


def later() -> float:
    return time.monotonic() + 60


def patient(waits: list[float], **options: Any) -> Retries:
    """Retries that wait on a clock of their own."""
    return Retries(sleep=waits.append, **options)


def chain(
    *models: Scripted, waits: list[float] | None = None, notes: list[str] | None = None, **options: Any
) -> Chain:
    collected = [] if notes is None else notes
    return Chain(models, collected.append, patient([] if waits is None else waits, **options))


def stopped(stop: Any, usage: Usage = Usage(10, cost_usd=0.1)) -> Turn:
    return Turn(None, (), usage, "first", "first", stop)


def test_the_first_model_that_answers_is_used() -> None:
    first, second = Scripted([said("{}", model_id="first")], model_id="first"), Scripted([])

    turn = chain(first, second).ask(REQUEST, later())

    assert (turn.text, turn.asked) == ("{}", "first")
    assert second.requests == []


def test_a_transient_fault_is_tried_again_and_no_more_often_than_allowed() -> None:
    waits: list[float] = []
    first = Scripted([Transient("first", "503"), Transient("first", "reset"), said("{}")])

    assert chain(first, waits=waits).ask(REQUEST, later()).text == "{}"
    assert len(waits) == 2
    assert all(0 <= wait <= 30 for wait in waits)


def test_the_provider_s_wait_is_honoured() -> None:
    waits: list[float] = []
    first = Scripted([Transient("first", "429", retry_after=7.0), said("{}")])

    chain(first, waits=waits).ask(REQUEST, later())

    assert waits == [7.0]


def test_a_wait_that_is_too_long_is_not_waited_for() -> None:
    waits: list[float] = []
    notes: list[str] = []
    first = Scripted([Transient("first", "429", retry_after=3_600.0)], model_id="first")
    second = Scripted([said("{}")], model_id="second")

    turn = chain(first, second, waits=waits, notes=notes).ask(REQUEST, later())

    assert (turn.text, waits) == ("{}", [])
    assert notes == ["first: 429; asking second from here on"]


def test_no_wait_outlives_the_deadline() -> None:
    waits: list[float] = []
    first = Scripted([Transient("first", "429", retry_after=20.0)])

    with pytest.raises(NoModelLeft):
        chain(first, waits=waits).ask(REQUEST, time.monotonic() + 5)

    assert waits == []


@pytest.mark.parametrize(
    "error", [QuotaSpent("first", "no money"), KeyRefused("first", "401"), NoKey("first", "no key")]
)
def test_a_fault_that_stays_is_never_tried_again(error: ModelError) -> None:
    first, second = Scripted([error], model_id="first"), Scripted([said("{}")], model_id="second")

    assert chain(first, second).ask(REQUEST, later()).text == "{}"
    assert len(first.requests) == 1


def test_a_model_that_failed_is_left_for_the_rest_of_the_run_and_told_once() -> None:
    notes: list[str] = []
    first = Scripted([KeyRefused("first", "the key was refused")], model_id="first")
    second = Scripted([said("1"), said("2")], model_id="second")
    both = chain(first, second, notes=notes)

    texts = [both.ask(REQUEST, later()).text for _ in range(2)]

    assert texts == ["1", "2"]
    assert both.id == "second"
    assert notes == ["first: the key was refused; asking second from here on"]


def test_when_none_is_left_each_failure_is_told() -> None:
    both = chain(Scripted([KeyRefused("a", "401")]), Scripted([Transient("b", "503")] * 3))

    with pytest.raises(NoModelLeft, match=r"a: 401; b: 503") as caught:
        both.ask(REQUEST, later())

    assert not caught.value.no_key
    with pytest.raises(NoModelLeft):
        both.ask(REQUEST, later())


def test_when_only_keys_are_missing_that_is_known() -> None:
    with pytest.raises(NoModelLeft) as caught:
        chain(Scripted([NoKey("a", "no key")]), Scripted([NoKey("b", "no key")])).ask(REQUEST, later())

    assert caught.value.no_key


def test_a_conversation_that_is_too_long_goes_to_the_loop() -> None:
    second = Scripted([said("{}")])

    with pytest.raises(ContextFull):
        chain(Scripted([ContextFull("first", "too long")]), second).ask(REQUEST, later())

    assert second.requests == []


def test_when_the_run_s_time_is_over_no_other_model_is_asked() -> None:
    second = Scripted([said("{}")])

    with pytest.raises(DeadlineReached):
        chain(Scripted([DeadlineReached("first", "over")]), second).ask(REQUEST, time.monotonic() - 1)

    assert second.requests == []


def test_a_silent_model_leaves_time_for_the_next_one(provider: Any, reply: Any) -> None:
    silent = provider(reply({}, silent=3.0))
    notes: list[str] = []
    first = RemoteModel(silent.spec("grok-4", timeout_s=900.0), KEYS, notes.append)
    second = Scripted([said("{}", model_id="second")], model_id="second")
    deadline = time.monotonic() + 2.0

    turn = Chain([first, second], notes.append).ask(REQUEST, deadline)

    assert turn.asked == "second"
    assert time.monotonic() < deadline
    assert len(notes) == 1
    assert notes[0].startswith("grok-4: no answer in ")
    assert notes[0].endswith("; asking second from here on")


def test_the_rule_based_model_hands_over_and_no_other_does() -> None:
    rules = Scripted([said("{}", model_id="builtin")], model_id="builtin")
    second = Scripted([said("{}", model_id="second")] * 2, model_id="second")
    both = chain(rules, second, Scripted([], model_id="third"))
    both.ask(REQUEST, later())

    assert both.hand_over() == "second"
    assert both.ask(REQUEST, later()).asked == "second"
    assert both.hand_over() is None, "what a model says is the end of a run"
    assert chain(Scripted([], model_id="builtin")).hand_over() is None, "nobody is left"


def test_an_empty_answer_is_asked_for_again_and_paid_for() -> None:
    first = Scripted([stopped("empty"), said("{}", Usage(20, cost_usd=0.2))])

    turn = chain(first).ask(REQUEST, later())

    assert turn.text == "{}"
    assert turn.usage == Usage(30, cost_usd=pytest.approx(0.3))


@pytest.mark.parametrize("stop", ["empty", "refusal", "content_filter"])
def test_an_answer_that_is_none_goes_to_the_next_model(stop: str) -> None:
    notes: list[str] = []
    first = Scripted([stopped(stop)] * 3, model_id="first")
    second = Scripted([said("{}", Usage(1, cost_usd=0.1))], model_id="second")

    turn = chain(first, second, notes=notes).ask(REQUEST, later())

    assert turn.text == "{}"
    assert turn.usage.input_tokens == 1 + 10 * len(first.requests)
    assert notes == [f"first: it gave no usable answer ({stop}); asking second from here on"]


@pytest.mark.parametrize("stop", ["empty", "refusal", "content_filter"])
def test_the_last_model_s_refusal_is_given_to_the_loop(stop: str) -> None:
    turn = chain(Scripted([stopped(stop)] * 3)).ask(REQUEST, later())

    assert turn.stop == stop


def test_a_refusal_is_kept_when_the_next_model_fails() -> None:
    turn = chain(Scripted([stopped("refusal")]), Scripted([KeyRefused("b", "401")])).ask(REQUEST, later())

    assert turn.stop == "refusal"


def test_a_cut_answer_is_the_loop_s_to_judge() -> None:
    second = Scripted([])

    assert chain(Scripted([stopped("length")]), second).ask(REQUEST, later()).stop == "length"
    assert second.requests == []


def served(name: str) -> Turn:
    return Turn("{}", (), Usage(), "grok-4", name, "done")


def test_another_model_than_the_one_asked_is_told_once() -> None:
    notes: list[str] = []
    one = chain(Scripted([served("grok-4.3")] * 2 + [served("grok-4-0709")], model_id="grok-4"), notes=notes)

    answered = [one.ask(REQUEST, later()).served for _ in range(3)]

    assert answered == ["grok-4.3", "grok-4.3", "grok-4-0709"]
    assert notes == ["asked for grok-4, but grok-4.3 answered"]


def test_a_programming_error_is_not_taken_for_a_model_s_fault() -> None:
    with pytest.raises(ScriptEnded):
        chain(Scripted([]), Scripted([said("{}")])).ask(REQUEST, later())


def test_a_chain_without_models_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Chain([], lambda text: None)


def test_over_real_connections_a_429_then_another_provider(provider: Any, reply: Any) -> None:
    overloaded = provider(reply({"error": "slow down"}, status=429, headers={"Retry-After": "0"}))
    message = {"type": "message", "content": [{"type": "output_text", "text": "{}"}]}
    healthy = provider(reply({"model": "gpt-4o-mini-2024-07-18", "status": "completed", "output": [message]}))
    notes: list[str] = []
    models = Chain.of(
        [overloaded.spec("grok-4"), healthy.spec("gpt-4o-mini")],
        KEYS,
        notes.append,
        Retries(sleep=lambda s: None),
    )

    turn = models.ask(REQUEST, later())
    models.close()

    assert (turn.text, turn.asked, turn.served) == ("{}", "gpt-4o-mini", "gpt-4o-mini-2024-07-18")
    assert len(overloaded.asked) == 3
    assert notes == ["grok-4: HTTP 429: slow down; asking gpt-4o-mini from here on"]


def test_without_a_key_nothing_is_sent(provider: Any, reply: Any) -> None:
    server = provider(reply({}))
    models = Chain.of([server.spec()], KeyRing({"TEST_KEY": "${TEST_KEY}"}, {}), lambda text: None)

    with pytest.raises(NoModelLeft, match="TEST_KEY is not in the Truth component") as caught:
        models.ask(REQUEST, later())

    assert caught.value.no_key
    assert server.asked == []


def test_the_fake_answers_in_order_and_keeps_what_it_was_asked() -> None:
    reads: Callable[[Request], Turn] = lambda request: said(f"{len(request.items)} items")  # noqa: E731
    fake = Scripted([called(("read_log", {"lines": 3}), ("read_file", "{")), reads], model_id="fake")
    items = [UserMessage("a")]

    turns = [fake.ask(Request("s", (), items), later())]
    items.append(UserMessage("b"))
    turns.append(fake.ask(Request("s", (), items), later()))

    assert [call.arguments for call in turns[0].calls] == ['{"lines": 3}', "{"]
    assert len({call.id for call in turns[0].calls}) == 2
    assert turns[1].text == "2 items"
    assert [len(request.items) for request in fake.requests] == [1, 2]
