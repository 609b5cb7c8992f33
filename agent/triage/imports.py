"""Modules and names that are not there: the service's own, shared, a package's, lost or never committed."""

from __future__ import annotations

import difflib
import re
import sys
from pathlib import PurePosixPath

from agent.diagnosis import Category, Culprit
from agent.triage.packages import distribution_of, is_required
from agent.triage.reads import newest
from agent.triage.result import Finding
from agent.triage.scene import Scene
from tools.logs import Frame
from tools.logs.frames import likely_path
from tools.repository.tree import RepositoryError

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
_REMOVED = {
    "distutils",
    "imp",
    "asynchat",
    "asyncore",
    "cgi",
    "cgitb",
    "telnetlib",
    "pipes",
    "crypt",
    "smtpd",
}


def missing(scene: Scene) -> Finding | None:
    """The first rule of this module that fits the final error."""
    final = scene.final
    if final is None:
        return None
    text = final.message
    if final.name in ("ImportError", "OSError") and _LIBRARY.search(text):
        return _package(
            scene, "a compiled library", f"A compiled package cannot be loaded: {text[:200]}", "reinstall it"
        )
    module, name, attribute = _NO_MODULE.search(text), _NO_NAME.search(text), _NO_ATTRIBUTE.search(text)
    if module and final.name in ("ModuleNotFoundError", "ImportError", ""):
        return _module(scene, module.group(1))
    if name:
        return _name(scene, name.group(2), name.group(1), _CIRCULAR in text)
    if attribute:
        return _name(scene, attribute.group(1), attribute.group(2), _CIRCULAR in text)
    node, export = _NODE_MODULE.search(text), _NODE_EXPORT.search(text)
    if node:
        return _node_module(scene, node.group(1))
    if export and final.name == "SyntaxError":
        return _own(scene, 0.9, f"{export.group(1)} does not export {export.group(2)!r}.")
    if final.name == "ImportError":
        return _own(scene, 0.8, "An import in the wrong form failed.") if scene.own_frame else None
    return None


def _own(
    scene: Scene, confidence: float, why: str, *, culprit: Culprit | None = None,
    evidence: tuple[str, ...] = (), notes: tuple[str, ...] = (),
) -> Finding:  # fmt: skip
    final = scene.final
    log = (f"log: {final.text}",) if final else ()
    return Finding(
        Category.IMPORT_MODULE, "fixable", confidence, why, culprit=culprit or scene.culprit(),
        evidence=log + evidence, notes=notes,
    )  # fmt: skip


def _module(scene: Scene, module: str) -> Finding:
    importer = scene.frame
    if scene.owner == "shared" and importer is not None and module.startswith("shared"):
        return _shared(scene, f"shared/ imports {module}, which is not there.")
    path = _own_path(scene, module)
    if path is not None:
        return _own_module(scene, module, path)
    if module.partition(".")[0] in ("shared", "services", "scripts"):
        return _repository_module(scene, module)
    return _missing_package(scene, module)


def _own_path(scene: Scene, module: str) -> str | None:
    """The path in the service's own folder that a module name means, whether or not it exists."""
    as_path = module.replace(".", "/")
    if as_path.startswith(scene.root):
        return f"{as_path}.py"
    own = [path.removeprefix(scene.root) for path in scene.repository.files(scene.root)]
    top = as_path.partition("/")[0]
    if any(path == f"{as_path}.py" or path.startswith(f"{top}/") for path in own):
        return f"{scene.root}{as_path}.py"
    for path in own:
        if path.endswith(f"/{as_path}.py"):
            return f"{scene.root}{path}"
    return None


