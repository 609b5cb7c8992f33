"""Recorded model runs: the model's words are kept, everything around them is done again.

A cassette is a YAML file (see agent.model.tape) whose head says what really answered. A request is
matched on method, path and its normalised body, in any order; any other difference is a miss, and
a miss ends the run. A replay uses no key and reaches no network.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.model.keys import KeyRing
from agent.model.normalise import normalise_json
from agent.model.spec import ModelSpec
from agent.model.tape import NOWHERE, Tape, TapeError, load

if TYPE_CHECKING:
    from vcr.cassette import Cassette  # type: ignore[import-untyped]
    from vcr.request import Request as Sent  # type: ignore[import-untyped]

KEPT_HEADERS = ("content-type", "retry-after", "retry-after-ms")
KEPT_OF_SPEC = ("id", "api", "effort", "answer_format")
KEY_NAME = "RECORDED_RUN"
SHOWN = 240


class CassetteError(Exception):
    """A cassette that cannot be read, or that must not be written as it is."""


class CassetteMiss(Exception):
    """The run asked something that the recorded one did not; the message shows the first difference."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The head of a cassette: what really answered, when, and the models that were asked for."""

    answered_by: str
    recorded_on: str
    specs: tuple[ModelSpec, ...]

    @property
    def keys(self) -> KeyRing:
        """The key ring of a replay: its one key opens nothing."""
        return KeyRing(environment={KEY_NAME: "recorded"})


@dataclass(slots=True)
class Playback:
    """A recorded run that is being played."""

    head: Recorded
    _cassette: Any = field(repr=False)

    @property
    def unplayed(self) -> int:
        """How many recorded answers were not asked for so far."""
        played: int = sum(self._cassette.play_counts.values())
        return len(self._cassette.data) - played


@contextmanager
def recording(
    path: Path, *, answered_by: str, specs: Sequence[ModelSpec], secrets: Sequence[str] = ()
) -> Iterator[None]:
    """Record every model request made within into `path`, replacing the file.

    `answered_by` says what really answers, in words for whoever replays it. `secrets` are texts that
    the file must not hold: keys, host names; the home folder is one anyway.

    Raises:
        CassetteError: at the end, when a secret got into an answer; then nothing is written.
    """
    models = [{name: getattr(spec, name) for name in KEPT_OF_SPEC} for spec in specs]
    about = {
        "answered_by": answered_by,
        "recorded_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "models": models,
    }
    tape = _Guarded(about, (*secrets, str(Path.home())))
    path.unlink(missing_ok=True)
    with _recorder(tape).use_cassette(str(path), record_mode="once"):
        yield
    if tape.held:
        path.unlink(missing_ok=True)
        raise CassetteError(f"not written: {tape.held} of the texts that must not be in it are in it")


@contextmanager
def replaying(path: Path) -> Iterator[Playback]:
    """Answer every model request made within from `path`; anything else raises CassetteMiss.

    Raises:
        CassetteError: there is no such recorded run.
    """
    head = read_head(path)
    player = _Player(path.name)
    vcr = _recorder(Tape({}), player)
    with vcr.use_cassette(str(path), record_mode="none") as cassette:
        player.cassette = cassette
        yield Playback(head, cassette)


