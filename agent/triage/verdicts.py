"""The answers that the import rules give: the service's own, a package's, shared, unclear."""

from __future__ import annotations

from agent.diagnosis import Category, Culprit
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs.frames import likely_path


def own(
    scene: Scene, confidence: float, why: str, *, culprit: Culprit | None = None,
    evidence: tuple[str, ...] = (), notes: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    final = scene.final
    log = (f"log: {final.text}",) if final else ()
    return Finding(
        Category.IMPORT_MODULE, "fixable", confidence, why, culprit=culprit or scene.culprit(),
        evidence=log + evidence, notes=notes,
    )  # fmt: skip


def package(scene: Scene, what: str, why: str, action: str) -> Finding:
    final = scene.final
    return Finding(
        Category.MISSING_PACKAGE, "not_fixable", 0.95, why, reason="package", action=action,
        culprit=scene.culprit(scene.frame) if scene.frame else None,
        evidence=((f"log: {final.text}",) if final else ()),
        notes=(f"{what} is no module of this repository",),
    )  # fmt: skip


def shared(scene: Scene, why: str) -> Finding:
    frame = scene.frame
    final = scene.final
    where = likely_path(frame) if frame else "shared/"
    return Finding(
        Category.SHARED_BUG, "not_fixable", 0.92, why, reason="shared",
        action=f"mend {where}; every service that imports it is affected",
        culprit=scene.culprit(frame) if frame else None, evidence=((f"log: {final.text}",) if final else ()),
    )  # fmt: skip


def unclear(
    scene: Scene, why: str, notes: tuple[str, ...], category: Category = Category.IMPORT_MODULE
) -> Finding:
    final = scene.final
    return Finding(
        category, "unclear", 0.55, why, culprit=scene.culprit(),
        evidence=((f"log: {final.text}",) if final else ()), notes=notes,
    )  # fmt: skip
