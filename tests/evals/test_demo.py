"""The demo as a user runs it, with an empty home and no key: both endings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.testbed.cluster import Cluster
from evals.testbed.faults import DEMO, FAULTS

ROOT = Path(__file__).parent.parent.parent


def demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    env["HOME"] = str(folder.parent)
    argv = [sys.executable, "-m", "evals.demo", "--folder", str(folder), *words]
    return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=280, check=False)


def git(repo: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=repo, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_bug_ends_with_a_branch_that_can_be_merged_and_beats(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    started = time.monotonic()
    told = demo(folder)
    assert told.returncode == 0, told.stdout + told.stderr
    assert time.monotonic() - started < 60 * 2, "60 s are promised on a machine that does nothing else"
    repo = folder / "marketswarm"
    branches = git(repo, "for-each-ref", "--format=%(refname:short)", "refs/heads/autoheal").split()
    assert len(branches) == 1
    assert branches[0].startswith("autoheal/vigil/")
    touched = git(repo, "diff", "--name-only", f"HEAD...{branches[0]}").split()
    assert touched
    assert all(path.startswith("services/vigil/") for path in touched)
    for part in ("recording", "propose_patch", "gone", branches[0], "report.md", "not grok-4"):
        assert part in told.stdout, part
    git(
        repo,
        "-c",
        "user.name=reviewer",
        "-c",
        "user.email=reviewer@localhost",
        "merge",
        "-q",
        "--no-edit",
        branches[0],
    )
    with Cluster(tmp_path / "again", repo, env=FAULTS[DEMO].env) as cluster:
        cluster.start("massive", "vigil")
        time.sleep(2)
        assert cluster.alive("vigil"), cluster.log_end("vigil")


@pytest.mark.slow
def test_an_outage_ends_without_a_model_and_without_a_branch(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    told = demo(folder, "--case", "redis")
    assert told.returncode == 3, told.stdout + told.stderr
    assert git(folder / "marketswarm", "for-each-ref", "refs/heads/autoheal") == ""
    results = list((folder / "state" / "incidents").glob("*/runs/*/result.json"))
    assert len(results) == 1
    result = json.loads(results[0].read_text())
    assert (result["outcome"], result["steps"]) == ("not_fixable", 0)
    assert result["diagnosis"]["category"] == "redis_connection"
    assert "market-redis" in result["diagnosis"]["operator_action"]
