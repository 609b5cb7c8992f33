"""Runs in a box: prints, as a JSON list, why the files named in the arguments do not build.

Only the syntax tree is read; no module of the target is imported. A module counts as found
when a file in the tree provides it or the interpreter has its top-level package.
"""

import ast
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
    for node, module in imports(tree, file):
        if not found(module, list(file.parents)):
            yield f"{name}:{node.lineno} imports {module}, which is not there"


def imports(tree: ast.Module, file: Path) -> Iterator[tuple[ast.stmt, str]]:
    """The modules that the file imports at its top level, outside of any `try`."""
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node, node.module
        elif isinstance(node, ast.ImportFrom) and node.level:
            folder = file.parents[node.level - 1]
            yield node, ".".join((*folder.parts, *(node.module or "").split("."))).strip(".")


def found(module: str, roots: list[Path]) -> bool:
    parts = module.split(".")
    for root in roots:
        place = root.joinpath(*parts)
        if place.with_suffix(".py").is_file() or place.is_dir():
            return True
    if any((root / parts[0]).is_dir() and has_python(root / parts[0]) for root in roots):
        return False
    try:
        return importlib.util.find_spec(parts[0]) is not None
    except (ImportError, ValueError):
        return False


def has_python(folder: Path) -> bool:
    return next(folder.rglob("*.py"), None) is not None


if __name__ == "__main__":
    main()
