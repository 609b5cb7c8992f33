"""Node.js modules that are not there."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from agent.diagnosis import Culprit
from agent.triage.modules import never_committed
from agent.triage.result import Finding
from agent.triage.scene import Scene
from agent.triage.verdicts import own, package, unclear
from tools.logs import Frame
from tools.logs.frames import likely_path


def missing_node_module(scene: Scene, module: str) -> Finding:
    if not module.startswith((".", "/")):
        return package(
            scene, module, f"The npm package {module} is not installed.", f"npm ci in {scene.root}"
        )
    frame = scene.own_frame
    if frame is None:
        return unclear(scene, f"{module} is not there.", ())
    wanted = _node_path(frame, module)
    for path in (wanted, f"{wanted}.js", f"{wanted}.mjs", f"{wanted}/index.js"):
        last = scene.repository.last_commit_with(path)
        if last is not None:
            why = f"{path} was deleted; it can be restored from history, last in {last[:10]}."
            return own(scene, 0.93, why, culprit=Culprit(file=path, function=""))
    return never_committed(scene, module, wanted if wanted.endswith("js") else f"{wanted}.js")


def _node_path(frame: Frame, module: str) -> str:
    """The path in the repository that a Node specifier means, seen from the file that asks for it."""
    if module.startswith("/"):
        found = re.search(r"(?:^|/)(services/.+)$", module)
        return found.group(1) if found else module.lstrip("/")
    parts = list(PurePosixPath(likely_path(frame)).parent.parts)
    for part in module.split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part != ".":
            parts.append(part)
    return "/".join(parts)
