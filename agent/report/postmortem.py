"""The skeleton of a post-mortem in the usual headings; what only people know is left to them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from agent.publish.markdown import sentence, span
from agent.report.later import later_of
from agent.report.timeline import Moment, timeline
from agent.report.words import headline, next_step, told_cost
from agent.result import HealResult
from agent.store import Run
from agent.texts import fill_template
from agent.watch.groups import read_members
from tools.incident import IncidentError, IncidentFolder
from tools.standing import standing_of
from tools.truth import NO_TRUTH, from_document

TRIGGERS = {
    "service_down": "By the watch: its heartbeat was gone and its process dead",
    "crash_loop": "By the watch: it came back and died again and again",
    "heartbeat_lost": "By the watch: its heartbeat was gone while its process lived",
    "redis_down": "By the watch: a Redis was gone",
    "manual": "By a person, who had it captured by hand",
    "recorded": "Not known: the incident was recorded elsewhere",
}
MILESTONES = {"incident", "crash", "rules", "cause", "history", "patch", "branch", "push", "request", "end"}


def render_postmortem(
    folder: IncidentFolder, run: Run, result: HealResult, clean: Callable[[str], str]
) -> str:
    """Markdown for one incident and a run on it; every text is cleaned, and none of it is obeyed."""

    def line(text: str) -> str:
        return sentence(clean(text))

    incident = folder.incident()
    diagnosis, later = result.diagnosis, later_of(run, result)
    died = incident.detected_at
    moments = [
        (moment.at, moment.topic, sentence(moment.text))
        for moment in timeline(run.journal(), clean)
        if _counts(moment)
    ]
    first = [(f"{died:%H:%M:%S}", "down", f"{incident.service} died")] if died else []
    action = diagnosis.operator_action if diagnosis else None
    text = fill_template(
        "postmortem.md",
        title=line(f"{incident.service} on {died:%Y-%m-%d}" if died else incident.service),
        incident=f"{span(incident.id)}, run {result.run}",
        incident_id=incident.id,
        date=f"{died:%Y-%m-%d %H:%M:%S} UTC" if died else "TODO",
        service=incident.service,
        commit=span(incident.commit[:12]),
        summary=line(f"{incident.service} died. {_first(result)} Outcome: {headline(result, later)}."),
        harmed=[line(entry) for entry in _harmed(folder)],
        root_cause=line(diagnosis.root_cause) if diagnosis else "TODO: no diagnosis was reached",
        culprit=_culprit(result),
        trigger=line(result.way_back) if result.way_back else "TODO: what changed just before",
        detection=f"{TRIGGERS[incident.trigger]}.",
        resolution=line(next_step(result, later)),
        moments=[*first, *moments],
        well=[_proof(result)] if result.proof else [],
        wrong=[
            line(f"{rung.name} {rung.state}: {rung.detail}") for rung in result.proof if rung.state != "shown"
        ],
        actions=[
            (line(next_step(result, later) if later.fate else action or next_step(result)), "mend"),
            *((line(label), "look at") for label in result.labels),
        ],
        models=f"Models that answered: {line('; '.join(result.models)) or 'none was asked'}",
        cost=line(told_cost(result)),
        page=", and `report.html` in the run's folder",
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def render_outage(folder: IncidentFolder, clean: Callable[[str], str]) -> str:
    """The same for an outage that the watch saw: no run was needed, so only the incident tells of it."""

    def line(text: str) -> str:
        return sentence(clean(text))

    incident = folder.incident()
    began = incident.detected_at
    members = read_members(folder.path)
    fell = [(_clock(member), "down", line(str(member.get("reason", "")))) for member in members]
    date = f"{began:%Y-%m-%d %H:%M:%S} UTC" if began else "TODO"
    text = fill_template(
        "postmortem.md",
        title=line(f"{incident.service} on {began:%Y-%m-%d}" if began else incident.service),
        incident=span(incident.id),
        incident_id=incident.id,
        date=date,
        service=incident.service,
        commit=span(incident.commit[:12]),
        summary=line(f"{incident.service} stopped answering, and {len(members)} services fell with it."),
        harmed=[line(f"{member.get('service')}: {member.get('reason')}") for member in members],
        root_cause=f"TODO: why {incident.service} went; its own log tells. No service's code was to blame.",
        culprit="",
        trigger="TODO: what changed just before",
        detection=f"{TRIGGERS[incident.trigger]}.",
        resolution=f"TODO: who started {incident.service} again, and when",
        moments=[*([(f"{began:%H:%M:%S}", "down", incident.service)] if began else []), *fell],
        well=[],
        wrong=[],
        actions=[(f"see why {incident.service} went", "mend")],
        models="Models that answered: none was asked",
        cost="nothing",
        page="",
    )
    return re.sub(r"\n{3,}", "\n\n", text)


def _clock(member: Mapping[str, object]) -> str:
    at = member.get("at")
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}" if isinstance(at, int | float) else "?"


def _counts(moment: Moment) -> bool:
    return moment.topic in MILESTONES and not moment.text.startswith("intended")


def _first(result: HealResult) -> str:
    cause = result.diagnosis.root_cause if result.diagnosis else result.summary
    first = " ".join(cause.split()).split(". ")[0].rstrip(".")
    return f"{first}."


def _proof(result: HealResult) -> str:
    shown = [rung.name for rung in result.proof if rung.state == "shown"]
    return f"{len(shown)} of {len(result.proof)} rungs of the proof were shown: {', '.join(shown) or 'none'}"


def _culprit(result: HealResult) -> str:
    culprit = result.diagnosis.culprit if result.diagnosis else None
    if culprit is None:
        return ""
    place = f"{culprit.file}:{culprit.line}" if culprit.line else culprit.file
    return span(place) + (f" in {span(culprit.function)}" if culprit.function else "")


def _harmed(folder: IncidentFolder) -> tuple[str, ...]:
    """What was not well at that moment, as far as the capture tells without the repository."""
    service = folder.incident().service
    try:
        captured, snapshot = folder.truth(), folder.snapshot()
    except IncidentError:
        return ()
    truth = from_document({"components": {service: captured}}) if captured else NO_TRUTH
    standing = standing_of(service, snapshot, truth)
    return (*standing.down, *standing.elsewhere)
