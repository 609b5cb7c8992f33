"""A model server on loopback that always gives the same answers, and notes when it was asked.

It speaks Chat Completions and Responses. Each run has a base URL of its own and gets so many calls
of one tool, then a last message. What counts is the time between an answer and the next request.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOOL = "read_file"
FINAL_TOOL = "final_answer"
"""Some frameworks end a run by a call of this tool, and offer it."""
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
RESPONSES_USAGE = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}


@dataclass(slots=True)
class Conversation:
    """What the server saw of one run. Times are `time.perf_counter()` seconds, which all processes share."""

    steps: int
    last: str
    asked: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    body: bytes = b""

    @property
    def step_s(self) -> float:
        """Median seconds from an answer to the request that follows it."""
        return statistics.median(
            asked - answered for answered, asked in zip(self.answered, self.asked[1:], strict=False)
        )

    def results(self, marker: str) -> int:
        """How often a text stands in the last request: once for each tool result that came back."""
        return self.body.count(marker.encode())


class ModelServer:
    """The server; `conversations` are by the name in the base URL."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.conversations: dict[str, Conversation] = {}

    def expect(self, name: str, steps: int, last: str) -> str:
        """Make ready for one run; its base URL."""
        self.conversations[name] = Conversation(steps, last)
        return f"http://127.0.0.1:{self.port}/{name}/v1"

    def answer(self, path: str, body: bytes) -> tuple[Conversation, bytes]:
        """Note one request that has just come in, and say what is answered."""
        now = time.perf_counter()
        conversation = self.conversations[path.split("/")[1]]
        number = len(conversation.asked)
        conversation.asked.append(now)
        conversation.body = body
        told = _response if path.endswith("/responses") else _completion
        return conversation, json.dumps(told(conversation, number, json.loads(body))).encode()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Serve on a free port of loopback for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            conversation, answer = model.answer(self.path, body)
            head = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n\r\n"
            )
            conversation.answered.append(time.perf_counter())
            self.wfile.write(head.encode() + answer)

        def log_message(self, *words: object) -> None:
            """Nothing to say."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        model = ModelServer(server.server_port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield model
        server.shutdown()


def _call(conversation: Conversation, number: int, body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Name and arguments of the call that is answered, or None where the last message is due."""
    if number < conversation.steps:
        arguments = {
            "path": "services/vigil/main.py",
            "start": number + 1,
            "end": number + 90,
            "commit": None,
        }
        wanted = _parameters(body)
        return TOOL, json.dumps({name: value for name, value in arguments.items() if name in wanted})
    if FINAL_TOOL in json.dumps(body.get("tools", [])):
        return FINAL_TOOL, json.dumps({"answer": conversation.last})
    return None


def _parameters(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters of the tool, as the request describes them."""
    for tool in body.get("tools", []):
        function = tool.get("function", tool)
        if function["name"] == TOOL:
            properties: Mapping[str, Any] = function["parameters"]["properties"]
            return properties
    return {}


def _completion(conversation: Conversation, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
    call = _call(conversation, number, body)
    message: dict[str, Any] = {"role": "assistant", "content": None if call else conversation.last}
    if call:
        function = {"name": call[0], "arguments": call[1]}
        message["tool_calls"] = [{"id": f"call_{number}", "type": "function", "function": function}]
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if call else "stop"}],
        "usage": USAGE,
    }


def _response(conversation: Conversation, number: int, body: Mapping[str, Any]) -> dict[str, Any]:
    call = _call(conversation, number, body)
    output: dict[str, Any] = {"type": "message", "role": "assistant", "id": f"msg_{number}"}
    output["content"] = [{"type": "output_text", "text": conversation.last, "annotations": []}]
    if call:
        output = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
        output |= {"name": call[0], "arguments": call[1], "status": "completed"}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "model": body["model"],
        "output": [output],
        "usage": RESPONSES_USAGE,
    }
