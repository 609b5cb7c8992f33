# ruff: noqa: N999
from services.content_anal.intel.analyzer import Theme
from services.content_anal.intel.synthesizer import headline


def theme(*articles):
    return Theme(
        "rates", articles=[{"title": t, "published": p, "enrichment": {"quality": q}} for t, p, q in articles]
    )


def check_an_article_without_a_date_is_not_the_newest():
    assert headline(theme(("undated", None, 1.0), ("dated", "2026-03-02", 0.5))) == "dated"
    assert headline(theme(("dated", "2026-03-02", 0.5), ("undated", None, 1.0))) == "dated"


def check_articles_without_dates_have_a_headline():
    assert headline(theme(("a", None, 0.1), ("b", None, 0.9))) == "b"


def check_of_one_time_the_better_one_is_taken():
    assert headline(theme(("a", "2026-03-02", 0.1), ("b", "2026-03-02", 0.9))) == "b"
    assert headline(theme(("a", "2026-03-03", 0.1), ("b", "2026-03-02", 0.9))) == "a"
