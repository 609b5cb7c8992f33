"""From settings to the models that a run may ask, and to where their keys come from."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from agent.case import Case
from agent.events import Emit, ModelLeft, Noted
from agent.late import imported
from agent.model.cassette import Recorded, recording, replaying
from agent.model.chain import Chain, Left
from agent.model.keys import Key, KeyRing
from agent.model.protocol import Model, Request, Turn
from agent.model.remote import RemoteModel
from agent.model.spec import BUILTIN, DEFAULT_CHAIN, RULE_BASED, ModelSpec, Prices
from agent.settings import CONFIG_NAME, ModelSettings, Settings, SettingsError

ChooseModel = Callable[[Case, Emit], Model | None]
"""The model for a case, or None where triage alone may answer; it notes why."""


def spec_named(settings: Settings, name: str) -> ModelSpec:
    """What is known about one model: the settings' section, else the default.

    Raises:
        SettingsError: nothing is known about it.
    """
    if name in settings.model:
        return _spec(name, settings.model[name])
    for spec in DEFAULT_CHAIN:
        if spec.id == name:
            return spec
    raise SettingsError(
        f"model {name!r} is not known: give its base_url, api and key "
        f'in a section [model."{name}"] of {CONFIG_NAME}'
    )


def key_of(settings: Settings, name: str) -> Key | None:
    """A model's key and where the environment has it, or None."""
    return KeyRing(None, os.environ).find(spec_named(settings, name).key_names)


@contextmanager
def models_for(settings: Settings, *, by_name: bool, last_resort: bool = True) -> Iterator[ChooseModel]:
    """How a run chooses its model, for as long as the recording that may answer is open.

    `by_name`: the models were named for this very run, so a missing key is an error and nothing to work
    around. `last_resort`: where every model fails, the rule-based one answers. A recording has none.

    Raises:
        SettingsError: a model is not known.
        CassetteError: the recorded run cannot be read.
    """
    if settings.cassette is None:
        specs = remote_specs(settings)
        # The client takes half a second to import: beside the probes of the sandbox it costs nothing.
        early = threading.Thread(target=imported, args=("openai",), daemon=True)
        early.start()
        order = Order(settings, specs, by_name, last_resort and settings.record is None)
        try:
            yield order.chain
        finally:
            # An import that goes on would meet whatever comes next half-way.
            early.join()
    else:
        with replaying(settings.cassette) as replay:
            head = replay.head
            yield lambda case, emit: _recorded(head, emit)


def recorded(settings: Settings) -> AbstractContextManager[None]:
    """Record what the models answer within, where the settings name a file for it.

    Raises:
        CassetteError: at the end, when a key got into an answer.
    """
    if settings.record is None:
        return nullcontext()
    specs = remote_specs(settings)
    keys = [key.value for spec in specs if (key := KeyRing(None, os.environ).find(spec.key_names))]
    return recording(settings.record, answered_by=settings.answered_by, specs=specs, secrets=keys)


def remote_specs(settings: Settings) -> list[ModelSpec]:
    """The models of the settings that answer elsewhere.

    Raises:
        SettingsError: a model is not known.
    """
    return [spec_named(settings, name) for name in settings.models if name != BUILTIN]


@dataclass(frozen=True, slots=True)
class Order:
    """Which models are asked, and in which order."""

    settings: Settings
    specs: Sequence[ModelSpec]
    by_name: bool
    last_resort: bool

    def chain(self, case: Case, emit: Emit) -> Model:
        """The models for one case. Why each one that fails is left is told, redacted."""
        keys, redact = _keys(case), case.bench.redact
        remote = {spec.id: spec for spec in self.specs}

        def note(text: str) -> None:
            emit(Noted(redact(text)))

        def left(one: Left) -> None:
            emit(ModelLeft(redact(one.text), one.model, redact(one.why)))

        names = self.names(keys)
        if names == (BUILTIN,) != self.settings.models:
            note(self.without_keys())
        models = (
            LateBuiltin() if name == BUILTIN else RemoteModel(remote[name], keys, note) for name in names
        )
        return Chain(tuple(models), note, on_left=left)

    def names(self, keys: KeyRing) -> tuple[str, ...]:
        """The models in their order, with the rule-based one where nothing else is left to ask."""
        named = self.settings.models
        if BUILTIN in named or not self.last_resort:
            return named
        if any(can_be_asked(spec, keys) for spec in self.specs):
            return (*named, BUILTIN)
        if self.by_name:
            return named
        # What nobody wrote down is not worth an excuse for each missing key; what somebody did is.
        return (*named, BUILTIN) if "models" in self.settings.model_fields_set else (BUILTIN,)

    def without_keys(self) -> str:
        """Why no model is asked."""
        wanted = ", ".join(name for spec in self.specs for name in spec.key_names)
        return f"no key for any model ({wanted}): {BUILTIN} answers ({RULE_BASED})"


def can_be_asked(spec: ModelSpec, keys: KeyRing) -> bool:
    """Whether a model needs no key, or has one."""
    return not spec.key_names or keys.find(spec.key_names) is not None


@dataclass(slots=True)
class LateBuiltin:
    """The rule-based model, imported when it is asked: its syntax trees take 0.1 s and 8 MiB."""

    _made: Model | None = None

    @property
    def id(self) -> str:
        """The id of the rule-based model."""
        return BUILTIN

    def ask(self, request: Request, deadline: float) -> Turn:
        """One turn of it; the rest as any model."""
        if self._made is None:
            from agent.model.builtin import Builtin

            self._made = Builtin()
        return self._made.ask(request, deadline)


def _recorded(head: Recorded, emit: Emit) -> Model:
    emit(Noted(f"the model's words are a recording of {head.recorded_on}, answered by {head.answered_by}"))
    return Chain.of(head.specs, head.keys, on_note=lambda text: emit(Noted(text)))


def _keys(case: Case) -> KeyRing:
    """The service's Truth component, its env block, then the shell."""
    components = case.truth.document.get("components") if case.truth else None
    component = components.get(case.incident.service) if isinstance(components, Mapping) else None
    return KeyRing(component, os.environ)


def _spec(name: str, said: ModelSettings) -> ModelSpec:
    prices = (said.input_price, said.cached_price, said.output_price)
    known = [price for price in prices if price is not None]
    return ModelSpec(
        id=name,
        base_url=said.base_url,
        api=said.api,
        key_names=said.key,
        timeout_s=said.timeout_s,
        effort=said.effort,
        prices=Prices(*known) if len(known) == len(prices) else None,
    )
