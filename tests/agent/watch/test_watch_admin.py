"""The HTTP server of the watch: what it tells, what it takes, and from whom."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
from collections.abc import Iterator

import pytest

from agent.watch.admin import Admin
from agent.watch.closure import fate_of_branch
from agent.watch.facts import Facts

FACTS = Facts(
    enabled=True,
    services={"vigil": "up", "mesh": "down"},
    redis={"system-redis": True},
    active=["vigil"],
    cooldowns={"vigil": (1000.0, 12.34)},
    incidents={"ended": 3},
    history=[{"incident": "vigil-1"}],
    cost_usd=0.25,
)


@pytest.fixture
def switched() -> list[bool]:
    return []


@pytest.fixture
def admin(switched) -> Iterator[Admin]:
    def toggle(enabled: bool) -> bool:
        switched.append(enabled)
        return True

    server = Admin(0, lambda: FACTS, lambda count: [f"line {n}" for n in range(count)], toggle)
    yield server
    server.close()


def ask(admin: Admin, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", admin.port, timeout=5)
    try:
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_what_the_admin_page_reads(admin):
    code, text = ask(admin, "GET", "/api/health/healer")
    assert code == 200
    assert json.loads(text) == {
        "enabled": True,
        "active": ["vigil"],
        "cooldowns": {"vigil": {"last_attempt": 1000.0, "remaining_sec": 12.3}},
        "history": [{"incident": "vigil-1"}],
    }
    assert len(json.loads(ask(admin, "GET", "/api/health/healer/log?lines=3")[1])["lines"]) == 3
    assert len(json.loads(ask(admin, "GET", "/api/health/healer/log?lines=x")[1])["lines"]) == 100


def test_metrics(admin):
    code, text = ask(admin, "GET", "/metrics")
    assert code == 200
    assert 'autohealer_service_up{service="mesh"} 0' in text
    assert 'autohealer_incidents{state="ended"} 3' in text


def test_the_switch_is_set_by_json_only(admin, switched):
    json_type = {"Content_Type": "application/json"}
    assert ask(admin, "POST", "/api/health/healer/toggle", '{"enabled": false}', **json_type)[0] == 200
    for body, headers in (
        ('{"enabled": false}', {}),
        ('{"enabled": false}', {"Content_Type": "text/plain"}),
        ('{"enabled": "no"}', json_type),
        ("{", json_type),
        ("[" * 2000, json_type),
        ("x" * 5000, json_type),
        ("", json_type),
    ):
        assert ask(admin, "POST", "/api/health/healer/toggle", body, **headers)[0] == 400, body[:20]
    assert switched == [False]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_request_by_another_name_is_refused(admin, switched, host):
    body, kind = '{"enabled": false}', "application/json"
    assert ask(admin, "GET", "/api/health/healer", Host=host)[0] == 403
    assert ask(admin, "POST", "/api/health/healer/toggle", body, Host=host, Content_Type=kind)[0] == 403
    assert switched == []


def test_nothing_else_is_there(admin):
    assert ask(admin, "GET", "/")[0] == 404
    assert ask(admin, "POST", "/metrics", "{}")[0] == 404


def test_a_watch_serves_what_it_knows(site, free_port):
    port = site.watch_options["metrics_port"] = free_port()
    site.up("vigil")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", "/metrics")
    assert 'autohealer_service_up{service="vigil"} 1' in connection.getresponse().read().decode()
    body, headers = '{"enabled": false}', {"Content-Type": "application/json"}
    connection.request("POST", "/api/health/healer/toggle", body, headers)
    assert connection.getresponse().read() == b'{"enabled": false}'
    connection.close()
    site.processes["vigil"].kill()
    site.until(lambda: site.events("heal_refused"))
    assert site.heals() == []


def run_git(repo, *args: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    done = subprocess.run(["git", *identity, *args], cwd=repo, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def branched(tmp_path):
    """A repository with a branch that changes one file, and the result that names it."""
    repo = tmp_path / "repo"
    repo.mkdir()
    run_git(repo, "init", "-q", "-b", "main")
    (repo / "a.py").write_text("one\n")
    run_git(repo, "add", ".")
    run_git(repo, "commit", "-q", "-m", "first")
    run_git(repo, "checkout", "-q", "-b", "autoheal/vigil/x")
    (repo / "a.py").write_text("two\n")
    run_git(repo, "commit", "-q", "-am", "heal")
    commit = run_git(repo, "rev-parse", "HEAD")
    run_git(repo, "checkout", "-q", "main")
    return repo, {"branch": "autoheal/vigil/x", "branch_commit": commit}


def test_a_branch_is_open_then_merged(branched):
    repo, result = branched
    assert fate_of_branch(repo, result) == "open"
    run_git(repo, "merge", "-q", "--no-ff", "-m", "merge", "autoheal/vigil/x")
    assert fate_of_branch(repo, result) == "merged"


def test_a_branch_that_was_squashed_is_merged(branched):
    repo, result = branched
    (repo / "b.py").write_text("other\n")
    run_git(repo, "add", ".")
    run_git(repo, "commit", "-q", "-m", "other")
    run_git(repo, "merge", "-q", "--squash", "autoheal/vigil/x")
    run_git(repo, "commit", "-q", "-m", "squashed")
    run_git(repo, "branch", "-q", "-D", "autoheal/vigil/x")
    assert fate_of_branch(repo, result) == "merged"


def test_a_branch_that_was_deleted_unmerged_is_gone(branched):
    repo, result = branched
    run_git(repo, "branch", "-q", "-D", "autoheal/vigil/x")
    assert fate_of_branch(repo, result) == "gone"


@pytest.mark.parametrize("result", [{}, {"branch": "x", "branch_commit": "--help"}, {"branch": 1}])
def test_a_result_without_a_branch_is_open(branched, result, tmp_path):
    repo, whole = branched
    assert fate_of_branch(repo, result) == "open"
    assert fate_of_branch(tmp_path / "nowhere", whole) == "open"


HEAL_WITH_BRANCH = """
import json, pathlib, subprocess, sys
state, repo, incident = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
git = lambda *a: subprocess.run(["git", "-C", repo, "-c", "user.name=t", "-c", "user.email=t@t", *a],
                                check=True, capture_output=True, text=True).stdout.strip()
