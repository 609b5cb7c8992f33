"""Enrichment: tags, symbols and a mood for each article; by an AI where a key is set, else by words."""

import json
import re

from shared.ai_client import AIConfig, AIUnavailable, call_ai

PROMPT = (
    'Answer with JSON only: {"tags": [at most 5 words], "symbols": [tickers], "mood": -1 to 1, "quality": 0 to 1}'
)
WORD = re.compile(r"[A-Za-z][A-Za-z-]{2,}")
SYMBOLS = ("SPX", "NDX", "RUT", "VIX", "SPY", "QQQ")
TOPICS = {
    "fed": "rates",
    "rates": "rates",
    "yields": "rates",
    "payrolls": "jobs",
    "wage": "jobs",
    "inflation": "inflation",
    "gamma": "gamma",
    "vix": "volatility",
    "options": "options",
    "semiconductor": "chips",
    "chipmakers": "chips",
    "antitrust": "regulation",
}
GOOD = {"beat", "rally", "rose", "eased", "steady", "outperformed", "raised", "progress"}
BAD = {"fell", "sinks", "slipped", "fears", "thins", "delayed", "uneven"}


def by_words(title, summary):
    """The enrichment that needs nobody: {"tags", "symbols", "mood", "quality"}."""
    text = f"{title} {summary}"
    words = [word.lower() for word in WORD.findall(text)]
    tags = sorted({TOPICS[word] for word in words if word in TOPICS})[:5]
    good, bad = sum(word in GOOD for word in words), sum(word in BAD for word in words)
    return {
        "tags": tags,
        "symbols": [symbol for symbol in SYMBOLS if symbol in text],
        "mood": round((good - bad) / (good + bad), 2) if good + bad else 0.0,
        "quality": round(min(1.0, len(words) / 40), 2),
    }


class Enricher:
    def __init__(self, config, logger):
        self.config = config
        self.logger = logger
        timeout = float(config.get("RSS_AI_TIMEOUT_SEC", 15))
        self.ai_config = AIConfig(timeout_sec=timeout, max_tokens=150, temperature=0.0)
        self.required = str(config.get("RSS_REQUIRE_AI", "false")).lower() == "true"
        self._no_key = False
        self.by_ai = 0
        self.by_words = 0

    async def enrich(self, title, summary):
        """The enrichment of one article. By words where no AI answers, unless RSS_REQUIRE_AI forbids that."""
        if not self._no_key:
            try:
                answer = await call_ai(PROMPT, f"{title}\n{summary}", self.config, self.ai_config, self.logger)
                enrichment = {**by_words(title, summary), **json.loads(answer.text)}
                self.by_ai += 1
                return enrichment
            except AIUnavailable as exc:
                if self.required:
                    raise
                if "no key" in str(exc):
                    self._no_key = True
                    self.logger.warn(f"enrichment by words: {exc}")
            except ValueError as exc:
                self.logger.warn(f"enrichment is not JSON: {exc}")
        self.by_words += 1
        return by_words(title, summary)
