"""The quick way back, where the change that brought the crash is a merge of one of our own branches."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from agent.case import open_case
from agent.lookback import look_back
from agent.settings import Settings
from evals.cases import INCIDENTS
from evals.testbed.faults import FAULTS
from evals.testbed.repository import git, make_repository
from sandbox.git import IDENTITY
from tools.incident import IncidentFolder

FAULT = FAULTS["vigil-relative-move"]
OURS = (
    *("-c", f"user.name={IDENTITY[0]}", "-c", f"user.email={IDENTITY[1]}"),
    *("commit-tree", "-m", "fix(vigil): a fix of ours\n\nIncident: vigil-20261101-090000-aaaa"),
)


def test_a_crash_that_our_own_branch_brought_is_told_with_the_revert_of_its_merge(tmp_path: Path) -> None:
    testbed = make_repository(tmp_path / "marketswarm")
    repo, base = testbed.path, testbed.head
    broken = FAULT.apply(repo)
    ours = git(repo, *OURS, "-p", base, f"{broken}^{{tree}}").strip()
    author = ("-c", "user.name=Dana", "-c", "user.email=dana@example.org")
    merge = git(
        repo, *author, "commit-tree", "-m", "Merge branch", "-p", base, "-p", ours, f"{broken}^{{tree}}"
    ).strip()
    git(repo, "reset", "--quiet", "--hard", merge)
    incident = tmp_path / "incident"
    shutil.copytree(INCIDENTS / FAULT.id, incident)
    recorded = json.loads((incident / "incident.json").read_text())
    (incident / "incident.json").write_text(json.dumps({**recorded, "commit": merge}))
    settings = Settings(repo=repo, python=Path(sys.executable))

    found = look_back(open_case(IncidentFolder(incident), settings, tmp_path / "state", lambda event: None))

    assert found is not None and found.good is not None and found.bad is not None
    assert (found.bad.id, found.exact) == (merge, True)
    assert (
        git(repo, "log", "-1", "--format=%H", base, "--", "services/vigil", "shared", "truth").strip()
        == found.good.id
    )
    assert found.bad.incident == "vigil-20261101-090000-aaaa"
    assert "a change of ours (incident vigil-20261101-090000-aaaa)" in found.told
    assert f"Quick way back: `git revert -m 1 {merge[:12]}`" in found.told
