# mypy: ignore-errors
"""The common run by openai-agents: Chat Completions, tracing off."""

from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled
from given import read_file, task
from openai import AsyncOpenAI

set_tracing_disabled(True)
client = AsyncOpenAI(base_url=task["base_url"], api_key="none")
model = OpenAIChatCompletionsModel(model="stand-in", openai_client=client)
agent = Agent(name="peer", instructions=task["instructions"], tools=[function_tool(read_file)], model=model)
Runner.run_sync(agent, task["message"], max_turns=task["steps"] + 2)
