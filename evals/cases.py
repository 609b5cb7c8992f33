"""A case: an incident that was recorded, what is true about it, and the fault that made it.

`truth.toml` lies in the incident's folder and is never shown to the agent: a run gets a copy without it.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.diagnosis import Category
from evals.testbed.faults import FAULTS, UNSEEN, Fault
from tools.incident import IncidentFolder

INCIDENTS = Path(__file__).parent / "incidents"
TRUTH_FILE = "truth.toml"
FIX_FILE = "fix.patch"


class CaseError(Exception):
    """A case that cannot be used; the message names the file and what is wrong."""


class TrueCulprit(BaseModel):
    """Where the fault really is; the function is empty where a whole file is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    function: str = ""


class CaseTruth(BaseModel):
    """The right answers of a case. `accept_categories` are right as well, `operator_actions` any of them.

    `unseen` is a case that no rule and no prompt was made with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Literal["fixable", "not_fixable", "trap"]
    fixable: bool
    category: Category
    accept_categories: tuple[Category, ...] = ()
    root_cause: str
    symptom: str
    operator_actions: tuple[str, ...] = ()
    culprit: TrueCulprit | None = None
    unseen: bool = False

    def accepts(self, category: Category) -> bool:
        """Whether this is the right category, or one that is as right."""
        return category == self.category or category in self.accept_categories

    def toml(self) -> str:
        """The text of `truth.toml`."""
        plain = self.model_dump(mode="json", exclude_none=True)
        culprit = plain.pop("culprit", None)
        if not self.unseen:
            del plain["unseen"]
        # A JSON text, number, boolean or list of texts is TOML, too.
        lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in plain.items()]
        if culprit is not None:
            lines += ["", "[culprit]", *(f"{name} = {json.dumps(value)}" for name, value in culprit.items())]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Case:
    """One incident with what is true about it.

    `fault` is what made it in the testbed; a real incident that was exported has none, but its own fix.
    """

    id: str
    service: str
    commit: str
    folder: IncidentFolder
    truth: CaseTruth
    fault: Fault | None

    @property
    def fix(self) -> Path | None:
        """The reference fix as a diff, where the service's code is at fault."""
        own = self.folder.path / FIX_FILE
        return self.fault.fix if self.fault else own if own.exists() else None

    @property
    def wrong_fix(self) -> Path | None:
        """A plausible diff that does not mend it, where there is one."""
        return self.fault.wrong_fix if self.fault else None


def truth_of(fault: Fault) -> CaseTruth:
    """What is true about an incident that a fault made."""
    culprit = TrueCulprit(file=fault.culprit[0], function=fault.culprit[1]) if fault.culprit else None
    return CaseTruth(
        group=fault.group,
        fixable=fault.fix is not None,
        category=fault.category,
        accept_categories=fault.accept,
        root_cause=fault.title,
        symptom=fault.symptom,
        operator_actions=(fault.action,) if fault.action else (),
        culprit=culprit,
        unseen=fault in UNSEEN,
    )


def load_case(folder: Path) -> Case:
    """Read one case.

    Raises:
        CaseError: a file is missing or wrong, or no fault has that name.
        IncidentError: the incident cannot be read.
    """
    file = folder / TRUTH_FILE
    try:
        truth = CaseTruth.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise CaseError(f"{file} cannot be read: {error}") from error
    if folder.name not in FAULTS and not (folder / FIX_FILE).exists():
        raise CaseError(f"no fault is called {folder.name!r}, and {folder} has no {FIX_FILE} of its own")
    incident = IncidentFolder(folder)
    about = incident.incident()
    return Case(folder.name, about.service, about.commit, incident, truth, FAULTS.get(folder.name))


def load_cases(root: Path = INCIDENTS) -> dict[str, Case]:
    """Every case by its id, in the order of the ids."""
    folders = sorted(path.parent for path in root.glob(f"*/{TRUTH_FILE}"))
    return {folder.name: load_case(folder) for folder in folders}
