"""From settings to the models that a run may ask, and to where their keys come from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from agent.case import Case
from agent.events import Emit, Noted
from agent.heal import ChooseModel
from agent.model.cassette import replaying
from agent.model.chain import Chain
from agent.model.keys import Key, KeyRing
from agent.model.protocol import Model
from agent.model.spec import DEFAULT_CHAIN, ModelSpec, Prices
from agent.settings import CONFIG_NAME, ModelSettings, Settings, SettingsError


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


def key_of(settings: Settings, name: str, component: Mapping[str, Any] | None = None) -> Key | None:
    """The key of a model and where it was found, or None."""
    return KeyRing(component, os.environ).find(spec_named(settings, name).key_names)


def chain_for(settings: Settings, case: Case, emit: Emit) -> Model:
    """The models in the order of the settings, with one retry layer; what they do is told as notes."""
    specs = [spec_named(settings, name) for name in settings.models]
    return Chain.of(specs, key_ring(settings, case), on_note=lambda text: emit(Noted(text)))


@contextmanager
def models_for(settings: Settings, *, by_name: bool) -> Iterator[ChooseModel]:
    """How a run chooses its model, for as long as the recording that may answer is open.

    Without a key only the rules answer, unless a model was asked for by name.

    Raises:
        SettingsError: a model or the recording is not known.
    """
    names = [name for model in settings.models for name in spec_named(settings, model).key_names]

    def choose(case: Case, emit: Emit) -> Model | None:
        if settings.cassette is None and not by_name and not has_key(settings, case):
            emit(Noted(f"no key for a model ({', '.join(names)}), so only the rules answer"))
            return None
        return chain_for(settings, case, emit)

    if settings.cassette is None:
        yield choose
        return
    if not settings.cassette.is_file():
        raise SettingsError(f"the recorded run {settings.cassette} does not exist")
    with replaying(settings.cassette):
        yield choose


def has_key(settings: Settings, case: Case) -> bool:
    """Whether any of the models can be asked: it has a key, or needs none."""
    specs = (spec_named(settings, name) for name in settings.models)
    return any(not spec.key_names or key_ring(settings, case).find(spec.key_names) for spec in specs)


def key_ring(settings: Settings, case: Case) -> KeyRing:
    """Where keys are looked up for a case; a recorded run needs none, so it gets a stand-in."""
    if settings.cassette is not None:
        specs = (spec_named(settings, name) for name in settings.models)
        return KeyRing(None, {name: "recorded" for spec in specs for name in spec.key_names})
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
