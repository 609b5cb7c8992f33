"""The comparison with peers: the same run on each side, and nothing but that is measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.model.protocol import Usage
from evals.bench.cost_rows import cost_of, usage_of
from evals.bench.peer_install import Framework, NotInstalled
from evals.bench.peer_rows import BARE, HEAL, LOOP, PEERS, PeerFailed, Side, measured, own_sides
from evals.run.models import RECORDINGS


@pytest.mark.slow
def test_our_sides_do_the_whole_run(tmp_path: Path) -> None:
    figures = measured(tmp_path, own_sides(tmp_path), rounds=1)
    assert set(figures) == {BARE, LOOP, HEAL}
    for figure in figures.values():
        assert [len(one) for one in (figure.step_s, figure.start_s, figure.peak_mib)] == [1, 1, 1]
    assert 0 < figures[BARE].step_s[0] < figures[LOOP].step_s[0], "a loop without anything is quickest"
    assert 8 < figures[BARE].peak_mib[0] < figures[HEAL].peak_mib[0] < 500
    assert 0 < figures[BARE].start_s[0] < figures[HEAL].start_s[0] < 60


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise SystemExit('out of order')", "0 requests, 0 results, exit 1: out of order"),
        (
            "import json, sys, httpx2\n"
            "url = json.load(sys.stdin)['base_url'] + '/chat/completions'\n"
            "for _ in range(21): httpx2.post(url, json={'model': 'x', 'messages': []})",
            "21 requests, 0 results, exit 0",
        ),
    ],
)
def test_a_side_that_does_less_is_refused(tmp_path: Path, code: str, told: str) -> None:
    side = Side("idle", (sys.executable, "-c", code))
    with pytest.raises(PeerFailed, match=told):
        measured(tmp_path, [side], rounds=0)


def test_the_peak_is_that_of_the_command_alone(tmp_path: Path) -> None:
    def peak(code: str) -> float:
        argv = [
            sys.executable,
            "-IS",
            str(PEERS / "peak.py"),
            str(tmp_path / "told"),
            sys.executable,
            "-c",
            code,
        ]
        assert subprocess.run(argv, check=False).returncode == 3
        seen: float = json.loads((tmp_path / "told").read_text())["peak_mib"]
        return seen

    less, more = peak("raise SystemExit(3)"), peak("x = b'x' * 2**26; raise SystemExit(3)")
    assert less < 60
    assert 55 < more - less < 75


def test_a_peer_that_cannot_be_installed_is_said(tmp_path: Path) -> None:
    missing = Framework("none", f"none @ file://{tmp_path}/none.whl", "none.py")
    with pytest.raises(NotInstalled, match=r"none\.whl"):
        missing.python(tmp_path)
    assert not (tmp_path / "none" / "installed").exists()


def test_costs_are_those_of_the_recorded_tokens() -> None:
    assert cost_of(Usage(input_tokens=800_000, output_tokens=100_000), "grok-4.3") == pytest.approx(1.25)
    usages = [usage_of(tape) for tape in RECORDINGS.glob("*.yaml")]
    assert usages
    assert all(usage.input_tokens > 1000 and usage.output_tokens > 100 for usage in usages)
