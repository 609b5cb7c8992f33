"""Every way in which a provider fails, over a real connection, as a typed outcome in bounded time."""

from __future__ import annotations

import email.utils
import time
from typing import Any

import pytest

from agent.model.faults import message_of, retry_after, status_fault
from agent.model.keys import KeyRing
from agent.model.protocol import (
    ContextFull,
    DeadlineReached,
    KeyRefused,
    ModelError,
    ModelUnavailable,
    QuotaSpent,
    Request,
    RequestRefused,
    Transient,
    UnknownModel,
    UserMessage,
)
from agent.model.remote import RemoteModel
from agent.model.spec import ModelSpec

SECRET = "sk-test-very-secret"
REQUEST = Request("s", (), (UserMessage("It died."),))


def fault(spec: ModelSpec, seconds: float = 20.0) -> ModelError:
    """Ask once and give back the error that came of it."""
    model = RemoteModel(spec, KeyRing(environment={"TEST_KEY": SECRET}), lambda text: None)
    try:
        with pytest.raises(ModelError) as caught:
            model.ask(REQUEST, time.monotonic() + seconds)
    finally:
        model.close()
    return caught.value


def openai_error(message: str, code: str | None = None, kind: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, openai_error("Incorrect API key provided", "invalid_api_key"), KeyRefused),
        (400, {"code": "invalid-argument", "error": "Incorrect API key provided: xa***1"}, KeyRefused),
        (403, {"code": "permission", "error": "The caller may not do that"}, KeyRefused),
        (403, {"code": "x", "error": "Your team has used all available credits"}, QuotaSpent),
        (402, None, QuotaSpent),
        (429, openai_error("You exceeded your current quota", "insufficient_quota"), QuotaSpent),
        (429, openai_error("Rate limit reached"), Transient),
        (404, openai_error("The model `grok-9` does not exist", "model_not_found"), UnknownModel),
        (404, {"code": "not-found", "error": "The model grok-4 was not found"}, UnknownModel),
        (400, {"error": "model grok-4-0709 has been retired"}, UnknownModel),
        (403, openai_error("Project does not have access to model gpt-9", "model_not_found"), UnknownModel),
        (410, "gone", UnknownModel),
        (404, "<html><h1>Not Found</h1></html>", RequestRefused),
        (400, openai_error("Invalid schema for function 'read_log'"), RequestRefused),
        (422, {"detail": [{"loc": ["body", "tools"], "msg": "bad"}]}, RequestRefused),
        (
            400,
            openai_error("This model's maximum context length is 128000", "context_length_exceeded"),
            ContextFull,
        ),
        (413, {"error": "prompt is too long: 300000 tokens"}, ContextFull),
        (408, None, Transient),
        (500, openai_error("The server had an error"), Transient),
        (502, "<html><body>Bad gateway</body></html>", Transient),
        (503, "", Transient),
        (504, {"error": None}, Transient),
        (529, {"error": {"type": "overloaded_error"}}, Transient),
    ],
)
def test_a_status_is_a_typed_outcome(
    provider: Any, reply: Any, status: int, body: Any, expected: type[ModelError]
) -> None:
    kind = "text/html" if isinstance(body, str) else "application/json"

    error = fault(provider(reply(body, status=status, content_type=kind)).spec())

    assert type(error) is expected
    assert f"HTTP {status}" in str(error)
    assert str(error).startswith("grok-4: ")
    assert "\n" not in str(error)
    assert len(str(error)) < 500


def test_every_outcome_but_a_full_context_leads_to_the_next_model() -> None:
    assert not issubclass(ContextFull, ModelUnavailable)
    assert not issubclass(DeadlineReached, ModelUnavailable)
    assert all(
        issubclass(kind, ModelUnavailable) for kind in (KeyRefused, UnknownModel, QuotaSpent, Transient)
    )


