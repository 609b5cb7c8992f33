# mypy: ignore-errors
"""The common run by smolagents: its agent for tool calls, nothing printed."""

from given import read_file, task
from smolagents import LogLevel, OpenAIServerModel, ToolCallingAgent, tool

agent = ToolCallingAgent(
    tools=[tool(read_file)],
    model=OpenAIServerModel("stand-in", api_base=task["base_url"], api_key="none"),
    instructions=task["instructions"],
    max_steps=task["steps"] + 2,
    verbosity_level=LogLevel.OFF,
)
agent.run(task["message"])