def _own_module(scene: Scene, module: str, path: str) -> Finding:
    package = path.removesuffix(".py") + "/__init__.py"
    if scene.repository.exists(path) or scene.repository.exists(package):
        if module.startswith("services."):
            why = f"{path} is in the commit, but was not in the checkout that ran."
            note = ("the file exists at this commit: the checkout was at another one, or lost the file",)
            return _unclear(scene, why, note)
        return _own(
            scene, 0.92, f"{path} exists, but not under the name {module!r}: the import has the wrong form."
        )
    last = scene.repository.last_commit_with(path) or scene.repository.last_commit_with(package)
    if last is not None:
        return _own(
            scene, 0.95, f"{path} was deleted; it can be restored from history, last in {last[:10]}.",
            culprit=Culprit(file=path, function=""),
            evidence=(f"{path} is in {last[:10]} and not in the commit",),
            notes=("a file that was lost, not one that was never committed",),
        )  # fmt: skip
    moved = _moved(scene, ("services/" + scene.service,))
    if moved is not None:
        return _own(scene, 0.88, f"{module} is not there; {moved[0]} is defined in {moved[1]}.", notes=(
            f"moved or renamed rather than lost: see {moved[1]}",
        ))  # fmt: skip
    near = [known for known in scene.repository.nearest(path) if known.startswith(scene.root)]
    close = difflib.get_close_matches(path, near, n=1, cutoff=0.9)
    if close:
        return _own(scene, 0.75, f"{module} is not there; {close[0]} has nearly its name.")
    return _never_committed(scene, module, path)


def _never_committed(scene: Scene, module: str, path: str) -> Finding:
    importer = scene.own_frame or scene.frame
    who = ""
    if importer is not None and importer.repo_path is not None and importer.line:
        try:
            change = scene.repository.blame_line(importer.repo_path, importer.line)
            who = f"{change.author}, who wrote the import in {change.commit[:10]} ({change.subject})"
        except RepositoryError:
            who = ""
    return Finding(
        Category.IMPORT_MODULE,
        "not_fixable",
        0.93,
        f"{path} is imported, but no commit of the history holds it: its author forgot to commit it."
        " Without the import the service would start and lack what the module did.",
        reason="operator",
        action=f"ask {who or 'the author of the import'} for {PurePosixPath(path).name}",
        culprit=scene.culprit(importer),
        evidence=(f"log: No module named '{module}'", f"{path} is in no commit"),
        notes=("never committed, so there is nothing to restore",),
    )


def _moved(scene: Scene, roots: tuple[str, ...]) -> tuple[str, str] | None:
    """A name that the failing import asks for, and the file that defines it now."""
    importer = scene.own_frame
    if importer is None:
        return None
    for name in scene.imported_names(importer):
        if not name.isidentifier():
            continue
        found = scene.repository.definitions(name, roots)
        if found:
            return name, found[0].path
    return None


def _repository_module(scene: Scene, module: str) -> Finding:
    path = module.replace(".", "/") + ".py"
    if scene.own_frame is None or scene.owner != "service":
        return _shared(scene, f"{module} is not there, and it is not {scene.service}'s code that imports it.")
    if scene.repository.exists(path) or scene.repository.exists(path.removesuffix(".py") + "/__init__.py"):
        why = f"{path} is in the commit, but was not in the checkout that ran, or not on the path."
        return _unclear(scene, why, ("the file exists at this commit",))
    moved = _moved(scene, ("shared", "services", "scripts"))
    if moved is not None:
        return _own(scene, 0.92, f"{module} is gone; {moved[0]} is now in {moved[1]}.", notes=(
            "a refactor of shared/ that this service was not moved over to",
        ))  # fmt: skip
    last = scene.repository.last_commit_with(path)
    if last is not None:
        return Finding(
            Category.SHARED_BUG, "not_fixable", 0.8,
            f"{path} was deleted, last in {last[:10]}, and nothing took its place; it is not the service's.",
            reason="shared", action=f"git checkout {last[:10]} -- {path}", culprit=scene.culprit(),
            evidence=(f"log: No module named '{module}'", f"{path} is in {last[:10]} and not in the commit"),
        )  # fmt: skip
    near = scene.repository.nearest(path)
    close = difflib.get_close_matches(path, near, n=1, cutoff=0.8)
    if close:
        return _own(scene, 0.85, f"{module} does not exist; {close[0]} has nearly its name.")
    return _unclear(scene, f"{module} is in no commit of the history.", ("never committed",))


