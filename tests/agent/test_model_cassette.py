"""Recorded runs: what is kept, what matches, and what is a miss."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.model.cassette import CassetteError, CassetteMiss, first_difference, recording, replaying
from agent.model.chain import Chain, Retries
from agent.model.keys import KeyRing
from agent.model.protocol import Request, ToolResult, ToolSchema, Turn, UserMessage
from agent.model.spec import ModelSpec

KEYS = KeyRing(environment={"TEST_KEY": "sk-recorded-secret"})
TOOL = ToolSchema("read_log", "Reads the log.", {"type": "object", "properties": {}, "required": []})
WHO = "relay, played by a stand-in on 2026-11-22, not grok-4"
IMPATIENT = Retries(sleep=lambda seconds: None)
ECHO = {"instructions": "echoed system prompt", "tools": [{"name": "echoed"}]}


def response(*output: dict[str, Any]) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {"model": "grok-4", "status": "completed", "output": list(output), "usage": usage} | ECHO


CALL = response({"type": "function_call", "call_id": "call_7", "name": "read_log", "arguments": "{}"})
DONE = response({"type": "message", "content": [{"type": "output_text", "text": '{"root_cause": "x"}'}]})


def converse(
    models: Chain, log: str, message: str = "vigil died, pid 4711\nat 2026-11-22T10:00:00Z"
) -> list[Turn]:
    """A run of two steps, as the loop would make it."""
    items: list[Any] = [UserMessage(message)]
    turns: list[Turn] = []
    while not turns or turns[-1].calls:
        turns.append(models.ask(Request("You heal.\nStatic.", (TOOL,), items), time.monotonic() + 30))
        items.append(turns[-1])
        items += [ToolResult(call.id, log) for call in turns[-1].calls]
    return turns


@pytest.fixture
def record(provider: Any, reply: Any, tmp_path: Path) -> Callable[..., Path]:
    """Record one run against a real server; gives back the cassette."""

    def make(*bodies: Any, api: str = "responses", log: str = "KeyError: 'spot'", **options: Any) -> Path:
        replies = [body if isinstance(body, reply) else reply(body) for body in bodies]
        server = provider(*replies)
        specs = (server.spec(api=api),)
        path = tmp_path / "run.yaml"
        models = Chain.of(specs, KEYS, lambda text: None, IMPATIENT)
        with recording(path, answered_by=WHO, specs=specs, **options):
            converse(models, log)
        models.close()
        return path

    return make


def replay(path: Path, log: str = "KeyError: 'spot'", **options: Any) -> tuple[list[Turn], int]:
    with replaying(path) as played:
        models = Chain.of(played.head.specs, played.head.keys, lambda text: None, IMPATIENT)
        turns = converse(models, log, **options)
        models.close()
        return turns, played.unplayed


def test_a_run_is_replayed_without_a_server_or_a_key(record: Any) -> None:
    path = record(CALL, DONE)

    turns, unplayed = replay(path)

    assert [turn.stop for turn in turns] == ["tool_calls", "done"]
    assert turns[-1].text == '{"root_cause": "x"}'
    assert turns[0].usage.input_tokens == 10
    assert unplayed == 0


def test_a_chat_run_is_replayed_too(record: Any) -> None:
    call = {"id": "call_7", "function": {"name": "read_log", "arguments": "{}"}}
    first = {"model": "m", "choices": [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    last = {"model": "m", "choices": [{"message": {"content": "{}"}, "finish_reason": "stop"}]}

    turns, _ = replay(record(first, last, api="chat"))

    assert [turn.stop for turn in turns] == ["tool_calls", "done"]


def test_what_only_a_rerun_changes_is_no_miss(record: Any) -> None:
    path = record(CALL, DONE, log="pid 4711 at /Users/ernie/MarketSwarm/services/vigil/main.py, 0.3 s")

    turns, _ = replay(
        path,
        log="pid 9 at /home/me/services/vigil/main.py, 12.9 s",
        message="vigil died, pid 5\nat 2027-01-01T00:00:00Z",
    )

    assert turns[-1].stop == "done"


def test_any_other_difference_ends_the_run_and_shows_the_first_one(record: Any) -> None:
    path = record(CALL, DONE)

    with pytest.raises(CassetteMiss) as miss:
        replay(path, log="KeyError: 'vix'")

    told = str(miss.value)
    assert "run.yaml: the request differs from the recorded one at body.input[2].output" in told
    assert "-KeyError: 'spot'" in told
    assert "+KeyError: 'vix'" in told


def test_one_request_too_many_is_a_miss(record: Any) -> None:
    path = record(DONE)

    with replaying(path) as played:
        models = Chain.of(played.head.specs, played.head.keys, lambda text: None, IMPATIENT)
        converse(models, "")
        with pytest.raises(CassetteMiss, match="every recorded answer was used"):
            converse(models, "")
        models.close()


def test_another_path_is_a_miss(record: Any) -> None:
    path = record(DONE)

    with replaying(path):
        spec = ModelSpec("grok-4", "http://recorded.invalid/v1", api="chat")
        models = Chain.of([spec], KeyRing(), lambda text: None, IMPATIENT)
        with pytest.raises(
            CassetteMiss, match="asks POST /v1/chat/completions, recorded was POST /v1/responses"
        ):
            converse(models, "")
        models.close()


def test_a_recorded_fault_is_played_and_mended_again(record: Any, reply: Any) -> None:
    path = record(reply({"error": "slow"}, status=429, headers={"Retry-After": "0"}), DONE)

    turns, unplayed = replay(path)

    assert turns[-1].stop == "done"
    assert unplayed == 0


def test_html_and_broken_json_are_played_as_they_came(record: Any, reply: Any) -> None:
    path = record(reply("<html>proxy</html>", content_type="text/html"), reply('{"output": ['), DONE)

    assert replay(path)[0][-1].stop == "done"


def test_the_file_says_what_answered_and_can_be_read(record: Any) -> None:
    path = record(CALL, DONE, log="one\ntwo\nthree at /home/ernie/x/services/a.py")

    text = path.read_text(encoding="utf-8")

    assert f"answered_by: {WHO}" in text
    assert "recorded_on:" in text
    assert "        one\n" in text
    assert "<root>/services/a.py" in text


def test_the_file_repeats_nothing_and_holds_no_secret_and_no_host(record: Any) -> None:
    text = record(CALL, DONE).read_text(encoding="utf-8")

    assert text.count("You heal.") == 1
    assert text.count("vigil died") == 1
    assert "echoed" not in text
    assert "sk-recorded-secret" not in text
    assert "authorization" not in text.lower()
    assert "127.0.0.1" not in text


def test_a_secret_in_an_answer_keeps_the_file_from_being_written(record: Any, tmp_path: Path) -> None:
    leaking = response(
        {"type": "message", "content": [{"type": "output_text", "text": "the key is hunter2-xyz"}]}
    )

    with pytest.raises(CassetteError, match="1 of the texts"):
        record(leaking, secrets=["hunter2-xyz"])

    assert not (tmp_path / "run.yaml").exists()


def test_recording_again_replaces_the_file(record: Any) -> None:
    record(CALL, DONE)
    path = record(DONE)

    with replaying(path) as played:
        assert played.unplayed == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- a list\n",
        "format: 1\n",
        "format: 9\nabout: {}\nexchanges: []\n",
        "{: broken",
        "format: 1\nabout: {}\nexchanges: []\n",
    ],
)
def test_what_is_no_recorded_run_is_said(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(content)

    with pytest.raises(CassetteError, match="no recorded run"), replaying(path):
        pass


def test_a_missing_recorded_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(CassetteError, match="no recorded run at"), replaying(tmp_path / "none.yaml"):
        pass


@pytest.mark.parametrize(
    ("ours", "theirs", "place"),
    [
        ({"a": 1, "b": [1, {"c": 2}]}, {"a": 1, "b": [1, {"c": 3}]}, "body.b[1].c"),
        ({"a": 1}, {"a": 1, "b": 2}, "body.b"),
        ([1], [1, 2], "body[1]"),
        ("x", "y", "body"),
    ],
)
def test_the_first_difference_is_found(ours: Any, theirs: Any, place: str) -> None:
    assert first_difference(ours, theirs)[0] == place


def test_conversations_of_many_steps_come_back_whole(provider: Any, reply: Any, tmp_path: Path) -> None:
    calls = [json.loads(json.dumps(CALL).replace("call_7", f"call_{number}")) for number in range(12)]
    server = provider(*[reply(body) for body in (*calls, DONE)])
    path = tmp_path / "long.yaml"
    models = Chain.of([server.spec()], KEYS, lambda text: None, IMPATIENT)
    with recording(path, answered_by=WHO, specs=[server.spec()]):
        converse(models, "x" * 4_000)
    models.close()

    turns, unplayed = replay(path, log="x" * 4_000)

    assert (len(turns), unplayed) == (13, 0)
    assert path.stat().st_size < 12 * 6_000
