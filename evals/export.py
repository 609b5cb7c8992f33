"""Make a real incident into a case: its world redacted once more, a person's merged fix as the reference."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

from unidiff import PatchSet

from agent.diagnosis import Category
from evals.cases import FIX_FILE, TRUTH_FILE, CaseTruth, TrueCulprit
from evals.testbed.repository import git
from tools.capture import site_of
from tools.incident import IncidentFolder
from tools.logs import LogError, last_crash
from tools.redact import Redactor
from tools.repository import Repository, RepositoryError
from tools.truth import NO_TRUTH, Truth, TruthError, from_files

WORLD = ("incident.json", "snapshot.json", "truth.json", "redis.json", "messages.jsonl", "log.txt")


class ExportError(Exception):
    """An incident that cannot be made into a case; the message says why."""


def export(folder: IncidentFolder, repo: Path, fix: str, category: Category, into: Path) -> Path:
    """Write the case below `into`, named by the incident's id; its folder.

    `fix` is the commit that mended the service, `repo` has it and the incident's commit.

    Raises:
        ExportError: the fix is none of that service, or does not fit the commit.
        IncidentError: the incident cannot be read.
    """
    incident = folder.incident()
    diff = _reference(repo, fix, incident.service, incident.commit)
    made = into / incident.id
    shutil.rmtree(made, ignore_errors=True)
    (made / "logs").mkdir(parents=True)
    redact = _redactor(repo, incident.commit)
    for file in (*(folder.path / name for name in WORLD), *sorted((folder.path / "logs").glob("*.txt"))):
        if file.is_file():
            text = redact(file.read_text(encoding="utf-8", errors="replace"))
            (made / file.relative_to(folder.path)).write_text(text, encoding="utf-8")
    named = json.loads((made / "incident.json").read_text(encoding="utf-8")) | {"repo": None}
    (made / "incident.json").write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")
    (made / FIX_FILE).write_text(redact(diff), encoding="utf-8")
    subject = redact(git(repo, "log", "-1", "--format=%s", fix).strip())
    (made / TRUTH_FILE).write_text(_truth(folder, diff, category, redact, subject).toml(), encoding="utf-8")
    return made


def _reference(repo: Path, fix: str, service: str, commit: str) -> str:
    """What the fix did to the service, which must fit the commit that crashed."""
    try:
        mended, crashed = _sha(repo, fix), _sha(repo, commit)
        git(repo, "merge-base", "--is-ancestor", crashed, mended)
        diff = git(repo, "diff", f"{mended}^", mended, "--", f"services/{service}")
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip() or f"it does not come after {commit}"
        raise ExportError(f"{fix} is no fix of this incident: {told}") from error
    if mended == crashed:
        raise ExportError(f"{fix} is no fix of this incident: it is the commit that crashed, {crashed[:10]}")
    if not _changes(diff):
        raise ExportError(f"{fix} changes nothing in services/{service} but tests, or nothing at all")
    return diff


def _sha(repo: Path, commit: str) -> str:
    return git(repo, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}").strip()


def _changes(diff: str) -> list[str]:
    """The files of a diff that are no tests."""
    return [file.path for file in PatchSet(diff) if "/test" not in file.path]


def _redactor(repo: Path, commit: str) -> Redactor:
    truth: Truth = NO_TRUTH
    try:
        repository = Repository(repo, commit)
        truth = from_files(repository.files("truth/"), repository.read)
    except TruthError:
        pass
    except RepositoryError as error:
        raise ExportError(str(error)) from error
    return Redactor(site_of(repo, truth, "redis://127.0.0.1:6379", "commit").secrets())


def _truth(
    folder: IncidentFolder, diff: str, category: Category, redact: Redactor, subject: str
) -> CaseTruth:
    try:
        crash = last_crash(folder.log)
    except LogError:
        crash = None
    final = crash.final if crash else None
    return CaseTruth(
        group="fixable",
        fixable=True,
        category=category,
        root_cause=subject,
        symptom=redact(final.message) if final and final.message else "",
        culprit=TrueCulprit(file=_changes(diff)[0]),
        unseen=True,
    )
