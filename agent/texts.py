"""Texts kept as files and filled in: a missing variable is an error, untrusted text only ever a value.

What a model is told lies in `prompts/`; pages, reports, units and the sample settings in `agent/templates/`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined


def prompt(name: str) -> str:
    """The text `prompts/<name>` as it is."""
    return (files("prompts") / name).read_text(encoding="utf-8")


def template(name: str) -> str:
    """The text `agent/templates/<name>` as it is."""
    return (files("agent") / "templates" / name).read_text(encoding="utf-8")


def fill_prompt(name: str, /, **values: Any) -> str:
    """The text `prompts/<name>` with its variables filled in.

    Raises:
        jinja2.UndefinedError: a variable of the text was not given.
    """
    return _prompts().get_template(name).render(**values)


def fill_template(name: str, /, **values: Any) -> str:
    """The text `agent/templates/<name>` with its variables filled in, nothing escaped.

    Raises:
        jinja2.UndefinedError: a variable of the text was not given.
    """
    return _templates().get_template(name).render(**values)


@cache
def _prompts() -> Environment:
    return Environment(loader=FunctionLoader(prompt), undefined=StrictUndefined, autoescape=False)


@cache
def _templates() -> Environment:
    return Environment(loader=FunctionLoader(template), undefined=StrictUndefined, autoescape=False)
