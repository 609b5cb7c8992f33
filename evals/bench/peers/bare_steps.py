# mypy: ignore-errors
"""The least that a loop of tool calls can be: httpx2, a list of messages, a function."""

import json

import httpx2
from given import read_file, task

messages = [
    {"role": "system", "content": task["instructions"]},
    {"role": "user", "content": task["message"]},
]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "read_file",
            "description": "Read lines of a file.",
            "parameters": {
                "type": "object",
                "properties": {
                    "path": {"type": "string", "description": "The file."},
                    "start": {"type": "integer", "description": "The first line."},
                    "end": {"type": "integer", "description": "The last line."},
                },
                "required": ["path", "start", "end"],
            },
        },
    }
]


with httpx2.Client(base_url=task["base_url"], headers={"Authorization": "Bearer none"}) as client:
    while True:
        body = {"model": "stand-in", "messages": messages, "tools": TOOLS}
        message = client.post("/chat/completions", json=body).json()["choices"][0]["message"]
        messages.append(message)
        if not message.get("tool_calls"):
            break
        for call in message["tool_calls"]:
            text = read_file(**json.loads(call["function"]["arguments"]))
            messages.append({"role": "tool", "tool_call_id": call["id"], "content": text})
