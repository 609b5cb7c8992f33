"""Runs in a box: prints, as a JSON list, why the files named in the arguments do not build.

Only the syntax tree is read; no module of the target is imported. A module counts as found
when a file in the tree provides it, or the interpreter has it. A name counts as
a module's when the source of that gives it to something; a module of the interpreter's whose source
does not say so is asked.
"""

import ast
import contextlib
import importlib
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path


def main() -> None:
    print(json.dumps([problem for name in sys.argv[1:] for problem in problems(name)]))  # noqa: T201


def problems(name: str) -> Iterator[str]:
    file = Path(name)
    if not file.is_file():
        return
    try:
        tree = ast.parse(file.read_bytes(), filename=name)
        compile(tree, name, "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        yield f"{name} does not compile: {error}"
        return
    for node, module, names in imports(tree, file):
        if not module:
            yield f"{name}:{node.lineno} imports from above its top-level package"
            continue
        if not found(module, list(file.parents)):
            yield f"{name}:{node.lineno} imports {module}, which is not there"
            continue
        for each in names:
            if lacks(module, each, list(file.parents)):
                yield f"{name}:{node.lineno} imports {each} of {module}, which has no such name"


def imports(tree: ast.Module, file: Path) -> Iterator[tuple[ast.stmt, str, list[str]]]:
    """The modules that the file imports, and the names it takes of them, wherever outside of a `try`.

    A module is "" where that is above the file's top-level package.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((node, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names if alias.name != "*"]
            folders = file.parent.parts[: len(file.parent.parts) + 1 - node.level] if node.level else ()
            above = node.level and not folders
            yield node, "" if above else ".".join(filter(None, (*folders, node.module))), names
        elif not isinstance(node, ast.Try | ast.TryStar):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def lacks(module: str, name: str, roots: list[Path]) -> bool:
    """Whether the tree, or else the interpreter, provides a module and surely not a name of it."""
    places = [root.joinpath(*module.split(".")) for root in roots]
    tops = [root / module.partition(".")[0] for root in roots]
    there = [
        place
        for place, top in zip(places, tops, strict=True)
        if place.with_suffix(".py").is_file() or (place.is_dir() and has_python(top))
    ]
    return not any(holds(place, name) for place in there) if there else not has(module, name)


def holds(place: Path, name: str) -> bool:
    """Whether a module, or a package, has a name; True where it cannot be said."""
    if (place / name).is_dir() or (place / f"{name}.py").is_file():
        return True
    for source in (place.with_suffix(".py"), place / "__init__.py"):
        if source.is_file():
            try:
                return not bound(ast.parse(source.read_bytes())).isdisjoint({name, "*", "__getattr__"})
            except (SyntaxError, ValueError, RecursionError):
                return True
    return False


def has(module: str, name: str) -> bool:
    """Whether a module of the interpreter's has a name; True where it cannot be said."""
    try:
        spec = importlib.util.find_spec(module)
        source = Path(spec.origin) if spec is not None and spec.origin else None
        if source and source.suffix == ".py" and name in bound(ast.parse(source.read_bytes())):
            return True
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            held = importlib.import_module(module)
            return hasattr(held, name) or importlib.util.find_spec(f"{module}.{name}") is not None
    except ModuleNotFoundError as error:
        return (error.name or module) not in (module, f"{module}.{name}")
    except BaseException:  # noqa: BLE001 - what a package does when it is imported is its own affair
        return True


def bound(tree: ast.Module) -> set[str]:
    """Every name that a module gives to something, in whichever of its own blocks."""
    found = {"__name__", "__file__", "__doc__", "__path__", "__spec__", "__loader__", "__package__"}
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.add(node.name)
        waiting += [] if isinstance(node, ast.Lambda | ast.comprehension) else ast.iter_child_nodes(node)
    return found | set(given_elsewhere(tree))


def given_elsewhere(tree: ast.Module) -> Iterator[str]:
    """Names of a module that a function gives to something; "*" for those that nobody sees from here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield from node.names
        elif isinstance(node, ast.Call | ast.Attribute):
            called = node.func if isinstance(node, ast.Call) else node
            if isinstance(called, ast.Name) and called.id in ("globals", "exec"):
                yield "*"


def found(module: str, roots: list[Path]) -> bool:
    parts = module.split(".")
    for root in roots:
        place = root.joinpath(*parts)
        if place.with_suffix(".py").is_file() or place.is_dir():
            return True
    if any((root / parts[0]).is_dir() and has_python(root / parts[0]) for root in roots):
        return False
    try:
        return importlib.util.find_spec(parts[0]) is not None and is_there(module)
    except (ImportError, ValueError):
        return False


def is_there(module: str) -> bool:
    """Whether a package of the interpreter's has a module; True where it cannot be said."""
    try:
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(None):
            return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as error:
        return not f"{module}.".startswith(f"{error.name or module}.")
    except BaseException:  # noqa: BLE001 - what a package does when it is imported is its own affair
        return True


def has_python(folder: Path) -> bool:
    return folder.is_dir() and next(folder.rglob("*.py"), None) is not None


if __name__ == "__main__":
    main()
