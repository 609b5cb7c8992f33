"""One more import in a file, in its place by the alphabet."""

from __future__ import annotations

import libcst as cst

from agent.model.builtin.source import Source, before, parse


def with_import(source: Source, line: str) -> str:
    """The file with one more import, in its place by the alphabet where there are imports."""
    imports = [
        one
        for one in source.module.body
        if isinstance(one, cst.SimpleStatementLine) and isinstance(one.body[0], cst.Import | cst.ImportFrom)
        and source.code(one) != "from __future__ import annotations"
    ]  # fmt: skip
    plain = line.startswith("import ")
    like = [one for one in imports if source.code(one).startswith("import ") == plain]
    later = next((one for one in like if source.code(one) > line), None)
    if later is not None:
        return source.changed({later: before(f"{line}\n")})
    if like:
        return source.changed({like[-1]: lambda node: _followed(node, line)})
    documented = source.module.get_docstring() is not None
    rest = source.module.body[1:] if documented else source.module.body
    return source.changed({rest[0]: before(f"{line}\n\n")}) if rest else source.text


def importing(text: str, module: str) -> str:
    """A file that has a plain `import module`, added where it is not there yet.

    Raises:
        Unreadable: the text does not parse.
    """
    source = parse(text)
    line = f"import {module}"
    known = any(source.code(one) == line for one in source.nodes(cst.Import))
    return text if known else with_import(source, line)


def _followed(node: cst.CSTNode, line: str) -> cst.FlattenSentinel[cst.BaseStatement]:
    assert isinstance(node, cst.BaseStatement)
    return cst.FlattenSentinel([node, cst.parse_statement(f"{line}\n")])
