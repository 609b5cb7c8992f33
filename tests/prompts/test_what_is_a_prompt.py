"""`prompts/` holds what a model is told, `agent/templates/` what people and their machines are given."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AGENT = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "agent").rglob("*.py"))


def test_every_prompt_is_told_to_a_model_and_every_text_that_is_told_is_there() -> None:
    told = set(re.findall(r'\b(?:fill_)?prompt\(\s*"([^"]+)"', AGENT))
    assert told == {file.name for file in (ROOT / "prompts").iterdir() if file.is_file()}


@pytest.mark.parametrize("file", sorted((ROOT / "agent" / "templates").iterdir()), ids=lambda file: file.name)
def test_every_template_is_named_by_the_code_or_by_another_template(file: Path) -> None:
    others = [each.read_text(encoding="utf-8") for each in file.parent.iterdir() if each != file]
    assert any(f'"{file.name}"' in text for text in (AGENT, *others))