name = f"autoheal/vigil/{incident}"
tree = git("write-tree")
commit = git("commit-tree", "-p", "HEAD", "-m", f"heal {incident}", git("rev-parse", "HEAD^{tree}"))
git("update-ref", f"refs/heads/{name}", commit)
run = state / "incidents" / incident / "runs" / "1"
run.mkdir(parents=True)
(run / "result.json").write_text(json.dumps({"run": 1, "outcome": "branch", "branch": name, "branch_commit": commit}))
"""


@pytest.mark.slow
def test_a_merged_branch_closes_its_incident_and_its_return_is_told(site):
    (site.state / "heal.py").write_text(HEAL_WITH_BRANCH)
    site.watch_options |= {"healed_s": 0.5, "full_every_s": 0.3, "cooldown_s": 0.0}
    site.heal_seconds = str(site.root)
    site.up("vigil")
    site.operator_stops("vigil")
    site.start("vigil", "crash").wait(5)
    site.until(lambda: site.events("heal_ended"))
    first = next(s.incident for s in site.signals if s.event == "heal_ended")
    run_git(site.root, "merge", "-q", "--no-ff", "-m", "merge", f"autoheal/vigil/{first}")
    site.start("vigil")
    site.until(lambda: site.events("healed"))
    site.operator_stops("vigil")
    site.start("vigil", "crash").wait(5)
    site.until(lambda: len(site.events("service_down")) == 2)
    again = [s for s in site.signals if s.event == "service_down"][-1]
    assert again.data["recurs"] == first
    assert time.time() - again.ts < 10
