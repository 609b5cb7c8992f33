"""Rows of money: what an incident costs at list prices, and that one of infrastructure costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from statistics import median

from agent.case import Case as Opened
from agent.events import Emit, Event, Triaged
from agent.heal import Plan, heal
from agent.model import chat, responses
from agent.model.prices import PRICES, priced
from agent.model.protocol import Request, Usage
from agent.model.spec import GROK
from agent.model.tape import load
from agent.settings import Settings, TriageSettings
from evals.bench.row import Row
from evals.cases import Case, load_cases
from evals.run.models import RECORDINGS
from evals.run.place import Place

PRICED = "grok-4.3"
INFRASTRUCTURE = ("redis_connection", "mysql_connection", "upstream", "websocket", "external_api_timeout")
NOTHING_ASKED = Request("", (), ())


def cost_rows(folder: Path) -> Iterator[Row]:
    """Rows that need neither a model nor a network. `folder` is for what the runs make."""
    usages = [usage_of(tape) for tape in sorted(RECORDINGS.glob("*.yaml"))]
    costs, others = ([cost_of(usage, model) for usage in usages] for model in (PRICED, GROK.id))
    detail = (
        f"tokens of {len(usages)} recorded runs of a stand-in, at list prices; "
        f"dearest ${max(costs):.3f}; at {GROK.id}'s prices ${median(others):.3f}"
    )
    yield Row("cost of an incident, median", median(costs), 0.05, f"$ at {PRICED}'s prices", detail)
    heard = [
        listened(case, folder / f"cost-{case.id}")
        for case in load_cases().values()
        if is_infrastructure(case)
    ]
    clear = [one for one in heard if one.clear]
    unsure = ", ".join(one.case for one in heard if not one.clear)
    detail = f"{len(clear)} of {len(heard)} cases of infrastructure are clear to the rules; not so {unsure}"
    asked = sum(one.asked for one in clear)
    yield Row("model asked in a clear case of infrastructure", asked, 0, "cases", detail)


@dataclass(slots=True)
class Heard:
    """What a heal of one case made of it: were the rules sure, and was a model to be asked."""

    case: str
    clear: bool = False
    asked: bool = False

    def hear(self, event: Event) -> None:
        if isinstance(event, Triaged):
            self.clear = event.verdict == "not_fixable" and event.confidence >= TriageSettings().clear

    def choose(self, opened: Opened, emit: Emit) -> None:
        self.asked = True


def usage_of(tape: Path) -> Usage:
    """The tokens of a recorded run, as the answers themselves say."""
    exchanges = load(tape.read_text(encoding="utf-8"))["exchanges"]
    answers = [body for one in exchanges if "usage" in (body := one["response"].get("json", {}))]
    turns = [
        (responses if "output" in answer else chat).turn(GROK, NOTHING_ASKED, answer) for answer in answers
    ]
    return reduce(add, (turn.usage for turn in turns), Usage())


def cost_of(usage: Usage, model: str) -> float:
    """US dollars at the prices of a model that is in the list."""
    cost = priced(usage, model, model)
    assert cost is not None, f"{model} is not in {sorted(PRICES)}"
    return cost


def is_infrastructure(case: Case) -> bool:
    """Whether something that the service needs is at fault, and not its code."""
    return not case.truth.fixable and case.truth.category in INFRASTRUCTURE


def listened(case: Case, folder: Path) -> Heard:
    """Heal a case as far as a model would be asked; there is none."""
    heard = Heard(case.id)
    place = Place(folder, case)
    store, incident = place.prepare()
    settings = Settings.model_validate({"repo": place.repo, "sandbox": {"enabled": False}})
    heal(incident, store, settings, Plan(heard.choose), heard.hear)
    return heard
