"""`trajectory.json` is the whole conversation after every step, however it came to be."""

from __future__ import annotations

import json
from pathlib import Path

from agent.model.protocol import Item, ToolCall, ToolResult, Turn, Usage, UserMessage
from agent.report.conversation import conversation
from agent.store import Run
from agent.transcript import NAME, Transcript


def turn(number: int) -> Turn:
    call = ToolCall(f"call-{number}", "read_file", '{"path": "é"}')
    return Turn(None, (call,), Usage(10, cost_usd=0.5), "asked", "served", "tool_calls", {"output": [number]})


def told(folder: Path) -> list[dict[str, object]]:
    items: list[dict[str, object]] = json.loads((folder / NAME).read_text(encoding="utf-8"))
    return items


def test_each_save_leaves_the_whole_list(tmp_path: Path) -> None:
    transcript, items = Transcript(Run(tmp_path, 1)), list[Item]()
    for number in range(4):
        for item in (UserMessage("naïve \ud800"), turn(number), ToolResult(f"call-{number}", "text\n")):
            items.append(item)
            transcript.save(items)
            assert [one["item"] for one in told(tmp_path)] == [type(one).__name__ for one in items]
    assert told(tmp_path)[10]["raw"] == {"output": [3]}
    assert told(tmp_path)[1]["calls"] == [{"id": "call-0", "name": "read_file", "arguments": '{"path": "é"}'}]
    assert len(conversation(told(tmp_path))) > 4, "a page can be made of it"


def test_what_is_added_is_all_that_is_written(tmp_path: Path) -> None:
    transcript, items = Transcript(Run(tmp_path, 1)), [UserMessage("first")]
    transcript.save(items)
    before = (tmp_path / NAME).stat().st_ino
    transcript.save([*items, turn(1)])
    assert (tmp_path / NAME).stat().st_ino == before
    assert len(told(tmp_path)) == 2


def test_an_item_that_was_cut_is_cut_in_the_file(tmp_path: Path) -> None:
    transcript = Transcript(Run(tmp_path, 1))
    items: list[Item] = [UserMessage("first"), turn(1), ToolResult("call-1", "long " * 1000)]
    transcript.save(items)
    items[2] = ToolResult("call-1", "short")
    transcript.save(items)
    assert told(tmp_path)[2]["text"] == "short"
    transcript.save(items[:1])
    assert told(tmp_path) == [{"item": "UserMessage", "text": "first"}]
