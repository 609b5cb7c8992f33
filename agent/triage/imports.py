"""Imports that failed: which of the rules on modules, names and packages applies."""

from __future__ import annotations

import re

from agent.triage.modules import missing_module
from agent.triage.names import missing_name
from agent.triage.node import missing_node_module
from agent.triage.result import Finding
from agent.triage.scene import Scene
from agent.triage.verdicts import own, package

_NO_MODULE = re.compile(r"No module named '([\w.]{1,200})'")
_NO_NAME = re.compile(
    r"cannot import name '(\w{1,100})' from (?:partially initialized module )?'([\w.]{1,200})'"
)
_NO_ATTRIBUTE = re.compile(
    r"(?:partially initialized )?module '([\w.]{1,200})' has no attribute '(\w{1,100})'"
)
_NODE_MODULE = re.compile(r"Cannot find (?:module|package) '([^'\n]{1,500})'")
_NODE_EXPORT = re.compile(
    r"requested module '([^'\n]{1,500})' does not provide an export named '(\w{1,100})'"
)
_CIRCULAR = "circular import"
_LIBRARY = re.compile(
    r"cannot open shared object file|Library not loaded|DLL load failed|wrong architecture|undefined symbol"
)


def missing(scene: Scene) -> Finding | None:
    """The first rule of this module that fits the final error."""
    final = scene.final
    if final is None:
        return None
    text = final.message
    if final.name in ("ImportError", "OSError") and _LIBRARY.search(text):
        return package(
            scene, "a compiled library", f"A compiled package cannot be loaded: {text[:200]}", "reinstall it"
        )
    module, name, attribute = _NO_MODULE.search(text), _NO_NAME.search(text), _NO_ATTRIBUTE.search(text)
    if module and final.name in ("ModuleNotFoundError", "ImportError", ""):
        return missing_module(scene, module.group(1))
    if name:
        return missing_name(scene, name.group(2), name.group(1), _CIRCULAR in text)
    if attribute:
        return missing_name(scene, attribute.group(1), attribute.group(2), _CIRCULAR in text)
    node, export = _NODE_MODULE.search(text), _NODE_EXPORT.search(text)
    if node:
        return missing_node_module(scene, node.group(1))
    if export and final.name == "SyntaxError":
        return own(scene, 0.9, f"{export.group(1)} does not export {export.group(2)!r}.")
    if final.name == "ImportError":
        return own(scene, 0.8, "An import in the wrong form failed.") if scene.own_frame else None
    return None
