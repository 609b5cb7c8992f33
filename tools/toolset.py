"""The six tools, and no seventh: the last message of a conversation is the diagnosis."""

from __future__ import annotations

from tools.get_health_snapshot import GetHealthSnapshot
from tools.grep_services import GrepServices
from tools.propose_patch import ProposePatch
from tools.read_file import ReadFile
from tools.read_log import ReadLog
from tools.run_pytest import RunPytest
from tools.tool import Tool

SIX_TOOLS: dict[str, type[Tool]] = {
    tool.name: tool for tool in (ReadLog, GetHealthSnapshot, ReadFile, GrepServices, ProposePatch, RunPytest)
}