def read_head(path: Path) -> Recorded:
    """The head of a cassette. Raises CassetteError."""
    try:
        about = load(path.read_text(encoding="utf-8"))["about"]
        specs = tuple(
            ModelSpec(base_url=f"{NOWHERE}/v1", key_names=(KEY_NAME,), **model) for model in about["models"]
        )
        return Recorded(str(about["answered_by"]), str(about["recorded_on"]), specs)
    except OSError as error:
        raise CassetteError(f"no recorded run at {path}: {error.strerror}") from error
    except (TapeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise CassetteError(f"{path} is no recorded run: {error}") from error


class _Guarded(Tape):
    """A tape of which nothing is written while it holds a secret; `held` counts those.

    It must not raise: vcrpy would leave the client patched when writing fails.
    """

    def __init__(self, about: Mapping[str, Any], secrets: Sequence[str]) -> None:
        super().__init__(about)
        self._secrets = tuple(secret for secret in secrets if len(secret) > 4)
        self.held = 0

    def serialize(self, cassette: Mapping[str, Any]) -> str:
        text = super().serialize(cassette)
        self.held = sum(secret in text for secret in self._secrets)
        return "" if self.held else text


@dataclass(slots=True)
class _Player:
    """Looks at each request before vcrpy does: a miss has to end the run, and to say why."""

    name: str
    cassette: Cassette | None = None

    def check(self, request: Sent) -> Sent:
        if self.cassette is None:
            return request
        counts = self.cassette.play_counts
        left = [stored for place, (stored, _) in enumerate(self.cassette.data) if not counts[place]]
        if not any(_same(request, stored) for stored in left):
            raise CassetteMiss(_explain(self.name, request, left))
        return request


def _recorder(tape: Tape, player: _Player | None = None) -> Any:
    import vcr  # type: ignore[import-untyped]  # slow, and only for recorded runs

    def seen(request: Sent) -> Sent:
        reduced = _reduced(request)
        return player.check(reduced) if player else reduced

    recorder = vcr.VCR(before_record_request=seen, before_record_response=_reduced_response)
    recorder.register_serializer("tape", tape)
    recorder.register_matcher("meaning", _same)
    recorder.serializer, recorder.match_on = "tape", ("meaning",)
    return recorder


def _reduced(request: Sent) -> Sent:
    """What a request means: method, path and normalised body; no host, no headers."""
    reduced = copy.copy(request)
    reduced.uri = NOWHERE + urlsplit(request.uri).path
    reduced.headers = {}
    reduced.body = json.dumps(normalise_json(_data(request)), sort_keys=True)
    return reduced


def _reduced_response(response: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): values for name, values in response["headers"].items()}
    return response | {"headers": {name: headers[name] for name in KEPT_HEADERS if name in headers}}


def _same(one: Sent, other: Sent) -> bool:
    return bool((one.method, one.uri) == (other.method, other.uri) and _data(one) == _data(other))


def _data(request: Sent) -> Any:
    body = request.body
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)


def _explain(name: str, request: Sent, left: Sequence[Sent]) -> str:
    if not left:
        return f"{name}: every recorded answer was used, and the run asks once more"
    stored = left[0]
    if (request.method, request.uri) != (stored.method, stored.uri):
        asked, recorded = (f"{one.method} {urlsplit(one.uri).path}" for one in (request, stored))
        return f"{name}: the run asks {asked}, recorded was {recorded}"
    place, ours, theirs = first_difference(_data(request), _data(stored))
    return f"{name}: the request differs from the recorded one at {place}:\n{_shown(ours, theirs)}"


def first_difference(ours: Any, theirs: Any, place: str = "body") -> tuple[str, Any, Any]:
    """Where two JSON values differ first, and what stands there in each; None for nothing."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                return first_difference(ours.get(name), theirs.get(name), f"{place}.{name}")
    if isinstance(ours, list) and isinstance(theirs, list):
        for number in range(max(len(ours), len(theirs))):
            pair = [part[number] if number < len(part) else None for part in (ours, theirs)]
            if pair[0] != pair[1]:
                return first_difference(pair[0], pair[1], f"{place}[{number}]")
    return place, ours, theirs


def _shown(ours: Any, theirs: Any) -> str:
    """The first differing lines of two values."""
    recorded, asked = (
        value if isinstance(value, str) else json.dumps(value, indent=1, sort_keys=True)
        for value in (theirs, ours)
    )
    lines = list(
        difflib.unified_diff(
            recorded.splitlines(), asked.splitlines(), "recorded", "this run", n=1, lineterm=""
        )
    )
    return "\n".join(line if len(line) <= SHOWN else f"{line[:SHOWN]} [...]" for line in lines[:14])
