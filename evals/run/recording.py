"""Record what a model answers to a case, through an OpenAI-compatible endpoint, for `--model recorded`."""

from __future__ import annotations

import sys
from pathlib import Path

from agent.events import Emit
from agent.heal import Plan, heal
from agent.models import models_for, recorded
from agent.result import HealResult
from agent.settings import Settings
from evals.cases import Case
from evals.run.models import recording_of
from evals.run.place import Place

STAND_IN = "stand-in"
ANSWERED_BY = f"a {STAND_IN} that saw only the requests, through an endpoint on loopback; not grok-4"


def record_answers(
    case: Case, url: str, work: Path, listen: Emit, *, answered_by: str = ANSWERED_BY, wall_s: float = 7200.0
) -> HealResult:
    """Heal a case with whatever answers at `url`, and keep its answers as the case's cassette.

    `wall_s` is long, since a stand-in takes its time; the limits on steps and tokens are the usual ones.

    Raises:
        CassetteError: a key got into an answer; nothing is written then.
        IncidentError: the incident cannot be used.
    """
    place = Place(work / case.id, case)
    store, folder = place.prepare()
    settings = Settings.model_validate(
        {
            "repo": place.repo,
            "python": sys.executable,
            "models": [STAND_IN],
            "model": {STAND_IN: {"base_url": url, "timeout_s": wall_s}},
            "record": recording_of(case),
            "answered_by": answered_by,
            "limits": {"wall_s": wall_s},
            "sandbox": {"test_runs": 1},
        }
    )
    with recorded(settings), models_for(settings, by_name=True) as choose:
        return heal(folder, store, settings, Plan(choose), listen)
