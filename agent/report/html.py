"""Pages from the templates below `agent/templates/`: every value is text, cleaned before it is escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from agent.publish.markdown import visible
from agent.texts import template

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
"""The content security policy of a page that is a file: no script, and no request to anywhere."""

_CODE = re.compile(r"`([^`\n]+)`")


def fill_html(name: str, /, clean: Callable[[str], str], **values: Any) -> str:
    """The page `agent/templates/<name>`; `clean` is applied to every text that goes into it.

    Raises:
        jinja2.UndefinedError: a variable of the template was not given.
    """
    return _environment(clean).get_template(name).render(policy=Markup(POLICY), **values)


@lru_cache(maxsize=4)
def _environment(clean: Callable[[str], str]) -> Environment:
    """The templates, compiled once for each way to clean: a page that is served is filled again and again."""

    def shown(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return visible(clean(value)) if plain else value

    def spans(text: str) -> Markup:
        """The text with what stands between backticks as code."""
        parts = _CODE.split(str(shown(text)))
        return Markup("").join(
            Markup("<code>{}</code>").format(part) if place % 2 else escape(part)
            for place, part in enumerate(parts)
        )

    environment = Environment(
        loader=FunctionLoader(template),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["spans"] = spans
    environment.filters["cleaned"] = shown
    return environment
