# mypy: ignore-errors
"""The common run by pydantic-ai: Chat Completions, no telemetry."""

from given import read_file, task
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

model = OpenAIChatModel("stand-in", provider=OpenAIProvider(base_url=task["base_url"], api_key="none"))
agent = Agent(model, instructions=task["instructions"], tools=[read_file])
agent.run_sync(task["message"])
