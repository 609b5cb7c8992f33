"""Insights: a headline and a sentence for each strong theme."""

import time

from shared.ai_client import AIConfig, AIUnavailable, call_ai

PROMPT = "Sum up these headlines in one neutral sentence for an options trader. No advice."
MOODS = ((0.25, "supportive"), (-0.25, "mixed"), (-2.0, "heavy"))


def mood_name(mood):
    return next(name for floor, name in MOODS if mood >= floor)


def headline(theme):
    newest = max(theme.articles, key=lambda article: article.get("published") or "")
    return newest["title"]


class Synthesizer:
    def __init__(self, config, logger, limit=5):
        self.config = config
        self.logger = logger
        self.limit = limit
        self.ai_config = AIConfig(timeout_sec=15.0, max_tokens=120)
        self._no_key = False

    async def insights(self, themes):
        """[{"theme", "headline", "text", "mood", "mood_name", "articles", "source"}], strongest first."""
        made = []
        for theme in themes[: self.limit]:
            text, source = await self._text(theme)
            made.append(
                {
                    "theme": theme.tag,
                    "headline": headline(theme),
                    "text": text,
                    "mood": theme.mood,
                    "mood_name": mood_name(theme.mood),
                    "articles": len(theme.articles),
                    "source": source,
                    "ts": time.time(),
                }
            )
        return made

    async def _text(self, theme):
        titles = "; ".join(article["title"] for article in theme.articles[:5])
        if not self._no_key:
            try:
                answer = await call_ai(PROMPT, titles, self.config, self.ai_config, self.logger)
                return answer.text.strip(), answer.provider
            except AIUnavailable as exc:
                if "no key" in str(exc):
                    self._no_key = True
                    self.logger.warn(f"insights from templates: {exc}")
        return f"{theme.tag}: {mood_name(theme.mood)} over {len(theme.articles)} articles", "template"
