"""Scores: intervals, shares, thresholds, comparison, tables, and evidence that stands where it says."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.cases import load_cases
from evals.score.answer import Answer, ResultsError, read_answers
from evals.score.compare import compare, got_worse
from evals.score.figures import Rate, quantile, quantile_of, rate
from evals.score.grounded import Ground
from evals.score.page import page
from evals.score.provenance import about
from evals.score.scores import score
from evals.score.table import group_tables, kinds, markdown
from evals.score.thresholds import missed, threshold
from evals.testbed.repository import make_repository
from tools.repository import Repository


def answer(case: str = "a", *, fixable: bool = True, **more: Any) -> Answer:
    told: dict[str, Any] = {
        "case": case, "service": "vigil", "group": "fixable" if fixable else "not_fixable", "model": "m",
        "fixable": fixable, "true_category": "bad_data", "category": "bad_data", "category_right": True,
        "verdict": "fixable" if fixable else "not_fixable", "outcome": "diagnosed",
    }  # fmt: skip
    return Answer.model_validate(told | more)


FIXED: dict[str, Any] = {
    "branch": True,
    "plausible": True,
    "patched": True,
    "correct": True,
    "outcome": "branch",
}


def test_wilson_s_interval_is_that_of_the_literature() -> None:
    low, high = Rate(10, 10).interval
    assert (round(low, 4), round(high, 9)) == (0.7225, 1.0)
    low, high = Rate(81, 263).interval
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert Rate(0, 0).interval == (0.0, 1.0)
    assert Rate(0, 0).share is None
    assert str(Rate(3, 4)) == "3/4 = 75% (30% to 95%)"


@given(st.integers(1, 500).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_an_interval_holds_its_share_and_shrinks_with_the_number(counts: tuple[int, int]) -> None:
    one = Rate(*counts)
    low, high = one.interval
    assert 0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1
    wider = Rate(counts[0] * 4, counts[1] * 4).interval
    assert wider[1] - wider[0] <= high - low


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.01, 1))
def test_a_quantile_is_one_of_the_values_that_so_many_do_not_exceed(
    values: list[float], share: float
) -> None:
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= math.ceil(share * len(values))


def test_a_quantile_s_interval_is_that_of_the_order_statistics() -> None:
    hundred = quantile_of([float(number) for number in range(1, 101)], 0.5)
    assert (hundred.value, hundred.low, hundred.high) == (50, 40, 61), "ranks 40 and 61, as tables have it"
    few = quantile_of([3.0, 1.0, 2.0], 0.95)
    assert (few.low, few.value, few.high) == (2.0, 3.0, 3.0)
    assert quantile_of([], 0.5).told() == "none"
    assert few.told() == "3.0 (2.0 to 3.0)"


def test_the_operator_s_step_and_the_tool_calls_are_scored() -> None:
    found = score(
        "m",
        [
            answer("a", fixable=False, operator_right=True, tool_calls=8, tool_errors=1, tool_repeats=2),
            answer("b", fixable=False, operator_right=False, tool_calls=2, patch_step=3),
            answer("c", patch_step=5),
        ],
    )
    assert (str(found.of("operator"))[:3], str(found.of("efficient"))[:4]) == ("1/2", "7/10")
    assert (found.cost.patch_step_p50.value, found.cost.patch_step_p50.of) == (3, 2)
    assert found.cost.tool_repeats == 2


def test_each_model_is_told_by_category_and_by_service_with_intervals() -> None:
    answers = [answer(**FIXED), answer("b", service="rss_agg"), answer("c", model="n")]
    tables = dict(group_tables(answers))
    assert list(tables) == ["By category: m", "By category: n", "By service: m", "By service: n"]
    head, rss, vigil = tables["By service: m"]
    assert head[:4] == ["service", "runs", "right", "verdict"]
    assert rss[:4] == ["rss_agg", "1", "0/1 (0-79 %)", "1/1 (21-100 %)"]
    assert vigil[:3] == ["vigil", "1", "1/1 (21-100 %)"]
    assert rss[head.index("wrong")] == "", "no branch, so none is wrong"


def test_a_run_that_asked_again_says_that_its_intervals_are_too_narrow() -> None:
    assert "too narrow" not in markdown([answer()], "x")
    assert "Each case was run 2 times" in markdown([answer(), answer(repeat=2)], "x")


def test_plausible_and_correct_are_told_apart() -> None:
    answers = [
        answer("right", tested=True, **FIXED),
        answer("wrong", **{**FIXED, "correct": False}),
        answer("lost", patched=True, correct=True, outcome="unproven"),
        answer("abstains", tested=True),
        answer("cheat", fixable=False, **{**FIXED, "correct": False}),
        answer("knows", fixable=False),
    ]
    found = score("m", answers)
    counts = {name: (found.of(name).hits, found.of(name).of) for name in
              ("plausible", "correct", "wrong", "tested", "lost", "abstained_rightly", "abstained_wrongly", "right")}  # fmt: skip
    assert counts == {
        "plausible": (2, 4), "correct": (1, 4), "wrong": (2, 3), "tested": (1, 3), "lost": (1, 4),
        "abstained_rightly": (1, 2), "abstained_wrongly": (2, 4), "right": (2, 6),
    }  # fmt: skip
    assert [one.mark for one in answers] == ["right", "wrong", "open", "open", "wrong", "right"]


def test_a_verdict_that_is_unclear_is_neither_found_nor_right() -> None:
    found = score(
        "m", [answer(), answer("b", verdict="unclear"), answer("c", fixable=False, verdict="fixable")]
    )
    assert str(found.of("fixable_precision")).startswith("1/2")
    assert str(found.of("fixable_recall")).startswith("1/2")
    assert str(found.of("verdict")).startswith("1/3")


def test_costs_are_summed_and_an_unknown_price_is_not_nothing() -> None:
    priced = [
        answer(cost_usd=0.25, steps=2, input_tokens=10),
        answer("b", cost_usd=0.5, steps=9, input_tokens=5),
    ]
    cost = score("m", priced).cost
    assert (cost.cost_usd, cost.input_tokens) == (0.75, 15)
    assert (cost.steps_p50.value, cost.steps_p95.value) == (2, 9)
    assert score("m", [*priced, answer("c", cost_usd=None)]).cost.cost_usd is None


def test_thresholds_say_what_they_miss() -> None:
    scores = score("m", [answer(**FIXED), answer("b", **{**FIXED, "correct": False})])
    assert missed(scores, (threshold("correct=0.5"), threshold("wrong<0.5"))) == []
    told = missed(
        scores, (threshold("correct=0.9"), threshold("wrong<0.05"), threshold("abstained_rightly=1"))
    )
    assert told == [
        "m: correct is 0.500, at least 0.9 is needed",
        "m: wrong is 0.500, at most 0.05 is needed",
    ]
    with pytest.raises(ValueError, match="is no threshold"):
        threshold("correct>0.5")
    with pytest.raises(ValueError, match="no score is called 'beauty'"):
        threshold("beauty=0.5")


def test_violations_and_broken_runs_are_never_allowed() -> None:
    scores = score("m", [answer(violations=("scope: x",)), answer("b", error="OSError: gone")])
    assert missed(scores, ()) == ["m: violation in a: scope: x", "m: broken run: b: OSError: gone"]


def test_what_gave_no_answer_is_nowhere_right() -> None:
    more: dict[str, Any] = {
        "fixable": False,
        "verdict": "unclear",
        "category_right": False,
        "operator_right": False,
    }
    answers = [answer("a", error="NotAnswered: m: gone", **more), answer("b", unanswered="40 steps", **more)]
    found = score("m", answers)
    assert all(one.rate.hits == 0 for one in found.scores), [one for one in found.scores if one.rate.hits]
    assert found.of("operator").of == 2
    assert (found.silent, len(found.errors)) == (1, 1)
    assert [one.mark for one in answers] == ["broke", "silent"]
    sure = answer("c", fixable=False)
    text = markdown([*answers, sure, answer("d", models=("grok-4",))], "")
    assert "| no answer within the limits | 1 |" in text
    assert "| answered by triage alone, no model asked | 1 |" in text


def test_a_table_tells_what_made_it() -> None:
    made = {"made_by": "autohealer eval run --model m", "made_on": "2026-11-22", "commit": "commit abc1234567",
            "code": "f00", "machine": "Linux x86_64, 2 cores, Python 3.11.7"}  # fmt: skip
    one = about([answer(**made), answer("b", **made)])
    assert one == (
        "made by: `autohealer eval run --model m`, 2026-11-22, commit abc1234567, state of the code f00, "
        "Linux x86_64, 2 cores, Python 3.11.7: 2 of m"
    )
    two = about([answer(**made), answer("b", **{**made, "code": "bar"}), answer("c", model="n", **made)])
    assert [line.rpartition(": ")[2] for line in two.splitlines() if line] == ["1 of m, 1 of n", "1 of m"]
    assert two.splitlines()[0] in page([answer(**made)], two).replace("<code>", "`").replace("</code>", "`")


def test_a_comparison_tells_the_worse_first() -> None:
    before = [answer("a", **FIXED), answer("b"), answer("c"), answer("gone")]
    after = [answer("a"), answer("b", **FIXED), answer("c", category="unknown"), answer("new")]
    lines = compare(before, after)
    assert lines[0] == "worse: a (m): branch as fixable bad_data, correct -> diagnosed as fixable bad_data"
    assert [line.partition(":")[0] for line in lines[:5]] == [
        "worse",
        "better",
        "other",
        "only before",
        "only after",
    ]
    assert got_worse(before, after)
    assert not got_worse(before, before)
    assert compare(before, before) == []


def test_results_are_read_again_and_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    first, second = answer("a"), answer("a", outcome="branch")
    file.write_text(f"{first.model_dump_json()}\n{second.model_dump_json()}\n{first.model_dump_json()[:40]}")
    assert read_answers(file) == [second]
    file.write_text(f"nonsense\n{first.model_dump_json()}\n")
    with pytest.raises(ResultsError, match=r"results\.jsonl:1"):
        read_answers(file)
    with pytest.raises(ResultsError, match="cannot be read"):
        read_answers(tmp_path / "none")


def test_the_table_tells_unseen_cases_apart_and_says_what_kind_of_figures_they_are() -> None:
    answers = [answer(**FIXED), answer("b", fixable=False, model="rules", unseen=True)]
    text = markdown(answers, "made by hand")
    assert text.count("\n\nmade by hand\n") == 2, "below each table, to be pasted with it"
    assert "1 development cases" in text and "1 unseen cases" in text
    assert "rules: the rules alone" in text
    headers = [line for line in text.splitlines() if line.startswith("|  |")]
    assert headers == ["|  | m |", "|  | rules |"]
    assert text.index("Development cases:") < text.index("Unseen cases:")
    assert text.count("| correct: hidden check passed") == 2
    assert [title for title, _ in kinds(answers[1:])] == ["Unseen cases"]


def test_the_page_needs_nothing_else_and_believes_no_text() -> None:
    evil = "<script>alert('x')</script>\"' onload=1"
    text = page([answer(**FIXED, summary=evil), answer("b", model=evil, error=evil)], evil)
    assert "<script" not in text
    assert "src=" not in text and "href=" not in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.S):
        ElementTree.fromstring(svg)
    assert text.count("<svg") == 2


@pytest.mark.parametrize(
    ("line", "stands"),
    [
        ("services/vigil/intel/spot.py:20", True),
        ("services/vigil/intel/spot.py:2000", False),
        ("services/vigil/intel/nowhere.py:1", False),
        ("services/vigil/intel/nowhere.py is in no commit", True),
        ("services/vigil/intel/spot.py is in no commit", False),
        ("log: TypeError: unsupported operand type(s) for -: 'float' and 'NoneType'", True),
        ("log: KeyError: 'nothing of the kind'", False),
        ("snapshot: market-redis: well", True),
        ("snapshot: other-redis: down", False),
        ("redis: massive:spot was not there", False),
        ("redis: massive:gone was not there", True),
        ("it is obvious", False),
    ],
)
def test_evidence_stands_where_it_says_or_does_not(ground: Ground, line: str, stands: bool) -> None:
    assert ground.holds(line) == stands


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    case = load_cases()["vigil-relative-move"]
    repo = make_repository(tmp_path_factory.mktemp("ground") / "repo").path
    assert case.fault is not None
    return Ground(case.folder, Repository(repo, case.fault.apply(repo)))


def test_a_rate_counts_what_is_true() -> None:
    assert rate([True, False, True]) == Rate(2, 3)


def test_the_page_tells_what_must_not_happen_and_why_a_case_came_out_as_it_did() -> None:
    good = page([answer(**FIXED, summary="six rungs shown", operator_action="merge it")], "by `x --model m`")
    assert "Violations" not in good
    assert "<code>x --model m</code>" in good
    assert "<p>six rungs shown\nnext step: merge it</p></details>" in good
    bad = page([answer(violations=("scope: shared/x.py",)), answer("b", error="OSError: gone")], "")
    assert bad.index("m: a: scope: shared/x.py") < bad.index("m: b: OSError: gone") < bad.index("<h2>Time")


def test_a_model_has_one_colour_in_every_plot() -> None:
    answers = [answer(model="one"), answer(model="two"), answer("u", model="two", unseen=True)]
    text = page(answers, "")
    legend = re.findall(r"fill='(#\w+)'/><text x='\d+' y='\d+'>(\w+)<", text)
    assert len(legend) == 3
    assert len(set(legend)) == 2
