"""Modules that are not there: deleted, moved, never committed, shared, or a package."""

from __future__ import annotations

import difflib
import sys
from pathlib import PurePosixPath

from agent.diagnosis import Category, Culprit
from agent.triage.packages import distribution_of, is_required
from agent.triage.result import Finding
from agent.triage.scene import Scene
from agent.triage.verdicts import own, package, shared, unclear
from tools.repository.tree import RepositoryError

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


def missing_module(scene: Scene, module: str) -> Finding:
    importer = scene.frame
    if scene.owner == "shared" and importer is not None and module.startswith("shared"):
        return shared(scene, f"shared/ imports {module}, which is not there.")
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
    folder = path.removesuffix(".py") + "/__init__.py"
    if scene.repository.exists(path) or scene.repository.exists(folder):
        if module.startswith("services."):
            why = f"{path} is in the commit, but was not in the checkout that ran."
            note = ("the file exists at this commit: the checkout was at another one, or lost the file",)
            return unclear(scene, why, note)
        return own(
            scene, 0.92, f"{path} exists, but not under the name {module!r}: the import has the wrong form."
        )
    found = defined_elsewhere(scene, ("services/" + scene.service,))
    if found is not None:
        return own(scene, 0.88, f"{module} is not there; {found[0]} is defined in {found[1]}.", notes=(
            f"moved or renamed rather than lost: see {found[1]}",
        ))  # fmt: skip
    last = scene.repository.last_commit_with(path) or scene.repository.last_commit_with(folder)
    if last is not None:
        return own(
            scene, 0.95, f"{path} was deleted; it can be restored from history, last in {last[:10]}.",
            culprit=Culprit(file=path, function=""),
            evidence=(f"{path} is in {last[:10]} and not in the commit",),
            notes=("a file that was lost, not one that was never committed",),
        )  # fmt: skip
    near = [known for known in scene.repository.nearest(path) if known.startswith(scene.root)]
    close = difflib.get_close_matches(path, near, n=1, cutoff=0.9)
    if close:
        return own(scene, 0.75, f"{module} is not there; {close[0]} has nearly its name.")
    return never_committed(scene, module, path)


def never_committed(scene: Scene, module: str, path: str) -> Finding:
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


def defined_elsewhere(scene: Scene, roots: tuple[str, ...]) -> tuple[str, str] | None:
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
        return shared(scene, f"{module} is not there, and it is not {scene.service}'s code that imports it.")
    if scene.repository.exists(path) or scene.repository.exists(path.removesuffix(".py") + "/__init__.py"):
        why = f"{path} is in the commit, but was not in the checkout that ran, or not on the path."
        return unclear(scene, why, ("the file exists at this commit",))
    found = defined_elsewhere(scene, ("shared", "services", "scripts"))
    if found is not None:
        return own(scene, 0.92, f"{module} is gone; {found[0]} is now in {found[1]}.", notes=(
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
        return own(scene, 0.85, f"{module} does not exist; {close[0]} has nearly its name.")
    return unclear(scene, f"{module} is in no commit of the history.", ("never committed",))


def _missing_package(scene: Scene, module: str) -> Finding:
    top = module.partition(".")[0]
    mine = {PurePosixPath(path).stem for path in scene.repository.files(scene.root) if path.endswith(".py")}
    close = difflib.get_close_matches(
        top, [*sorted(mine | {"shared", "services"}), *sorted(sys.stdlib_module_names)], 1, 0.85
    )
    if top in _REMOVED and scene.owner == "service":
        return own(scene, 0.85, f"{top} is no longer part of Python's standard library.")
    if top in sys.stdlib_module_names and "." not in module:
        return unclear(scene, f"{top} belongs to Python itself, which seems to be built without it.", ())
    if close and not is_required(scene.repository, top) and scene.owner == "service":
        return own(
            scene,
            0.8,
            f"{top!r} is no module; meant is {close[0]!r}.",
            notes=("a slip, not a missing package",),
        )
    if "." in module:
        note = (f"the package {top} is installed: perhaps in another version than the code was written for",)
        return unclear(scene, f"{top} is installed but has no {module}.", note, Category.MISSING_PACKAGE)
    name = distribution_of(top)
    if is_required(scene.repository, top):
        return package(
            scene, module, f"{name} is in requirements.txt but not installed for the services.",
            ".venv/bin/pip install -r requirements.txt",
        )  # fmt: skip
    why = f"{name} is not installed, and requirements.txt does not name it."
    return package(scene, module, why, f".venv/bin/pip install {name}, and add it to requirements.txt")
