"""The report as one HTML file that needs nothing else: tables, and plots as inline SVG."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from evals.score.answer import Answer
from evals.score.scores import Scores
from evals.score.table import group_tables, kinds, scores_by_model, scores_table, seen_note

WIDTH, ROW, LABEL = 860, 26, 370
COLOURS = ("#2563a8", "#b4541a", "#3c7d3c", "#7a4a9c", "#8a6d1d", "#555555")

Colours = Mapping[str, str]
"""The colour of each model, the same in every plot."""

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:82rem;margin:2rem auto;padding:0 1rem}
body{color:#1c1c1c;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem}
table{border-collapse:collapse;margin:.6rem 0;font-size:.9rem}
th,td{border-bottom:1px solid #ddd;padding:.25rem .7rem;text-align:left;vertical-align:top}
td{font-variant-numeric:tabular-nums;white-space:nowrap}
.narrow{font-size:.8rem}.narrow th,.narrow td{padding:.2rem .4rem}
.right{color:#2c6b2c}.wrong,.silent,.broke{color:#a32020;font-weight:600}
details p{white-space:pre-wrap;max-width:24rem;margin:.2rem 0 .6rem;color:#1c1c1c;font-weight:400}
.scroll{overflow-x:auto}svg{max-width:100%;height:auto}code{background:#f3f3f3;padding:0 .2rem}
"""


def page(answers: Sequence[Answer], about: str) -> str:
    """The whole report. `about` says what produced it; every text of a run is escaped."""
    models = scores_by_model(answers)
    colours = {scores.model: COLOURS[place % len(COLOURS)] for place, scores in enumerate(models)}
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>AutoHealer evals</title>",
        "<meta name='viewport' content='width=device-width'>",
        f"<style>{STYLE}</style><h1>Does it heal, and does it know when not to?</h1>",
        *(f"<p>{_with_code(line)}</p>" for line in about.splitlines() if line),
        f"<p>{escape(seen_note(answers))}</p>", _never(models),
        *(_scores(title, members, colours) for title, members in kinds(answers)),
        "<h2>Time</h2>", _times(answers, models, colours),
        *(f"<h2>{escape(title)}</h2>{_table(rows, 'narrow')}" for title, rows in group_tables(answers)),
        "<h2>Every case</h2>", _cases(answers, models),
    ]  # fmt: skip
    return "\n".join(parts) + "</html>\n"


