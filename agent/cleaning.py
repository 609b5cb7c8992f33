"""What makes texts of the state folder fit to be shown, where no case is open to say what is secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent.outward import Outward
from agent.settings import Settings
from tools.capture import find_site
from tools.redact import Redactor


def outward_of(settings: Settings) -> Outward:
    """Takes out secrets by shape, those that the checkout is known to hold, and paths of this machine."""
    state = settings.state_folder()
    repo = settings.repo.expanduser().absolute() if settings.repo else None
    if repo is None or not repo.is_dir():
        return Outward(Redactor(), [state])
    return Outward(Redactor(find_site(repo, settings.system_redis_url).secrets()), [state, repo])


def cleaned(value: Any, clean: Callable[[str], str]) -> Any:
    """JSON-ready data with every text in it cleaned; names stay, a tuple becomes a list."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {name: cleaned(inner, clean) for name, inner in value.items()}
    return [cleaned(inner, clean) for inner in value] if isinstance(value, list | tuple) else value
