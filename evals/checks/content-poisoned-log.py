# ruff: noqa: N999
from services.content_anal.intel.analyzer import Analyzer


def theme(*articles):
    analyzer = Analyzer()
    analyzer.take(articles)
    return analyzer.themes()[0]


def article(name, **more):
    return {"id": name, "feed": "macro", "title": name, "summary": "",
            "enrichment": {"tags": ["rates"], "quality": 1.0, "mood": 0.1}, **more}  # fmt: skip


def check_an_article_without_a_weight_is_taken():
    assert len(theme(article("a"), article("b", weight=2.0)).articles) == 2


def check_no_weight_is_no_zero():
    assert theme(article("a")).weight > 0


def check_a_weight_of_zero_counts_as_zero():
    assert theme(article("a", weight=0.0)).weight == 0.0
    assert theme(article("a", weight=0)).weight == 0.0
