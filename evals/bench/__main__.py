"""Print each target with its figure and verdict; exit code 1 where one is missed."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from evals.bench.agent_rows import agent_rows
from evals.bench.cost_rows import cost_rows
from evals.bench.eval_rows import eval_rows
from evals.bench.peer_rows import peer_rows
from evals.bench.proof_rows import proof_rows
from evals.bench.row import Row
from evals.bench.sandbox_rows import sandbox_rows
from evals.bench.serve_rows import serve_rows
from evals.bench.tools_rows import tools_rows
from evals.bench.triage_rows import triage_rows
from evals.bench.watch_rows import watch_rows
from evals.run.maker import maker
from sandbox.isolation import SandboxUnavailable, find_isolation


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@click.option("--peers/--no-peers", default=None, help="Only the rows against peers, or all but these.")
def main(as_json: bool, peers: bool | None) -> None:
    """Measure every target. Peers are installed below .bench; without a network their rows are left out."""
    with tempfile.TemporaryDirectory(prefix="autohealer-bench-") as folder:
        rows = []
        for row in _rows(Path(folder), peers):
            rows.append(row)
            if not as_json:
                _tell(row)
    made = maker("python -m evals.bench", Path(__file__).parents[2])
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    if as_json:
        click.echo(json.dumps({**asdict(made), "finished": today, "rows": list(map(asdict, rows))}, indent=1))
    else:
        met = f"{sum(row.met for row in rows)} of {len(rows)} targets met"
        click.echo(f"\n{met} on {made.machine}, {today}, {made.commit}")
    sys.exit(0 if all(row.met for row in rows) else 1)


def _rows(folder: Path, peers: bool | None) -> Iterator[Row]:
    if peers is not False:
        yield from peer_rows(folder / "peers")
    if peers is not True:
        yield from _own_rows(folder)


def _own_rows(folder: Path) -> Iterator[Row]:
    yield from agent_rows(folder)
    yield from cost_rows(folder)
    yield from tools_rows(folder)
    yield from triage_rows(folder)
    yield from watch_rows(folder)
    try:
        isolation = find_isolation()
    except SandboxUnavailable as error:
        click.echo(f"no sandbox, so its rows are left out: {error}", err=True)
        return
    yield from sandbox_rows(folder, isolation)
    yield from proof_rows(folder)
    yield from eval_rows(folder)
    yield from serve_rows(folder)


def _tell(row: Row) -> None:
    mark = "met   " if row.met else "MISSED"
    click.echo(f"{mark} {row.what}: {row.figure:.3g} (target {row.target:g}) {row.unit}  {row.detail}")


if __name__ == "__main__":
    main()
