"""What holds heals back, on real services: each no is told once, with its reason."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

HEAL_WITH_BRANCH = """
import json, pathlib, subprocess, sys
state, repo, incident = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
with (state / "heals.txt").open("a") as file:
    file.write(incident + "\\n")
def git(*args):
    argv = ["git", "-C", repo, "-c", "user.name=t", "-c", "user.email=t@t", *args]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
commit = git("commit-tree", "-p", "HEAD", "-m", f"heal {incident}", git("rev-parse", "HEAD^{tree}"))
git("update-ref", f"refs/heads/autoheal/vigil/{incident}", commit)
run = state / "incidents" / incident / "runs" / "1"
run.mkdir(parents=True)
result = {"run": 1, "outcome": "branch", "branch": f"autoheal/vigil/{incident}", "branch_commit": commit}
(run / "result.json").write_text(json.dumps(result))
"""


def reasons(site, event: str = "heal_refused") -> list[str]:
    return [s.reason for s in site.signals if s.event == event]


def crash(site, service: str = "vigil") -> None:
    """A healthy service is stopped and started again with a fault."""
    site.operator_stops(service)
    site.start(service, "crash").wait(5)


def test_a_dry_run_captures_and_tells_and_starts_nothing(site):
    site.watch_options["dry_run"] = True
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_refused"))
    time.sleep(0.5)
    site.saw("service_down vigil", "heal_refused vigil", heals=0)
    assert reasons(site) == ["dry run: vigil would be healed now"]
    (folder,) = (site.state / "incidents").iterdir()
    assert json.loads((folder / "watch.json").read_text())["reason"] == reasons(site)[0]


def clock(ahead_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time.time() + ahead_s))


@pytest.mark.slow
def test_in_quiet_hours_an_incident_waits_and_says_so_once(site):
    site.watch_options["quiet_hours"] = (clock(-3600), clock(4))
    site.up("vigil")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_waits"))
    assert site.heals() == [] and "quiet hours until" in reasons(site, "heal_waits")[0]
    site.until(lambda: site.events("heal_ended"))
    site.saw("service_down vigil", "heal_waits vigil", "heal_started vigil", "heal_ended vigil", heals=1)


@pytest.mark.slow
def test_the_switch_turns_healing_off_and_on_again(site, system):
    system.client().set("autohealer:enabled", "0")
    site.up("vigil", "mesh")
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_refused"))
    system.client().set("autohealer:enabled", "1")
    time.sleep(0.5)
    site.processes["mesh"].kill()
    site.until(lambda: site.events("heal_ended"))
    site.saw(
        "service_down vigil", "heal_refused vigil", "service_down mesh", "heal_started mesh",
        "heal_ended mesh", heals=1,
    )  # fmt: skip
    assert reasons(site) == ["healing is switched off (autohealer:enabled)"]


@pytest.mark.slow
def test_a_fault_that_no_heal_cured_is_left_to_people(site):
    site.watch_options |= {"breaker": 1, "cooldown_s": 0.0}
    site.up("vigil")
    for count in (1, 2):
        crash(site)
        site.until(lambda count=count: len(site.events("service_down")) == count)
        site.until(lambda: site.events("heal_ended"))
        site.start("vigil")
        site.until(lambda count=count: len(site.events("service_recovered")) == count)
    site.until(lambda: site.events("heal_refused"))
    site.saw(
        "service_down vigil", "heal_started vigil", "heal_ended vigil", "service_recovered vigil",
        "service_down vigil", "heal_refused vigil", "service_recovered vigil", heals=1,
    )  # fmt: skip
    assert "left to people" in reasons(site)[0]


@pytest.mark.slow
def test_a_branch_that_people_took_away_is_a_no_that_the_next_watch_remembers(site):
    (site.state / "heal.py").write_text(HEAL_WITH_BRANCH)
    site.heal_seconds = str(site.root)
    site.watch_options |= {"full_every_s": 0.3, "cooldown_s": 0.0}
    site.up("vigil")
    crash(site)
    site.until(lambda: site.events("heal_ended"))
    git = ["git", "-C", str(site.root), "branch", "-q", "-D"]
    subprocess.run([*git, f"autoheal/vigil/{site.heals()[0]}"], check=True)
    site.until(lambda: site.events("declined"))
    site.end_watch()
    site.start("vigil")
    site.watch()
    time.sleep(1.0)
    crash(site)
    site.until(lambda: site.events("heal_refused"))
    site.saw(
        "service_down vigil", "heal_started vigil", "heal_ended vigil", "declined vigil",
        "service_down vigil", "heal_refused vigil", heals=1,
    )  # fmt: skip
    assert reasons(site) == ["people took away the branch for this fault unmerged: that is a no"]


@pytest.mark.slow
def test_somebody_who_keeps_calling_a_living_service_down_is_told_once(site, system):
    site.up("vigil")
    for _ in range(50):
        system.client().publish("healer:alerts", json.dumps({"event": "service_down", "service": "vigil"}))
        time.sleep(0.01)
    time.sleep(0.5)
    site.saw("heal_refused vigil", heals=0)
    assert reasons(site) == ["vigil was called down, but it beats"]
