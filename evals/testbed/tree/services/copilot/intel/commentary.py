"""Commentary: what stands out right now, in a sentence. AI polishes it where a key is set."""

import time
from collections import deque

from services.copilot.intel.adi import trend, vix_regime
from shared.ai_client import AIConfig, AIUnavailable, call_ai

CHANNEL = "copilot:commentary:message"
KEPT = 25
SYSTEM_PROMPT = (
    "You are a calm observer of the options market. Say in one sentence what the observation means. "
    "No advice, no forecast."
)


def observe(view, mel):
    """Observations in order of weight: [(kind, text)]. Deterministic: the same view, the same words."""
    found = []
    missing = view.missing()
    if missing:
        found.append(("data_gap", f"No {', '.join(missing)} from massive yet"))
    price, gex = view.price("SPX"), view.gex_of("SPX")
    if price is not None and gex.get("zero_gamma") is not None:
        side = "above" if price >= gex["zero_gamma"] else "below"
        found.append(("gamma_flip", f"SPX trades {side} zero gamma at {gex['zero_gamma']:g}"))
    change = view.change_pct("SPX")
    if change is not None:
        found.append(("trend", f"SPX is {trend(change)} {abs(change):.2f}% on the day"))
    vix = view.price("VIX")
    if vix is not None:
        found.append(("volatility", f"VIX at {vix:.2f}, regime {vix_regime(vix)}"))
    if mel and mel.get("band") in ("low", "off"):
        found.append(("mel", f"Models are {mel['band']} ({mel['overall']:g}): trust the tape"))
    return found


class Commentator:
    """Says the heaviest observation that was not said lately."""

    def __init__(self, config, logger, repeat_after_sec=60.0):
        self.config = config
        self.logger = logger
        self.repeat_after_sec = repeat_after_sec
        self.recent = deque(maxlen=KEPT)
        self.ai_config = AIConfig(timeout_sec=8.0, max_tokens=80)
        self._said = {}
        self._ai_missing = False

    async def next_message(self, view, mel):
        """The next message, or None when there is nothing new to say."""
        now = time.monotonic()
        for kind, text in observe(view, mel):
            last = self._said.get(kind)
            if last is not None and last[0] == text and now - last[1] < self.repeat_after_sec:
                continue
            self._said[kind] = (text, now)
            spoken, source = await self._polish(text)
            message = {"ts": time.time(), "kind": kind, "text": spoken, "source": source}
            self.recent.append(message)
            return message
        return None

    async def _polish(self, text):
        if self._ai_missing:
            return text, "template"
        try:
            answer = await call_ai(SYSTEM_PROMPT, text, self.config, self.ai_config, self.logger)
        except AIUnavailable as exc:
            if "no key" in str(exc):
                self._ai_missing = True
                self.logger.warn(f"commentary speaks in templates: {exc}")
            return text, "template"
        return answer.text.strip(), answer.provider
