"""What a model is told of an incident: the system prompt, the tools, the opening message."""

from __future__ import annotations

from collections.abc import Iterable

from agent.case import Case
from agent.diagnosis import Category, Diagnosis
from agent.model.protocol import Request
from agent.model.schema import strict_schema, tool_schema
from agent.texts import fill_prompt, prompt
from agent.triage import Triage
from tools.get_health_snapshot import GetHealthSnapshot
from tools.redact import inert
from tools.repository import FileMissing, Repository
from tools.tool import Tool

CONTEXT_IN_TARGET = "docs/healer-context.md"
FILES_SHOWN = 200


def system_prompt(repository: Repository) -> str:
    """Rules and platform context: the same for every incident of a target, so that providers cache it.

    The target's own `docs/healer-context.md` takes precedence over ours.
    """
    try:
        context = repository.read(CONTEXT_IN_TARGET).decode("utf-8", "replace")
    except FileMissing:
        context = prompt("system_context.md")
    return fill_prompt("system.md", categories=", ".join(Category), context=context.strip())


def request_for(case: Case, tools: Iterable[type[Tool]]) -> Request:
    """What stays the same from request to request: system prompt, tools and the form of the answer."""
    return Request(
        system=case.bench.redact(system_prompt(case.bench.repository)),
        tools=tuple(map(tool_schema, tools)),
        items=(),
        answer_schema=strict_schema(Diagnosis),
    )


def opening(case: Case, found: Triage, earlier: list[str]) -> str:
    """The incident message, redacted: what crashed, what the rules found, how a patch is judged."""
    folder = f"services/{case.incident.service}/"
    text = fill_prompt(
        "incident.md",
        incident=case.incident,
        dirty=[path for path in case.incident.dirty if path.startswith(folder)],
        triage=found.text,
        crash=inert(case.crash.text) if case.crash else "(no crash in the log)",
        health=GetHealthSnapshot(service=None).run(case.bench),
        files=case.bench.repository.files(folder)[:FILES_SHOWN],
        judged=fill_prompt("judged.md", sandbox=case.isolation is not None),
        earlier=earlier,
    )
    return case.bench.redact(text)
