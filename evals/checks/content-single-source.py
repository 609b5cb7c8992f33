# ruff: noqa: N999
from harness import config, logger
from services.content_anal.intel.analyzer import Analyzer
from services.content_anal.intel.synthesizer import Synthesizer


def article(name, feed, mood):
    return {"id": name, "feed": feed, "title": name, "summary": "", "published": "2026", "weight": 1.0,
            "enrichment": {"tags": ["rates"], "quality": 1.0, "mood": mood}}  # fmt: skip


def theme(*articles):
    analyzer = Analyzer()
    analyzer.take(articles)
    return analyzer.themes()[0]


def check_one_source_has_nobody_to_disagree_with():
    assert theme(article("a", "macro", 0.5)).agreement in (None, 1, 1.0)


def check_two_sources_agree_as_their_moods_do():
    assert theme(article("a", "macro", 0.5), article("b", "vol", -0.5)).agreement == 0.5
    assert theme(article("a", "macro", 0.5), article("b", "vol", 0.5)).agreement == 1.0


async def check_insights_say_it():
    made = await Synthesizer(config(), logger("content_anal")).insights([theme(article("a", "macro", 0.5))])
    assert made[0]["feeds"] == ["macro"]
    assert "agreement" in made[0]
