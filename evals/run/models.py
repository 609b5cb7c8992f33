"""Who answers: triage alone, the rule-based model, a script that knows the truth, a recording, a model."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.model.builtin import Builtin
from agent.model.keys import KeyRing
from agent.model.scripted import Answer, Scripted, called, said
from agent.models import ChooseModel, models_for, spec_named
from agent.settings import Settings, SettingsError, load
from evals.cases import Case
from evals.reference import edits_of

RECORDINGS = Path(__file__).parents[1] / "recordings"
RULE_BASED = {"builtin": True, "builtin-without-history": False}
"""The rule-based model, by whether it looks at earlier commits: the testbed's history answers some cases."""
OFFLINE = ("rules", "reference", "wrong", "recorded", *RULE_BASED)
"""`rules`: triage, no model. `reference`: the right answers with the reference fix, which checks the harness.
`wrong`: the right diagnosis with a plausible wrong fix. `recorded`: what a model once answered."""

NOT_ASKED = {"publish": {"remote": "", "forge": "none"}}


def check_known(models: Iterable[str], config: Path | None) -> None:
    """Look a model up before anything is run, so that a typo does not become a table of zeros.

    Raises:
        SettingsError: a name is none of OFFLINE, and nothing in the settings tells where it answers.
    """
    live = [name for name in models if name not in OFFLINE]
    settings = load(config) if live else Settings()
    for name in live:
        try:
            spec_named(settings, name)
        except SettingsError as error:
            raise SettingsError(f"{error}; without a provider there are {', '.join(OFFLINE)}") from error


def check_keys(models: Iterable[str], config: Path | None) -> None:
    """A live model without a key is told before anything is run: its cases would be triage's answers.

    Cases hold no keys, so that only the environment can have one.

    Raises:
        NoKey: nothing in the environment is a key of that model.
        SettingsError: a model is not known.
    """
    live = [name for name in models if name not in OFFLINE]
    settings = load(config) if live else Settings()
    for name in live:
        if names := spec_named(settings, name).key_names:
            KeyRing(None, os.environ).require(name, names)


def can_answer(model: str, case: Case) -> bool:
    """Whether a model has something to say to a case."""
    if model == "recorded":
        return recording_of(case).exists()
    return model != "wrong" or case.wrong_fix is not None


def recording_of(case: Case) -> Path:
    """The cassette of a case, whether it exists or not."""
    return RECORDINGS / f"{case.id}.yaml"


def settings_for(model: str, case: Case, repo: Path, config: Path | None, test_runs: int) -> Settings:
    """The settings of a run. Only a live model gets the user's own; nothing is ever pushed or told.

    Raises:
        SettingsError: the user's settings cannot be used.
    """
    if model not in OFFLINE:
        ours = {"repo": repo, "python": sys.executable, "models": [model], "cassette": None, **NOT_ASKED}
        return load(config, {**ours, "sandbox": {"test_runs": test_runs}})
    sandbox = {"test_runs": test_runs, "enabled": model != "rules"}
    cassette = recording_of(case) if model == "recorded" else None
    return Settings.model_validate(
        {"repo": repo, "python": sys.executable, "sandbox": sandbox, "cassette": cassette}
    )


@contextmanager
def choosing(model: str, case: Case, settings: Settings) -> Iterator[ChooseModel]:
    """How the run gets its model, for as long as a recording may be open.

    Raises:
        SettingsError: a live model is not known.
        CassetteError: the recording cannot be read.
    """
    if model == "rules":
        yield lambda opened, emit: None
    elif model in ("reference", "wrong"):
        scripted = Scripted(script(model, case), model_id=model)
        yield lambda opened, emit: scripted
    elif model in RULE_BASED:
        yield lambda opened, emit: Builtin(history=RULE_BASED[model])
    else:
        # builtin as the last resort would be scored under the model's name.
        with models_for(settings, by_name=True, last_resort=False) as choose:
            yield choose


def asks_always(model: str) -> bool:
    """Whether the model is asked about clear cases, too: a script and a recording answer each of them."""
    return model in ("reference", "wrong", "recorded")


def script(model: str, case: Case) -> list[Answer]:
    """What a model would say that knows the truth, once for each attempt that a run has."""
    diff = case.fix if model == "reference" else case.wrong_fix
    last = said(json.dumps(_diagnosis(case, fixable=diff is not None)), model_id=model)
    if diff is None:
        return [last]
    propose = called(("propose_patch", _proposal(diff, case.truth.root_cause)), model_id=model)
    return [propose, last, last, last]


def _proposal(diff: Path, reason: str) -> dict[str, Any]:
    edits = [
        {"path": e.path, "search": e.search or None, "replace": e.replace, "restore": None, "delete": None}
        for e in edits_of(diff)
    ]
    return {"edits": edits, "reason": reason}


def _diagnosis(case: Case, *, fixable: bool) -> dict[str, Any]:
    truth, culprit = case.truth, case.truth.culprit
    log = case.folder.log.read_text(encoding="utf-8").splitlines()
    evidence = next(line for line in reversed(log) if truth.symptom in line)
    return {
        "root_cause": truth.root_cause,
        "category": str(truth.category),
        "culprit": {**culprit.model_dump(), "line": None} if culprit else None,
        "evidence": [evidence],
        "fixable": fixable,
        "why_not": None if fixable else truth.root_cause,
        "risk": None,
        "confidence": 1.0,
        "operator_action": next(iter(truth.operator_actions), None),
    }
