"""Names that a module no longer has, and modules that import each other."""

from __future__ import annotations

import difflib
import re

from agent.diagnosis import Culprit
from agent.triage.reads import newest
from agent.triage.result import Finding
from agent.triage.scene import Scene
from agent.triage.verdicts import own, shared, unclear
from tools.repository.tree import RepositoryError


def missing_name(scene: Scene, module: str, name: str, circular: bool) -> Finding:
    """A module that is there without the name asked for."""
    if circular:
        is_own = scene.own_frame is not None and scene.owner == "service"
        why = f"Modules import each other, so that {name!r} is not defined yet when it is asked for."
        return own(scene, 0.9, why, culprit=_last_import(scene)) if is_own else shared(scene, why)
    if scene.owner == "shared":
        return shared(scene, f"shared/ asks {module} for {name!r}, which it does not have.")
    if scene.own_frame is None:
        return unclear(scene, f"{module} has no {name!r}.", ())
    path = _file_of(scene, module)
    if path is None:
        note = (f"{module} is a package's: perhaps another version of it is installed",)
        return own(scene, 0.7, f"{module} has no {name!r}.", notes=note)
    close = _near_names(scene, path, name)
    hint = f"; it has {', '.join(close)}" if close else ""
    siblings = _siblings(scene, module, name)
    notes = (f"the same import stands in {', '.join(siblings)}",) if siblings else ()
    return own(
        scene,
        0.95,
        f"{path} has no {name!r}{hint}.",
        evidence=(f"{path} does not define {name}",),
        notes=notes,
    )


def _last_import(scene: Scene) -> Culprit | None:
    """Of the imports that form a circle, the one that was written last."""
    frames = scene.final.frames if scene.final else ()
    inside = [
        frame for frame in frames if scene.owner_of(frame) == "service" and "import" in (frame.code or "")
    ]
    places = [place for frame in inside[1:] or inside if (place := scene.culprit(frame)) is not None]
    return newest(scene, places)


def _file_of(scene: Scene, module: str) -> str | None:
    as_path = module.replace(".", "/")
    candidates = [f"{root}{as_path}{end}" for root in ("", scene.root) for end in (".py", "/__init__.py")]
    return next((path for path in candidates if scene.repository.exists(path)), None)


def _near_names(scene: Scene, path: str, name: str) -> list[str]:
    text = scene.source(path) or ""
    names = re.findall(r"^(?:async def|def|class) (\w+)|^([A-Za-z_]\w*) *[:=]", text, re.MULTILINE)
    return difflib.get_close_matches(name, [one or other for one, other in names], n=3, cutoff=0.4)


def _siblings(scene: Scene, module: str, name: str) -> list[str]:
    """Other services that ask the same module for the same name."""
    try:
        found = scene.repository.grep(f"from {module} import", paths=["services"]).found
    except RepositoryError:
        return []
    others = (match for match in found if not match.path.startswith(scene.root))
    return sorted({match.path for match in others if re.search(rf"\b{name}\b", match.text)})[:5]