def _with_code(text: str) -> str:
    """Escaped text, what stands between backticks as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def _never(models: Sequence[Scores]) -> str:
    """What must not happen, and happened."""
    told = [f"{scores.model}: {text}" for scores in models for text in (*scores.violations, *scores.errors)]
    lines = "".join(f"<li class='wrong'>{escape(text[:300])}</li>" for text in told)
    return f"<h2>Violations and broken runs</h2><ul>{lines}</ul>" if told else ""


def _scores(title: str, answers: Sequence[Answer], colours: Colours) -> str:
    models = scores_by_model(answers)
    return f"<h2>{escape(title)}</h2>{_rates(models, colours)}{_table(scores_table(models))}"


def _rates(models: Sequence[Scores], colours: Colours) -> str:
    """A point and its interval for each figure and model."""
    lines: list[str] = []
    y = 14 + 3 * len(models)
    for number, first in enumerate(models[0].scores if models else ()):
        lines.append(f"<text x='{LABEL - 8}' y='{y + 4}' text-anchor='end'>{escape(first.title)}</text>")
        for place, scores in enumerate(models):
            one = scores.scores[number].rate
            if one.share is not None:
                low, high = (_x(value) for value in one.interval)
                colour, level = colours[scores.model], y + 6 * place - 3 * (len(models) - 1)
                ends = f"x1='{low:.1f}' x2='{high:.1f}' y1='{level}' y2='{level}'"
                lines += [
                    f"<line {ends} stroke='{colour}' stroke-width='2'/>",
                    f"<circle cx='{_x(one.share):.1f}' cy='{level}' r='4' fill='{colour}'>"
                    f"<title>{escape(scores.model)}: {escape(str(one))}</title></circle>",
                ]  # fmt: skip
        y += max(ROW, 8 + 7 * len(models))
    grid = [
        f"<line x1='{_x(tick):.1f}' x2='{_x(tick):.1f}' y1='4' y2='{y - 8}' stroke='#ddd'/>"
        f"<text x='{_x(tick):.1f}' y='{y + 8}' text-anchor='middle'>{tick:.0%}</text>"
        for tick in (0, 0.25, 0.5, 0.75, 1)
    ]
    return _svg(y + 34, [*grid, *lines, *_legend(models, colours, y + 26)])


def _times(answers: Sequence[Answer], models: Sequence[Scores], colours: Colours) -> str:
    """A point for each run, from the quickest to the slowest, one line a model."""
    longest = max((answer.seconds for answer in answers), default=0.0) or 1.0
    lines = []
    for place, scores in enumerate(models):
        y = 20 + ROW * place
        lines.append(f"<text x='{LABEL - 8}' y='{y + 4}' text-anchor='end'>{escape(scores.model)}</text>")
        for answer in answers:
            if answer.model == scores.model:
                told = escape(f"{answer.case}: {answer.seconds:.1f} s")
                lines.append(
                    f"<circle cx='{_x(answer.seconds / longest):.1f}' cy='{y}' r='4' fill-opacity='.45' "
                    f"fill='{colours[scores.model]}'><title>{told}</title></circle>"
                )
    bottom = 20 + ROW * len(models)
    ends = [(0.0, "0 s"), (1.0, f"{longest:.1f} s")]
    lines += [f"<text x='{_x(x):.1f}' y='{bottom}' text-anchor='middle'>{text}</text>" for x, text in ends]
    return _svg(bottom + 10, lines)


def _x(share: float) -> float:
    return LABEL + share * (WIDTH - LABEL - 30)


def _legend(models: Sequence[Scores], colours: Colours, y: int) -> Iterable[str]:
    x = 20
    for scores in models:
        yield f"<circle cx='{x}' cy='{y - 4}' r='4' fill='{colours[scores.model]}'/>"
        yield f"<text x='{x + 9}' y='{y}'>{escape(scores.model)}</text>"
        x += 36 + 7 * len(scores.model)


def _svg(height: int, content: Iterable[str]) -> str:
    font = "font-size='12' font-family='system-ui,sans-serif'"
    head = f"<svg viewBox='0 0 {WIDTH} {height}' width='{WIDTH}' {font}>"
    return f"<div class='scroll'>{head}{''.join(content)}</svg></div>"


def _table(rows: Sequence[Sequence[str]], kind: str = "") -> str:
    first, *rest = rows
    head = "".join(f"<th>{escape(cell)}</th>" for cell in first)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rest)
    return f"<div class='scroll'><table class='{kind}'><tr>{head}</tr>{body}</table></div>"


def _cases(answers: Sequence[Answer], models: Sequence[Scores]) -> str:
    rows = []
    for case in sorted({answer.case for answer in answers}):
        cells = "".join(_cell([a for a in answers if (a.case, a.model) == (case, m.model)]) for m in models)
        rows.append(f"<tr><td>{escape(case)}</td>{cells}</tr>")
    head = "".join(f"<th>{escape(scores.model)}</th>" for scores in models)
    return f"<div class='scroll'><table><tr><th>case</th>{head}</tr>{''.join(rows)}</table></div>"


def _cell(answers: Sequence[Answer]) -> str:
    """One line a run, which opens and tells why."""
    told = []
    for answer in answers:
        text = escape(
            (answer.error or answer.unanswered or f"{answer.outcome}: {answer.verdict} {answer.category}")[
                :80
            ]
        )
        step = answer.operator_action and f"next step: {answer.operator_action}"
        why = filter(None, [answer.summary, step, answer.wrong, *answer.ungrounded, answer.error])
        more = escape("\n".join(why))
        told.append(f"<details class='{answer.mark}'><summary>{text}</summary><p>{more}</p></details>")
    return f"<td>{''.join(told)}</td>"
