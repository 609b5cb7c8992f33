"""Regression tests of imports."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.incident import Incident, Spot
from agent.model.builtin.source import Source

Test = tuple[str, str]
"""A path below the service's tests, and the text of the new file."""


def import_test(incident: Incident, spot: Spot, source: Source | None = None) -> Test | None:
    """The module that could not be imported is imported.

    A main.py is imported only where its `source` shows that it does nothing but define things then.
    """
    if spot.function != "<module>":
        return None
    if spot.path.endswith("/main.py") and (source is None or not _is_quiet(source)):
        return None
    module = spot.path.removesuffix(".py").replace("/", ".")
    stem = module.rpartition(".")[2]
    title = f'"""{stem} can be imported."""\n\n\n'
    text = f"{title}def test_{stem}_can_be_imported():\n    import {module}\n\n    assert {module}\n"
    return test_path(incident, f"import_{stem}"), text


def test_path(incident: Incident, name: str) -> str:
    """Where a new test of the service goes: by a name that no test of another service has."""
    return f"{incident.root}tests/test_{incident.service}_{name.strip('_')}.py"


def _is_quiet(source: Source) -> bool:
    """Whether a file starts nothing when it is imported: what it runs stands behind `if __name__`."""
    kept = (cst.Import, cst.ImportFrom, cst.Assign, cst.AnnAssign)
    for statement in source.module.body:
        if isinstance(statement, cst.If):
            code = source.code(statement.test)
            if "__name__" not in code and "sys.path" not in code:
                return False
        elif isinstance(statement, cst.SimpleStatementLine):
            plain = isinstance(statement.body[0], kept) or isinstance(
                getattr(statement.body[0], "value", None), cst.SimpleString
            )
            if not plain:
                return False
        elif not isinstance(statement, cst.FunctionDef | cst.ClassDef):
            return False
    return True
