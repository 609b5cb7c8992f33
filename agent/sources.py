"""Where settings come from: a file, the environment, the command line. Each value remembers which."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from sandbox.isolation import RESULT_FD

PREFIX = "AUTOHEALER_"
COMMAND_LINE = "command line"


class SettingsError(Exception):
    """A settings file or variable that cannot be used; the message names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Values laid over each other. `origins` are by the path of a value or of a section."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[tuple[str, ...], str] = field(default_factory=dict)

    def lay(self, values: Mapping[str, Any], origin: str) -> None:
        """Lay the values of one origin over what is there; None says nothing.

        Raises:
            SettingsError: what is a section here is a value there.
        """
        self._lay(self.values, values, origin, ())

    def origin_of(self, path: Sequence[int | str]) -> str:
        """Where a value comes from, or the section that it is missing in."""
        names = tuple(str(part) for part in path)
        above = (names[:length] for length in range(len(names), 0, -1))
        return next((self.origins[one] for one in above if one in self.origins), "settings")

    def _lay(
        self, into: dict[str, Any], values: Mapping[str, Any], origin: str, above: tuple[str, ...]
    ) -> None:
        for name, value in values.items():
            if value is None:
                continue
            path = (*above, name)
            is_section = isinstance(value, Mapping)
            if name in into and isinstance(into[name], dict) != is_section:
                told = f"one takes {'.'.join(path)} for a section, one for a value"
                raise SettingsError(f"{self.origins[path]} and {origin}: {told}")
            if is_section:
                self.origins.setdefault(path, origin)
                self._lay(into.setdefault(name, {}), value, origin, path)
            else:
                self.origins[path] = origin
                into[name] = value


def from_file(file: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        SettingsError: it is missing or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{file} does not exist; `autohealer init` writes one") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read as TOML: {error}") from error


def lay_environment(sources: Sources, environment: Mapping[str, str], schema: type[BaseModel]) -> None:
    """Lay `AUTOHEALER_REPO`, `AUTOHEALER_LIMITS__COST_USD` and the like; a list is separated by commas.

    Raises:
        SettingsError: what is a section in one variable is a value in another one or in the file.
    """
    for name, text in sorted(environment.items()):
        # A box sets it for what runs inside, which may be AutoHealer itself: it is no setting.
        if not name.startswith(PREFIX) or name == RESULT_FD:
            continue
        path = name.removeprefix(PREFIX).lower().split("__")
        value: Any = _parts(text) if _takes_list(schema, path) else text
        for part in reversed(path):
            value = {part: value}
        sources.lay(value, name)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",")) if text.strip() else ()


def _takes_list(schema: type[BaseModel], path: Sequence[str]) -> bool:
    annotation: Any = schema
    for name in path:
        annotation = _below(annotation, name)
    return any(get_origin(kind) is tuple for kind in (annotation, *get_args(annotation)))


def names_below(schema: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The names that a section of the schema knows."""
    annotation: Any = schema
    for name in path:
        annotation = _below(annotation, str(name))
    return list(getattr(annotation, "model_fields", {}))


def _below(annotation: Any, name: str) -> Any:
    """The type of what a section holds under a name; None where it holds no such thing."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    fields = getattr(annotation, "model_fields", {})
    return fields[name].annotation if name in fields else None
