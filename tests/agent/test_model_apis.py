"""The two APIs over a real connection: what is sent, and how what comes back is read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from agent.model.keys import KeyRing
from agent.model.protocol import (
    Request,
    ToolCall,
    ToolResult,
    ToolSchema,
    Transient,
    Turn,
    Usage,
    UserMessage,
)
from agent.model.remote import RemoteModel
from agent.model.spec import ModelSpec

KEYS = KeyRing(environment={"TEST_KEY": "sk-test-123"})
PARAMETERS = {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
TOOL = ToolSchema("read_log", "Reads the log.", PARAMETERS)
ANSWER = {
    "type": "object",
    "properties": {"a": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}
FIRST = Request("You heal.", (TOOL,), (UserMessage("It died."),), ANSWER)


def ask(
    spec: ModelSpec, request: Request = FIRST, on_note: Callable[[str], None] = lambda text: None
) -> Turn:
    model = RemoteModel(spec, KEYS, on_note)
    try:
        return model.ask(request, time.monotonic() + 20)
    finally:
        model.close()


def response(*output: dict[str, Any], **fields: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60},
        "output_tokens": 30,
        "output_tokens_details": {"reasoning_tokens": 20},
    }
    answer = {
        "id": "resp_1",
        "model": "grok-4",
        "status": "completed",
        "output": list(output),
        "usage": usage,
    }
    return answer | fields


def message(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def function_call(arguments: str = "{}", call_id: str = "call_a") -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": "fc_1",
        "call_id": call_id,
        "name": "read_log",
        "arguments": arguments,
    }


REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA=", "status": None}


def completion(message: dict[str, Any], reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    usage = {
        "prompt_tokens": 100,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens": 30,
        "completion_tokens_details": {"reasoning_tokens": 20},
    }
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {"id": "c1", "model": "local", "choices": [choice], "usage": usage} | fields


def test_a_responses_request_is_static_first_and_stored_nowhere(provider: Any, reply: Any) -> None:
    server = provider(reply(response(message("{}"))))

    ask(server.spec())

    asked = server.asked[0]
    assert (asked.method, asked.path) == ("POST", "/v1/responses")
    assert asked.headers["authorization"] == "Bearer sk-test-123"
    assert asked.body == {
        "model": "grok-4",
        "instructions": "You heal.",
        "tools": [
            {
                "type": "function",
                "name": "read_log",
                "description": "Reads the log.",
                "parameters": PARAMETERS,
                "strict": True,
            }
        ],
        "input": [{"role": "user", "content": "It died."}],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": ANSWER, "strict": True}},
    }


def test_a_responses_answer_is_read_with_its_usage_and_bill(provider: Any, reply: Any) -> None:
    answer = response(REASONING, message('{"a": "b"}'))
    answer["usage"]["cost_in_usd_ticks"] = 12_000_000
    server = provider(reply(answer))

    turn = ask(server.spec())

    assert (turn.text, turn.calls, turn.stop) == ('{"a": "b"}', (), "done")
    assert turn.usage == Usage(100, 60, 30, 20, pytest.approx(0.0012))
    assert (turn.asked, turn.served) == ("grok-4", "grok-4")


def test_reasoning_goes_back_to_its_model_in_order_and_without_ids(provider: Any, reply: Any) -> None:
    server = provider(
        reply(response(REASONING, message("Looking."), function_call('{"lines": 5}'))),
        reply(response(message("{}"))),
    )
    turn = ask(server.spec())

    ask(
        server.spec(),
        Request("You heal.", (TOOL,), (UserMessage("It died."), turn, ToolResult("call_a", "log"))),
    )

    assert turn.stop == "tool_calls"
    assert server.asked[1].body["input"] == [
        {"role": "user", "content": "It died."},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA="},
        {"role": "assistant", "content": "Looking."},
        {"type": "function_call", "call_id": "call_a", "name": "read_log", "arguments": '{"lines": 5}'},
        {"type": "function_call_output", "call_id": "call_a", "output": "log"},
    ]


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_another_model_gets_the_words_without_the_reasoning(provider: Any, reply: Any, api: str) -> None:
    server = provider(reply(response(REASONING, message("Looking."), function_call())))
    turn = ask(server.spec())
    other = provider(reply(response(message("{}")) | completion({"content": "{}"})))

    ask(other.spec("gpt-4o-mini", api=api), Request("s", (TOOL,), (turn, ToolResult("call_a", "log"))))

    sent = json.dumps(other.asked[0].body)
    assert "gAAA" not in sent
    assert "Looking." in sent
    assert sent.count("call_a") == 2


def test_a_model_without_reasoning_is_not_asked_for_it(provider: Any, reply: Any) -> None:
    server = provider(reply(response(message("{}"))))

    ask(server.spec("gpt-4o-mini"))

    assert "include" not in server.asked[0].body


def test_without_tools_there_is_no_list_of_them(provider: Any, reply: Any) -> None:
    server = provider(reply(response(message("{}")) | completion({"content": "{}"})))

    for api in ("responses", "chat"):
        ask(server.spec(api=api), Request("s", (), (UserMessage("Last word."),), ANSWER))

    assert all("tools" not in asked.body for asked in server.asked)
    assert server.asked[1].body["response_format"]["json_schema"]["schema"] == ANSWER


def test_a_chat_request_and_its_answer(provider: Any, reply: Any) -> None:
    call = {"id": "call_a", "type": "function", "function": {"name": "read_log", "arguments": "{}"}}
    server = provider(reply(completion({"content": None, "tool_calls": [call]}, "tool_calls")))
    items = (
        UserMessage("It died."),
        Turn("Hm.", (ToolCall("c0", "read_log", "{}"),), Usage(), "m", "m", "tool_calls"),
    )

    turn = ask(
        server.spec("local", api="chat", effort="low"),
        Request("sys", (TOOL,), (*items, ToolResult("c0", "log"))),
    )

    assert server.asked[0].path == "/v1/chat/completions"
    assert server.asked[0].body["messages"] == [
        {"role": "system", "content": "sys"},
        {"role": "user", "content": "It died."},
        {
            "role": "assistant",
            "content": "Hm.",
            "tool_calls": [
                {"id": "c0", "type": "function", "function": {"name": "read_log", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "c0", "content": "log"},
    ]
    assert server.asked[0].body["store"] is False
    assert server.asked[0].body["reasoning_effort"] == "low"
    assert (turn.calls, turn.stop) == ((ToolCall("call_a", "read_log", "{}"),), "tool_calls")
    assert turn.usage == Usage(100, 60, 30, 20, None)


def test_broken_arguments_of_an_earlier_call_go_back_as_valid_json(provider: Any, reply: Any) -> None:
    server = provider(reply(response(message("{}")) | completion({"content": "{}"})))
    broken = Turn(None, (ToolCall("c0", "read_log", '{"lines": '),), Usage(), "m", "m", "tool_calls")

    for api in ("responses", "chat"):
        ask(server.spec("local", api=api), Request("s", (TOOL,), (broken, ToolResult("c0", "ERROR"))))

    entry = server.asked[0].body["input"][0]
    called = server.asked[1].body["messages"][1]["tool_calls"][0]["function"]
    assert json.loads(entry["arguments"]) == json.loads(called["arguments"]) == {"unreadable": '{"lines": '}


@pytest.mark.parametrize(
    ("answer", "stop"),
    [
        (response(), "empty"),
        (response(message("  ")), "empty"),
        (response(REASONING), "empty"),
        (
            response(
                message("half"), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
            ),
            "length",
        ),
        (response(status="incomplete", incomplete_details={"reason": "content_filter"}), "content_filter"),
        (
            response({"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}),
            "refusal",
        ),
        (response(function_call(), function_call(call_id="b")), "tool_calls"),
        (response({"type": "web_search_call"}, "text", None, message("{}")), "done"),
    ],
)
def test_how_a_responses_answer_ended(provider: Any, reply: Any, answer: Any, stop: str) -> None:
    assert ask(provider(reply(answer)).spec()).stop == stop


@pytest.mark.parametrize(
    ("answer", "stop"),
    [
        (completion({"content": ""}), "empty"),
        (completion({"content": None}), "empty"),
        (completion({"content": "half"}, "length"), "length"),
        (completion({"content": None}, "content_filter"), "content_filter"),
        (completion({"content": None, "refusal": "I will not."}), "refusal"),
        (completion({"content": "{}"}, None), "done"),
        (completion({"content": [{"type": "text", "text": "{}"}]}), "done"),
        (completion({"content": None, "tool_calls": [{"function": {"name": "x"}}]}, "stop"), "tool_calls"),
    ],
)
def test_how_a_chat_answer_ended(provider: Any, reply: Any, answer: Any, stop: str) -> None:
    assert ask(provider(reply(answer)).spec(api="chat")).stop == stop


def test_calls_without_an_id_or_with_an_object_for_arguments_can_be_answered(
    provider: Any, reply: Any
) -> None:
    calls = [
        {"function": {"name": "read_log", "arguments": {"lines": 3}}},
        {"function": {"name": "read_log"}},
    ]
    server = provider(reply(completion({"content": None, "tool_calls": calls})))

    turn = ask(server.spec(api="chat"))

    assert [call.arguments for call in turn.calls] == ['{"lines": 3}', "{}"]
    assert len({call.id for call in turn.calls}) == 2


@pytest.mark.parametrize(
    ("api", "answer"),
    [
        ("chat", {"choices": None}),
        ("chat", {"choices": []}),
        ("chat", {"error": {"message": "upstream"}}),
        ("chat", {}),
        ("responses", {"output": None}),
        ("responses", {}),
        ("responses", response(status="failed", error={"code": "server_error", "message": "boom"})),
        ("responses", response(status="cancelled")),
    ],
)
def test_an_answer_that_is_none_is_worth_another_try(
    provider: Any, reply: Any, api: str, answer: Any
) -> None:
    with pytest.raises(Transient):
        ask(provider(reply(answer)).spec(api=api))


def test_a_server_without_usage_is_counted_by_estimate(provider: Any, reply: Any) -> None:
    request = Request("x" * 4_000, (TOOL,), (UserMessage("y" * 4_000),))
    for api, answer in (
        ("responses", response(message("z" * 400))),
        ("chat", completion({"content": "z" * 400})),
    ):
        turn = ask(provider(reply(answer | {"usage": None})).spec("local", api=api), request)

        assert 2_000 < turn.usage.input_tokens < 2_200
        assert 100 < turn.usage.output_tokens < 200


@pytest.mark.parametrize(
    ("api", "part", "error"),
    [
        ("responses", "include", "Encrypted content is not supported with this model."),
        (
            "responses",
            "reasoning",
            "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
        ),
        ("responses", "text", "Invalid parameter: 'text.format' of type 'json_schema' is not supported"),
        ("chat", "store", "Extra inputs are not permitted: body.store"),
        ("chat", "reasoning_effort", "Unrecognized request argument supplied: reasoning_effort"),
    ],
)
def test_a_part_that_the_server_refuses_is_left_out_from_then_on(
    provider: Any, reply: Any, api: str, part: str, error: str
) -> None:
    answer = response(message("{}")) | completion({"content": "{}"})
    server = provider(reply({"error": {"message": error}}, status=400), reply(answer))
    notes: list[str] = []
    model = RemoteModel(server.spec(api=api, effort="high"), KEYS, notes.append)

    for _ in range(2):
        model.ask(FIRST, time.monotonic() + 20)
    model.close()

    assert [part in asked.body for asked in server.asked] == [True, False, False]
    assert notes == [f"grok-4 does not take {part!r}: asking without it"]


def test_a_local_server_needs_no_key(provider: Any, reply: Any) -> None:
    server = provider(reply(completion({"content": "{}"})))

    assert ask(server.spec("llama", api="chat", key_names=())).text == "{}"


def test_the_environment_changes_nothing(provider: Any, reply: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = provider(reply(response(message("{}"))))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/elsewhere")

    ask(server.spec())

    headers = server.asked[0].headers
    assert headers["authorization"] == "Bearer sk-test-123"
    assert "openai-organization" not in headers
    assert "openai-project" not in headers


def test_the_models_that_a_server_has_are_listed(provider: Any, reply: Any) -> None:
    server = provider(reply({"data": [{"id": "gpt-4o-mini", "shutdown_date": "2027-01-14"}, 7]}))
    model = RemoteModel(server.spec(), KEYS, lambda text: None)

    listed = model.served_models(time.monotonic() + 20)
    model.close()

    assert listed[0] == {"id": "gpt-4o-mini", "shutdown_date": "2027-01-14"}
    assert server.asked[0].path == "/v1/models"
