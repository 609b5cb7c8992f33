"""The same run by our own loop, with its model client, its redaction and its journal on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from agent.diagnosis import Diagnosis
from agent.limits import Limits
from agent.loop import Loop
from agent.model.keys import KeyRing
from agent.model.protocol import Request
from agent.model.remote import RemoteModel
from agent.model.schema import strict_schema, tool_schema
from agent.model.spec import ModelSpec
from agent.record import RunRecord
from agent.store import Run
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.redact import Redactor
from tools.repository import Repository
from tools.tool import Tool, Workbench


class Given(Tool):
    """Read lines of a file."""

    name: ClassVar[str] = "read_file"

    path: str = Field(description="The file.")
    start: int = Field(description="The first line.")
    end: int = Field(description="The last line.")

    def run(self, bench: Workbench) -> str:
        return f"{self.path}:{self.start}-{self.end}\n{bench.service}"


def main(task: dict[str, Any], folder: Path) -> None:
    """Converse to the end; the repository is an empty one, since the tool reads none."""
    repo = folder / "repo"
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    author = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *author, "commit", "-q", "--allow-empty", "-m", "none"], cwd=repo, check=True)
    bench = Workbench(
        IncidentFolder(folder), task["result"], Repository(repo), PrivateRepository(repo, folder), Redactor()
    )
    spec = ModelSpec("stand-in", task["base_url"])
    record = RunRecord(Run(folder, 1), lambda event: None)
    model = RemoteModel(spec, KeyRing(), lambda note: None)
    request = Request(task["instructions"], (tool_schema(Given),), (), strict_schema(Diagnosis))
    limits = Limits(soft_steps=1000, steps=1000)
    tools: dict[str, type[Tool]] = {"read_file": Given}
    loop = Loop(model, request, tools, bench, limits, record.spent, record.emit, record.save)
    answer, limit = loop.run(task["message"])
    assert answer is not None and limit is None, limit


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="autohealer-steps-") as place:
        main(json.load(sys.stdin), Path(place))
