"""Record what a model answers to a case, through an OpenAI-compatible endpoint, for `--model recorded`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.events import Emit
from agent.heal import Plan, heal
from agent.models import models_for, recorded
from agent.result import HealResult
from agent.settings import Settings
from evals.cases import Case
from evals.run.place import Place

STAND_IN = "stand-in"
WALL_S = 7200.0
ANSWERED_BY = f"a {STAND_IN} that saw only the requests, through an endpoint on loopback; not grok-4"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What answers: an OpenAI-compatible URL, which of its APIs is spoken, and what it is, in words."""

    url: str
    api: Literal["responses", "chat"] = "responses"
    answered_by: str = ANSWERED_BY


def record_answers(
    case: Case, endpoint: Endpoint, work: Path, into: Path, listen: Emit = lambda event: None
) -> HealResult:
    """Heal a case with whatever answers at an endpoint, and keep its answers in the cassette `into`.

    It is asked about clear cases, too: whether a model knows when not to is half of what is recorded. The
    wall-clock limit is long, since a stand-in takes its time; those on steps and tokens are the usual.

    Raises:
        CassetteError: a key got into an answer; nothing is written then.
        IncidentError: the incident cannot be used.
    """
    place = Place(work / case.id, case)
    store, folder = place.prepare()
    answering = {"base_url": endpoint.url, "api": endpoint.api, "timeout_s": WALL_S}
    settings = Settings.model_validate(
        {
            "repo": place.repo,
            "python": sys.executable,
            "models": [STAND_IN],
            "model": {STAND_IN: answering},
            "record": into,
            "answered_by": endpoint.answered_by,
            "limits": {"wall_s": WALL_S},
            "sandbox": {"test_runs": 1},
        }
    )
    with recorded(settings), models_for(settings, by_name=True, last_resort=False) as choose:
        return heal(folder, store, settings, Plan(choose, always_ask=True), listen)