def _missing_package(scene: Scene, module: str) -> Finding:
    top = module.partition(".")[0]
    own = {PurePosixPath(path).stem for path in scene.repository.files(scene.root) if path.endswith(".py")}
    close = difflib.get_close_matches(
        top, [*sorted(own | {"shared", "services"}), *sorted(sys.stdlib_module_names)], 1, 0.85
    )
    if top in _REMOVED and scene.owner == "service":
        return _own(scene, 0.85, f"{top} is no longer part of Python's standard library.")
    if top in sys.stdlib_module_names and "." not in module:
        return _unclear(scene, f"{top} belongs to Python itself, which seems to be built without it.", ())
    if close and not is_required(scene.repository, top) and scene.owner == "service":
        return _own(
            scene,
            0.8,
            f"{top!r} is no module; meant is {close[0]!r}.",
            notes=("a slip, not a missing package",),
        )
    if "." in module:
        note = (f"the package {top} is installed: perhaps in another version than the code was written for",)
        return _unclear(scene, f"{top} is installed but has no {module}.", note, Category.MISSING_PACKAGE)
    package = distribution_of(top)
    if is_required(scene.repository, top):
        return _package(
            scene, module, f"{package} is in requirements.txt but not installed for the services.",
            ".venv/bin/pip install -r requirements.txt",
        )  # fmt: skip
    why = f"{package} is not installed, and requirements.txt does not name it."
    return _package(scene, module, why, f".venv/bin/pip install {package}, and add it to requirements.txt")


def _package(scene: Scene, what: str, why: str, action: str) -> Finding:
    final = scene.final
    return Finding(
        Category.MISSING_PACKAGE, "not_fixable", 0.95, why, reason="package", action=action,
        culprit=scene.culprit(scene.frame) if scene.frame else None,
        evidence=((f"log: {final.text}",) if final else ()),
        notes=(f"{what} is no module of this repository",),
    )  # fmt: skip


def _shared(scene: Scene, why: str) -> Finding:
    frame = scene.frame
    final = scene.final
    where = likely_path(frame) if frame else "shared/"
    return Finding(
        Category.SHARED_BUG, "not_fixable", 0.92, why, reason="shared",
        action=f"mend {where}; every service that imports it is affected",
        culprit=scene.culprit(frame) if frame else None, evidence=((f"log: {final.text}",) if final else ()),
    )  # fmt: skip


def _unclear(
    scene: Scene, why: str, notes: tuple[str, ...], category: Category = Category.IMPORT_MODULE
) -> Finding:
    final = scene.final
    return Finding(
        category, "unclear", 0.55, why, culprit=scene.culprit(),
        evidence=((f"log: {final.text}",) if final else ()), notes=notes,
    )  # fmt: skip


def _name(scene: Scene, module: str, name: str, circular: bool) -> Finding:
    """A module that is there without the name asked for."""
    if circular:
        own = scene.own_frame is not None and scene.owner == "service"
        why = f"Modules import each other, so that {name!r} is not defined yet when it is asked for."
        return _own(scene, 0.9, why, culprit=_last_import(scene)) if own else _shared(scene, why)
    if scene.owner == "shared":
        return _shared(scene, f"shared/ asks {module} for {name!r}, which it does not have.")
    if scene.own_frame is None:
        return _unclear(scene, f"{module} has no {name!r}.", ())
    path = _file_of(scene, module)
    if path is None:
        note = (f"{module} is a package's: perhaps another version of it is installed",)
        return _own(scene, 0.7, f"{module} has no {name!r}.", notes=note)
    close = _near_names(scene, path, name)
    hint = f"; it has {', '.join(close)}" if close else ""
    siblings = _siblings(scene, module, name)
    notes = (f"the same import stands in {', '.join(siblings)}",) if siblings else ()
    return _own(
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


def _node_module(scene: Scene, module: str) -> Finding:
    if not module.startswith((".", "/")):
        return _package(
            scene, module, f"The npm package {module} is not installed.", f"npm ci in {scene.root}"
        )
    frame = scene.own_frame
    path = scene.repository.locate(module) if module.startswith("/") else None
    if frame is None:
        return _unclear(scene, f"{module} is not there.", ())
    wanted = path or _node_path(frame, module)
    last = next(
        (c for end in ("", ".js", ".mjs") if (c := scene.repository.last_commit_with(wanted + end))), None
    )
    if last is None:
        return _never_committed(scene, module, wanted)
    why = f"{wanted} was deleted; history has it, last in {last[:10]}, so it can be restored from there."
    return _own(scene, 0.93, why, culprit=Culprit(file=wanted, function=""))


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
