"""Truth and environment: what the service asks its configuration for, and does not get."""

from __future__ import annotations

import difflib
import re
from itertools import pairwise

from agent.diagnosis import Category, Culprit
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.repository.tree import RepositoryError

_NO_TRUTH = re.compile(
    r"Truth key '?([\w:.-]{1,80})'? (?:not found|missing|is empty)|No Truth (?:document|found)", re.I
)
_NO_COMPONENT = re.compile(r"[Cc]omponent '([^'\n]{1,80})' (?:missing|not found) in Truth")
_VARIABLE = re.compile(
    r"^'([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'$"
    r"|\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b.{0,30}\b(?:not set|missing|required|not configured"
    r"|undefined|unset|empty)\b"
    r"|\b(?:missing|no|set|need|requires?)\b.{0,30}?\b([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b"
)
_PUBLISH = "run scripts/ms-build-truth.sh"
_COMMITS = 8


def truth_missing(scene: Scene) -> Finding | None:
    """Truth, or the service's component of it, is not there."""
    texts = [error.text for error in scene.relevant]
    for text in texts:
        component = _NO_COMPONENT.search(text)
        if component is not None:
            return _no_component(scene, component.group(1), text)
        if _NO_TRUTH.search(text):
            return Finding(
                Category.TRUTH_LOAD, "not_fixable", 0.95,
                "Truth is not in system-redis: it was not published, or its Redis lost it.",
                reason="truth", action=f"{_PUBLISH}, then start {scene.service}", evidence=(f"log: {text}",),
            )  # fmt: skip
    return None


def _no_component(scene: Scene, asked: str, text: str) -> Finding:
    known = scene.truth.services
    if asked == scene.service:
        in_commit = scene.truth.has(asked)
        why = "is in the commit but was not published" if in_commit else "is not in the commit's Truth either"
        return Finding(
            Category.TRUTH_LOAD, "not_fixable", 0.95,
            f"Truth has no component {asked!r}: it {why}.",
            reason="truth",
            action=_PUBLISH if in_commit else f"add truth/components/{asked}.json, then {_PUBLISH}",
            evidence=(f"log: {text}",),
        )  # fmt: skip
    place = _literal(scene, asked)
    close = difflib.get_close_matches(asked, [scene.service, *known], n=1, cutoff=0.5)
    meant = f"; meant is {close[0]!r}" if close else ""
    return Finding(
        Category.TRUTH_LOAD,
        "fixable" if place else "unclear",
        0.95 if place else 0.6,
        f"{scene.service} asks Truth for {asked!r}; its component is called {scene.service!r}.",
        culprit=place,
        evidence=(f"log: {text}", *((f"{place.file}:{place.line} holds {asked!r}",) if place else ())),
        notes=(f"not an unpublished Truth: the name is not the service's{meant}",),
    )


def _literal(scene: Scene, text: str) -> Culprit | None:
    """Where the service's own code holds a text, its entry point first."""
    for quoted in (f'"{text}"', f"'{text}'"):
        try:
            found = scene.repository.grep(quoted, paths=[scene.root.rstrip("/")]).found
        except RepositoryError:
            continue
        own = [match for match in found if "/tests/" not in match.path]
        own.sort(key=lambda match: match.path != scene.component.entry_point)
        if own:
            return Culprit(file=own[0].path, line=own[0].line, function="<module>")
    return None


def variable_missing(scene: Scene) -> Finding | None:
    """A setting that the service reads, and that neither Truth nor the environment has."""
    final = scene.final
    if final is None or final.name not in (
        "KeyError",
        "RuntimeError",
        "ValueError",
        "SystemExit",
        "OSError",
        "",
        "Error",
    ):
        return None
    found = _VARIABLE.search(final.message)
    name = next((group for group in found.groups() if group), None) if found else None
    if name is None:
        return None
    return _variable(scene, name, final.text)


def _variable(scene: Scene, name: str, text: str) -> Finding | None:
    env = scene.component.raw.get("env")
    declared = env if isinstance(env, dict) else {}
    evidence = [f"log: {text}"]
    if name in scene.component.unresolved:
        why = f"{name} stands in Truth as ${{{name}}}, and the environment did not fill it."
        action = f"export {name} on the node, then start {scene.service}"
        return _setting(scene, 0.93, why, action, evidence)
    if name in declared:
        why = f"{name} is in the commit's Truth, so the Truth that is published is an older one."
        return _setting(scene, 0.85, why, f"{_PUBLISH}, then start {scene.service}", evidence)
    removed = _removed_from_truth(scene, name)
    if removed is not None:
        why = f"{name} was taken out of {removed[0]} ({removed[1]}), and the environment does not set it."
        action = f"export {name} on the node, or put it back into Truth and {_PUBLISH}"
        return _setting(
            scene, 0.93, why, action, [*evidence, f"{removed[0]} no longer has {name}: {removed[1]}"]
        )
    close = difflib.get_close_matches(name, list(declared), n=1, cutoff=0.8)
    if close:
        return Finding(
            Category.TRUTH_LOAD, "fixable", 0.7, f"The service reads {name}; Truth calls it {close[0]}.",
            culprit=scene.culprit(), evidence=tuple(evidence),
            notes=(f"Truth has {close[0]}, so the setting was renamed or misspelt",),
        )  # fmt: skip
    if name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")):
        why = f"{name} is set neither in Truth nor in the environment."
        return _setting(scene, 0.8, why, f"export {name} on the node", evidence)
    return None


def _setting(scene: Scene, confidence: float, why: str, action: str, evidence: list[str]) -> Finding:
    return Finding(
        Category.TRUTH_LOAD, "not_fixable", confidence, why, reason="truth", action=action,
        culprit=scene.culprit(), evidence=tuple(evidence),
        notes=("not bad data: the key that is missing is a setting's, not a message's",),
    )  # fmt: skip


def _removed_from_truth(scene: Scene, name: str) -> tuple[str, str] | None:
    """The file of Truth that once had a setting, and the change that took it out."""
    path = f"truth/components/{scene.service}.json"
    changes = scene.repository.history(path, _COMMITS)
    for newer, older in pairwise(changes):
        try:
            if name.encode() in scene.repository.read(path, older.commit):
                return path, f"{newer.commit[:10]} {newer.subject}"
        except RepositoryError:
            return None
    return None
