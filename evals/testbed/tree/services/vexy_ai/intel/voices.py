"""The voice agents: the same facts, told by different people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Voice:
    """Who speaks. `frame` is the sentence of the template, `prompt` what an AI is told."""

    name: str
    prompt: str
    frame: str


VOICES = {
    voice.name: voice
    for voice in (
        Voice(
            "anchor",
            "You are a calm news anchor. Two short sentences, facts first, no advice.",
            "Good to have you. {facts}",
        ),
        Voice(
            "scout",
            "You are a scout on the trading floor. Short, present tense, no advice.",
            "Eyes open: {facts}",
        ),
        Voice(
            "analyst",
            "You are an options analyst. Name levels, explain gamma plainly, no advice.",
            "The structure says: {facts}",
        ),
        Voice(
            "philosopher",
            "You are a patient observer of markets and people. One thought, no advice.",
            "A quiet thought: {facts}",
        ),
    )
}
EVENT_VOICES = {"price_move": "scout", "vix_spike": "anchor", "level_cross": "analyst"}


def voice_for_event(kind):
    """Who tells an event; kinds may carry a suffix, as in level_cross.call_wall."""
    return VOICES[EVENT_VOICES.get(kind.split(".")[0], "scout")]


def speak_template(voice, facts):
    return voice.frame.format(facts=facts)
