"""Heals in a row, a third of them killed with SIGKILL at a random moment: what is left behind?

    python -m evals.soak --heals 200 --report FILE

Each heal is a process of its own on an incident of its own, all on one repository: the scripted
model proposes the reference fix. At the end the repository must be as it was but for whole
branches, and nothing of ours may be left.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import click
import psutil  # type: ignore[import-untyped]

from agent.events import Event
from agent.heal import Plan, heal
from agent.model.scripted import Scripted, called, said
from agent.settings import SandboxSettings, Settings
from agent.store import Store
from evals.cases import INCIDENTS
from evals.reference import edits_of
from evals.run.maker import maker
from evals.testbed.faults import DEMO, FAULTS
from evals.testbed.repository import make_repository
from tools.incident import IncidentFolder

FAULT = FAULTS[DEMO]
OURS = ("bwrap", "valkey-server", "boot_service", "run_tests", "check_build", "evals.soak")
SETTLE_S = 3.0
DIAGNOSIS: dict[str, object] = {
    "root_cause": "An instrument without a previous close has no day change.",
    "category": "bad_data",
    "culprit": None,
    "evidence": [],
    "fixable": True,
    "why_not": None,
    "risk": None,
    "confidence": 0.9,
    "operator_action": None,
}


@dataclass(slots=True)
class Soak:
    """One soak: what it found wrong, and how often heals were killed."""

    folder: Path
    repo: Path
    commit: str
    seed: int
    killed: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, heals: int) -> None:
        """Heal so often, kill a third, then look at what is left."""
        chance = random.Random(self.seed)
        before, mounts = fingerprint(self.repo), mountinfo()
        longest = self.heal(0, None)
        for number in range(1, heals):
            deadline = chance.uniform(0.05, longest) if chance.random() < 1 / 3 else None
            self.heal(number, deadline)
        self.heal(heals, None)
        time.sleep(SETTLE_S)
        self.judge(before, mounts)

    def heal(self, number: int, kill_after: float | None) -> float:
        """One heal as a child; seconds it took."""
        started = time.monotonic()
        argv = [sys.executable, "-m", "evals.soak", "--one", str(number), "--folder", str(self.folder)]
        errors = self.folder / "errors"
        with errors.open("w") as stderr:
            child = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=stderr)
            try:
                if code := child.wait(timeout=kill_after or 120):
                    self.problems.append(f"heal {number} ended with {code}: {errors.read_text()[-400:]}")
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                self.killed += 1
        return time.monotonic() - started

    def judge(self, before: str, mounts: str) -> None:
        """What a soak must not leave."""
        if fingerprint(self.repo) != before:
            self.problems.append(
                "the target's files, index, HEAD, config, hooks or stash are not as they were"
            )
        if mountinfo() != mounts:
            self.problems.append("a mount was left")
        self.problems += [f"a process was left: {line}" for line in leftovers(self.folder)]
        self.problems += [f"not a whole branch: {ref}" for ref in broken_branches(self.repo, self.commit)]
        told = git(self.repo, "fsck", "--full", "--no-dangling")
        if told.strip():
            self.problems.append(f"git fsck: {told.strip()[:300]}")
        private = list((self.folder / "state" / "repositories").glob("*"))
        refs = [line for repo in private for line in git(repo, "for-each-ref").splitlines()]
        self.problems += [f"a temporary ref was left: {line}" for line in refs]


def one(folder: Path, number: int) -> int:
    """A single heal, as a child of the soak."""
    assert FAULT.fix is not None
    none = {"restore": None, "delete": None}
    edits = [{"path": e.path, "search": e.search, "replace": e.replace, **none} for e in edits_of(FAULT.fix)]
    model = Scripted(
        [called(("propose_patch", {"edits": edits, "reason": "soak"})), said(json.dumps(DIAGNOSIS))]
    )
    incident = folder / "incidents" / str(number)
    shutil.copytree(INCIDENTS / FAULT.id, incident, dirs_exist_ok=True)
    file = incident / "incident.json"
    commit = (folder / "commit").read_text()
    file.write_text(json.dumps({**json.loads(file.read_text()), "id": f"soak-{number}", "commit": commit}))
    store = Store(folder / "state")
    store.prepare()
    settings = Settings(
        repo=folder / "marketswarm", python=Path(sys.executable), sandbox=SandboxSettings(test_runs=1)
    )
    plan = Plan(lambda case, emit: model)
    result = heal(store.add(IncidentFolder(incident)), store, settings, plan, _unheard)
    return 0 if result.outcome == "branch" else 1


def fingerprint(repo: Path) -> str:
    """Everything of a repository but its objects and the branches that are ours to make."""
    digest = hashlib.sha256()
    for file in sorted(_watched(repo)):
        digest.update(f"{file.relative_to(repo)} {file.lstat().st_mode}\n".encode())
        digest.update(str(file.readlink()).encode() if file.is_symlink() else file.read_bytes())
    return digest.hexdigest()


def _watched(repo: Path) -> Iterator[Path]:
    ours = (repo / ".git" / "objects", repo / ".git" / "refs" / "heads" / "autoheal")
    for file in repo.rglob("*"):
        if (file.is_symlink() or file.is_file()) and not any(file.is_relative_to(place) for place in ours):
            yield file


def broken_branches(repo: Path, commit: str) -> list[str]:
    """Branches of ours that are not one commit on the base, in the one service."""
    found = []
    for ref in git(repo, "for-each-ref", "--format=%(refname)", "refs/heads/autoheal").split():
        touched = git(repo, "diff", "--name-only", commit, ref).split()
        whole = git(repo, "rev-parse", f"{ref}^").strip() == commit
        if (
            not whole
            or not touched
            or any(not path.startswith(f"services/{FAULT.service}/") for path in touched)
        ):
            found.append(ref)
    return found


def leftovers(folder: Path) -> list[str]:
    """Processes of ours that still run and belong to this soak."""
    own = psutil.Process().pid
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.info["pid"] != own and str(folder) in line and any(name in line for name in OURS):
            found.append(line[:200])
    return found


def mountinfo() -> str:
    """The mounts of this process, where the system tells."""
    place = Path("/proc/self/mountinfo")
    return place.read_text() if place.exists() else ""


def git(repo: Path, *words: str) -> str:
    """Output of a git command, errors included."""
    done = subprocess.run(["git", "-C", str(repo), *words], capture_output=True, text=True, check=False)
    return done.stdout + (done.stderr if done.returncode else "")


def _unheard(event: Event) -> None:
    """The journal has it."""


@click.command()
@click.option("--heals", default=200, show_default=True)
@click.option("--seed", default=7, show_default=True)
@click.option("--report", type=click.Path(path_type=Path), help="Write what came of it here, as JSON.")
@click.option("--one", "number", type=int, help="One heal, as a child of the soak.", hidden=True)
@click.option("--folder", type=click.Path(path_type=Path), hidden=True)
def main(heals: int, seed: int, report: Path | None, number: int | None, folder: Path | None) -> None:
    """Heal in a row, kill a third, say what is left behind."""
    if number is not None and folder is not None:
        sys.exit(one(folder, number))
    with tempfile.TemporaryDirectory(prefix="autohealer-soak-") as name:
        soak = soaked(Path(name), heals, seed)
    for problem in soak.problems:
        click.echo(f"LEFT: {problem}")
    click.echo(f"{heals + 1} heals, {soak.killed} of them killed, {len(soak.problems)} problems")
    if report is not None:
        report.write_text(json.dumps(told(soak, heals), indent=1) + "\n", encoding="utf-8")
    sys.exit(1 if soak.problems else 0)


def told(soak: Soak, heals: int) -> dict[str, object]:
    """What came of a soak and who can make it again, for a file."""
    made = maker(f"python -m evals.soak --heals {heals} --seed {soak.seed}", Path(__file__).parents[1])
    result = {"heals": heals + 1, "killed": soak.killed, "problems": soak.problems}
    return {**result, **asdict(made), "finished": f"{datetime.now(UTC):%Y-%m-%d}"}


def soaked(folder: Path, heals: int, seed: int) -> Soak:
    """Run a soak in a folder."""
    repo = make_repository(folder / "marketswarm").path
    commit = FAULT.apply(repo)
    (folder / "commit").write_text(commit)
    soak = Soak(folder, repo, commit, seed)
    soak.run(heals)
    return soak


if __name__ == "__main__":
    main()
