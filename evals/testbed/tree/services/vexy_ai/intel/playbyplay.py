"""Play-by-play: Vexy's commentary on epochs and events -> `vexy:model:playbyplay`."""

import time
from collections import deque

from services.vexy_ai.intel.voices import VOICES, speak_template, voice_for_event
from shared.ai_client import AIConfig, AIUnavailable, call_ai
from shared.redis_io import publish, write_model

CHANNEL = "vexy:model:playbyplay"
LATEST_KEY = "vexy:model:playbyplay:latest"
KEPT = 40


class PlayByPlay:
    def __init__(self, config, logger, market):
        self.config = config
        self.logger = logger
        self.market = market
        self.history = deque(maxlen=KEPT)
        self.ai_config = AIConfig(timeout_sec=10.0, max_tokens=120)
        self._no_key = False

    async def say_epoch(self, epoch, context):
        """The opening words of an epoch."""
        facts = context.facts() or "the board is still dark"
        return await self._say(VOICES[epoch.voice], "epoch", f"{facts}. Theme: {epoch.theme}", epoch.name)

    async def say_event(self, event, context):
        """Words on an event of vigil."""
        voice = voice_for_event(event.get("kind", ""))
        facts = event.get("text") or f"{event.get('symbol')} moves"
        return await self._say(voice, "event", facts, event.get("severity", "notice"))

    async def _say(self, voice, kind, facts, label):
        text, source = await self._words(voice, facts)
        message = {
            "ts": time.time(),
            "kind": kind,
            "voice": voice.name,
            "label": label,
            "text": text,
            "source": source,
        }
        self.history.append(message)
        await publish(self.market, CHANNEL, message)
        await write_model(self.market, LATEST_KEY, message)
        return message

    async def _words(self, voice, facts):
        if not self._no_key:
            try:
                answer = await call_ai(voice.prompt, facts, self.config, self.ai_config, self.logger)
                return answer.text.strip(), answer.provider
            except AIUnavailable as exc:
                if "no key" in str(exc):
                    self._no_key = True
                    self.logger.warn(f"voices speak in templates: {exc}")
        return speak_template(voice, facts), "template"
