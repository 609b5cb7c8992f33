"""Themes: articles grouped by their tags, weighted by source and quality."""

from dataclasses import dataclass, field

MIN_QUALITY = 0.2


@dataclass
class Theme:
    """Articles that share a tag. `mood` is the weighted mean of theirs, -1 to 1."""

    tag: str
    articles: list = field(default_factory=list)
    weight: float = 0.0
    mood_sum: float = 0.0

    def add(self, article, weight, mood):
        self.articles.append(article)
        self.weight += weight
        self.mood_sum += weight * mood

    @property
    def mood(self):
        return round(self.mood_sum / self.weight, 3) if self.weight else 0.0


class Analyzer:
    """Keeps the last `memory` articles and groups them."""

    def __init__(self, memory=200):
        self.memory = memory
        self.articles = {}
        self.skipped = 0

    def take(self, articles):
        for article in articles:
            if self.quality(article) < MIN_QUALITY:
                self.skipped += 1
                continue
            self.articles[article["id"]] = article
        while len(self.articles) > self.memory:
            self.articles.pop(next(iter(self.articles)))

    @staticmethod
    def quality(article):
        return float((article.get("enrichment") or {}).get("quality") or 0.0)

    def themes(self):
        """Themes, heaviest first; ties by name, so that the same articles give the same order."""
        themes = {}
        for article in self.articles.values():
            enrichment = article.get("enrichment") or {}
            weight = float(article.get("weight") or 1.0) * self.quality(article)
            for tag in enrichment.get("tags") or ["other"]:
                theme = themes.setdefault(tag, Theme(tag))
                theme.add(article, weight, float(enrichment.get("mood") or 0.0))
        return sorted(themes.values(), key=lambda theme: (-theme.weight, theme.tag))
