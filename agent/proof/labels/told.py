"""The labels of changed files, put together.

    workaround        a new broad `except`, an error that is swallowed, a default that hides missing data
    drops behaviour   an import, route, middleware, subscription, task, key, call or entry of data that the
                      base had is gone
    look at           what may be right and cannot be told from wrong here: something that gave way to
                      something else, other data that stands in, a file that history has otherwise, a file
                      that only tests import, any other flag of the gate

The gate's flags (`sandbox.signals`) are told to the model as well; what is read here is for reviewers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from agent.proof.labels.conditions import conditioned
from agent.proof.labels.drops import losses, lost_data
from agent.proof.labels.scripts import script_finds
from agent.proof.labels.sources import Trees, trees, unread
from agent.proof.labels.stand_ins import others_instead, stand_ins
from agent.proof.labels.swallowed import swallows

LabelName = Literal["workaround", "drops behaviour", "look at"]

WORKAROUNDS = {
    "broad-except": "a broad except",
    "swallows-error": "a swallowed error",
    "adds-default": "a default that hides missing data",
}

SOMETIMES = "an error that is taken, and raised again only under a condition"
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Label:
    """One label with what it was read from."""

    name: LabelName
    detail: str

    def __str__(self) -> str:
        return f"{self.name}: {self.detail}"


def labels_of(
    flags: Sequence[str],
    before: Mapping[str, str],
    after: Mapping[str, str],
    earlier: Mapping[str, str] = _NOTHING,
) -> tuple[Label, ...]:
    """The labels of a patch with the gate's `flags`.

    `before` and `after` map the changed files (tests left out) to their source on the base and with
    the patch; a file that is missing on one side is not in its map. What does not parse is the
    business of another rung and yields nothing. What history has, as `earlier`, hides nothing new.
    """
    old, new, known = trees(before), trees(after), trees({**before, **earlier})
    found = (
        *(Label("workaround", WORKAROUNDS[flag]) for flag in flags if flag in WORKAROUNDS),
        *_hidden(known, new),
        *(Label("look at", f"{path} is nested too deeply to be read") for path in unread(after, new)),
        *_in_scripts({**before, **earlier}, after),
        *dropped(old, new),
        *(Label("drops behaviour", str(loss)) for loss in lost_data(before, after)),
        *(Label("look at", flag) for flag in flags if flag not in WORKAROUNDS),
    )
    return tuple(dict.fromkeys(found))


def _hidden(old: Trees, new: Trees) -> Iterator[Label]:
    """What takes errors, or makes up data, whatever it is written as."""
    for taking in swallows(old, new):
        if not taking.sure:
            yield Label("look at", SOMETIMES)
            continue
        if taking.is_broad:
            yield Label("workaround", WORKAROUNDS["broad-except"])
        yield Label("workaround", WORKAROUNDS["swallows-error"])
    if stand_ins(old, new):
        yield Label("workaround", WORKAROUNDS["adds-default"])
    for find in others_instead(old, new):
        yield Label("look at", f"{find.shown} stands in for data that the base read plainly")
    for each in conditioned(old, new):
        yield Label("look at", f"{each.kind} {each.name} stands under a condition now")


def _in_scripts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Label]:
    for flag in script_finds(before, after):
        known = WORKAROUNDS.get(flag)
        yield Label("look at", SOMETIMES) if known is None else Label("workaround", known)


def dropped(old: Trees, new: Trees) -> Iterator[Label]:
    """What the old trees serve and the new ones do not."""
    for loss in losses(old, new):
        if loss.replaced:
            yield Label("look at", f"{loss} gave way to something else")
        else:
            yield Label("drops behaviour", str(loss))