@pytest.mark.parametrize(
    "body",
    [
        "<html><body>Welcome to the proxy</body></html>",
        '{"id": "resp_1", "output": [{"type": "mess',
        "",
        "[]",
        '"text"',
        "null",
        b"\xff\xfe\x00",
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/html"])
def test_what_is_no_answer_with_status_200_is_transient(
    provider: Any, reply: Any, body: Any, kind: str
) -> None:
    error = fault(provider(reply(body, content_type=kind)).spec())

    assert type(error) is Transient


def test_a_body_cut_by_the_connection_is_transient(provider: Any, reply: Any) -> None:
    assert type(fault(provider(reply('{"output": [', claimed=5_000)).spec())) is Transient


def test_a_reset_connection_is_transient(provider: Any, reply: Any) -> None:
    error = fault(provider(reply(reset=True)).spec())

    assert type(error) is Transient
    assert "no connection" in str(error)


def test_a_closed_port_is_transient() -> None:
    error = fault(ModelSpec("m", "http://127.0.0.1:9/v1", key_names=("TEST_KEY",), timeout_s=5))

    assert type(error) is Transient


def test_a_silent_server_ends_with_the_time_out_of_the_model(provider: Any, reply: Any) -> None:
    started = time.monotonic()

    error = fault(provider(reply({}, silent=3.0)).spec(timeout_s=0.3))

    assert type(error) is Transient
    assert time.monotonic() - started < 1.5


def test_a_trickling_body_does_not_outlive_the_time_out(provider: Any, reply: Any) -> None:
    started = time.monotonic()

    error = fault(provider(reply("x" * 200, pause=0.05)).spec(timeout_s=0.4))

    assert type(error) is Transient
    assert "no complete answer" in str(error)
    assert time.monotonic() - started < 1.5


def test_the_deadline_of_the_run_ends_a_request(provider: Any, reply: Any) -> None:
    server = provider(reply("x" * 200, pause=0.05))
    started = time.monotonic()

    error = fault(server.spec(timeout_s=60), seconds=0.4)

    assert type(error) is DeadlineReached
    assert time.monotonic() - started < 1.5
    assert type(fault(server.spec(), seconds=-1)) is DeadlineReached
    assert len(server.asked) == 1


def test_the_key_is_in_no_message(provider: Any, reply: Any) -> None:
    error = fault(provider(reply({"error": f"Incorrect API key provided: {SECRET}"}, status=401)).spec())

    assert SECRET not in f"{error} {error!r} {error.message} {error.__cause__!r} {error.__context__!r}"
    assert "[key]" in str(error)


def test_the_wait_that_a_provider_asks_for_is_kept(provider: Any, reply: Any) -> None:
    error = fault(provider(reply({}, status=429, headers={"Retry-After": "7"})).spec())

    assert isinstance(error, Transient)
    assert error.retry_after == 7


def test_retry_after_in_all_its_forms() -> None:
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)

    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after({"retry-after": "1.5"}) == 1.5
    assert 55 < (retry_after({"retry-after": in_a_minute}) or 0) <= 60
    assert retry_after({"retry-after": "Sun, 06 Nov 1994 08:49:37 GMT"}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"error": {"message": "a\n  b"}}, "a b"),
        ({"code": "c", "error": "text"}, "text"),
        ({"detail": "text"}, "text"),
        ({"error": {"code": "overloaded"}}, "overloaded"),
        ("<html><b>Bad</b> gateway</html>", "Bad gateway"),
        (b"bytes", "bytes"),
        (None, ""),
        ({"error": {"message": "x" * 5_000}}, "x" * 300),
    ],
)
def test_the_provider_s_words_are_found_in_any_shape(body: object, told: str) -> None:
    assert message_of(body) == told


def test_a_hostile_error_body_is_judged_quickly() -> None:
    body = {"error": {"message": "model " * 20_000 + "<" * 20_000}, "code": "invalid " * 10_000}
    started = time.monotonic()

    error = status_fault("m", 400, body, {})

    assert time.monotonic() - started < 0.5
    assert len(str(error)) < 500
