"""The agent loop: ask, run the tools, ask again, until the last message is a diagnosis."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from agent.diagnosis import Diagnosis
from agent.events import Asked, Emit, Noted, ToolUsed
from agent.limits import Limit, Limits, Spent
from agent.model.protocol import (
    ContextFull,
    DeadlineReached,
    Item,
    Model,
    Request,
    ToolCall,
    ToolResult,
    UserMessage,
)
from tools.tool import Tool, ToolError, Workbench

CALLS_AT_ONCE = 16
SAME_CALL = 3
UNUSABLE_ANSWERS = 3
LAST_WORD_S = 60.0
OLD_RESULT = 400
KEPT_WHOLE = 4
"""At a limit all but the last items are cut to their first characters."""


@dataclass(slots=True)
class Loop:
    """One conversation about one incident. `request` holds system prompt, tools and the items so far."""

    model: Model
    request: Request
    tools: Mapping[str, type[Tool]]
    bench: Workbench
    limits: Limits
    spent: Spent
    emit: Emit
    save: Callable[[list[Item]], None]
    items: list[Item] = field(default_factory=list)
    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    warned: bool = False

    def run(self, message: str) -> tuple[Diagnosis | None, str | None]:
        """Say `message` and converse until the model's diagnosis.

        Returns the diagnosis, or the best one at a limit (None if there is not even that), and
        the limit that was reached or None.

        Raises:
            ModelError: no model is left to ask.
        """
        self.items.append(UserMessage(message))
        try:
            return self.converse(), None
        except (Limit, ContextFull, DeadlineReached) as reached:
            self.emit(Noted(f"ended early: {reached}"))
            return self.last_word(str(reached)), str(reached)

    def begin_again(self) -> None:
        """Another model goes on: what builtin did before costs it none of its steps.

        Tokens, money and time are what they are.
        """
        done = self.spent.steps
        self.limits = replace(
            self.limits, steps=self.limits.steps + done, soft_steps=self.limits.soft_steps + done
        )
        self.calls.clear()
        self.warned = False

    def converse(self) -> Diagnosis:
        for _ in range(UNUSABLE_ANSWERS):
            while turn_calls := self.step():
                self.execute(turn_calls)
            try:
                return self.diagnosis()
            except ToolError as unusable:
                self.items.append(UserMessage(str(unusable)))
        raise Limit(f"{UNUSABLE_ANSWERS} answers in a row were no diagnosis")

    def step(self, *, final: bool = False) -> tuple[ToolCall, ...]:
        """Ask once; the calls that the model wants made."""
        if not final:
            self.spent.check(self.limits)
            self.remind()
        deadline = time.monotonic() + LAST_WORD_S if final else self.spent.deadline(self.limits)
        asked = time.monotonic()
        request = replace(self.request, items=self.items, tools=() if final else self.request.tools)
        turn = self.model.ask(request, deadline)
        self.items.append(turn)
        self.spent.add(turn.usage)
        self.save(self.items)
        usage = turn.usage
        self.emit(
            Asked(
                self.spent.steps, turn.asked, turn.served, usage.input_tokens, usage.cached_tokens,
                usage.output_tokens, usage.cost_usd, time.monotonic() - asked,
            )
        )  # fmt: skip
        return turn.calls

    def execute(self, calls: tuple[ToolCall, ...]) -> None:
        """Answer every call in order; a call past the bound is answered with a refusal."""
        for number, call in enumerate(calls):
            started = time.monotonic()
            try:
                if number >= CALLS_AT_ONCE:
                    raise ToolError(f"not run: at most {CALLS_AT_ONCE} calls in one answer")
                text, failed = self.answer(call), False
            except ToolError as error:
                text, failed = f"ERROR: {self.bench.redact(str(error))}", True
            self.items.append(ToolResult(call.id, text))
            self.emit(ToolUsed(call.name, call.arguments, text, failed, time.monotonic() - started))
        self.save(self.items)

    def answer(self, call: ToolCall) -> str:
        """Run one call; what is wrong with it is a ToolError that the model can act on."""
        tool = self.tools.get(call.name)
        if tool is None:
            raise ToolError(f"there is no tool {call.name!r}; the tools are {', '.join(self.tools)}")
        key = (call.name, call.arguments, self.bench.patch.tree if self.bench.patch else "")
        self.calls[key] += 1
        if self.calls[key] > SAME_CALL:
            raise Limit(f"the same call of {call.name} came {self.calls[key]} times")
        try:
            text = tool.model_validate_json(call.arguments).answer(self.bench)
        except ValidationError as error:
            raise ToolError(_explain(error)) from error
        if self.calls[key] == SAME_CALL:
            text = f"NOTE: you made this call {SAME_CALL} times; once more ends the run.\n{text}"
        return text

    def diagnosis(self) -> Diagnosis:
        """The last message as a Diagnosis; what is wrong with it is a ToolError for the model."""
        turn = self.items[-1]
        text = getattr(turn, "text", None) or ""
        stop = getattr(turn, "stop", "done")
        start, end = text.find("{"), text.rfind("}")
        if stop != "done" or start < 0 or end < start:
            raise ToolError(
                f"That was no diagnosis ({'no JSON object in it' if stop == 'done' else stop}). "
                "Go on with the tools, or answer with the JSON object alone."
            )
        try:
            return Diagnosis.model_validate_json(text[start : end + 1])
        except ValidationError as error:
            raise ToolError(f"The diagnosis does not hold to its form: {_explain(error)}") from error

    def last_word(self, reached: str) -> Diagnosis | None:
        """At a limit: ask once more, without tools, for the best diagnosis so far."""
        self.close_open_calls()
        self.shorten()
        self.items.append(
            UserMessage(
                f"The run ends here: {reached}. "
                "Answer now with your best diagnosis, as the JSON object alone."
            )
        )
        try:
            self.step(final=True)
            return self.diagnosis()
        except (ToolError, ContextFull, DeadlineReached):
            return None

    def shorten(self) -> None:
        """Cut old tool results, since the conversation may be what is too long."""
        for place, item in enumerate(self.items[:-KEPT_WHOLE]):
            if isinstance(item, ToolResult) and len(item.text) > OLD_RESULT:
                self.items[place] = ToolResult(item.call_id, f"{item.text[:OLD_RESULT]}\n[... cut]")

    def close_open_calls(self) -> None:
        """Answer what was left open, since an API refuses a conversation with unanswered calls."""
        answered = {item.call_id for item in self.items if isinstance(item, ToolResult)}
        for item in list(self.items):
            for call in getattr(item, "calls", ()):
                if call.id not in answered:
                    self.items.append(ToolResult(call.id, "not run: the run has ended"))

    def remind(self) -> None:
        """Past the soft bound, say once that the end is near."""
        if not self.warned and self.spent.nearly(self.limits):
            self.warned = True
            self.items.append(
                UserMessage(
                    "Most of the budget is used. Come to an end: prove one patch, or answer with a diagnosis."
                )
            )


def _explain(error: ValidationError) -> str:
    """A validation error in words that name each field and what it should have been."""
    problems = (
        f"{'.'.join(str(part) for part in one['loc']) or 'the arguments'}: {one['msg']}"
        for one in error.errors()[:5]
    )
    return "; ".join(problems)
