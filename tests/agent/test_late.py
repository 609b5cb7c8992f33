"""Late imports: quick, and the collector works again after them."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import pytest

from agent.late import imported


@pytest.mark.parametrize(
    ("text", "error"), [("import gc\nWORKS = gc.isenabled()\n", None), ("1 / 0\n", ZeroDivisionError)]
)
def test_the_collector_rests_only_for_the_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, error: type[Exception] | None
) -> None:
    name = f"late_example_{len(text)}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    if error is None:
        assert imported(name).WORKS is False
        assert imported(name) is sys.modules.pop(name)
    else:
        with pytest.raises(error):
            imported(name)
    assert gc.isenabled()
    gc.unfreeze()
