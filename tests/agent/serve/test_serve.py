"""The admin page: what it tells, what it takes, and from whom."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from html.parser import HTMLParser

import pytest

from agent.events import Noted, ToolUsed
from agent.report.html import POLICY
from agent.watch.tickets import Ticket, write_ticket

SECRET = "xai-" + "A1b2C3d4" * 6
JSON = {"Content_Type": "application/json"}
KNOWN = "correct-horse-battery"
"""A secret of no telling shape, which the checkout's configuration names."""
HTML = "<script>alert(1)</script>"


def test_what_marketswarms_page_reads(serve, state, redis_server):
    redis = redis_server()
    folder = state.incident()
    run = state.begin(folder)
    ticket = Ticket("vigil-1", "vigil", "running", opened=time.time(), started=time.time() - 5)
    write_ticket(folder.parent, ticket)
    served = serve(config=f'system_redis_url = "{redis.url}"')
    told = served.get("/api/health/healer").json()
    assert told["enabled"] is True
    assert told["active"] == ["vigil"]
    assert told["cooldowns"]["vigil"]["last_attempt"] == ticket.started
    assert 590 < told["cooldowns"]["vigil"]["remaining_sec"] <= 595
    assert [(entry["incident"], entry["state"]) for entry in told["history"]] == [("vigil-1", "running")]
    off = served.ask("POST", "/api/health/healer/toggle", '{"enabled": false}', **JSON)
    assert (off.status, off.json()) == (200, {"enabled": False})
    assert redis.client().get("autohealer:enabled") == "0"
    assert served.get("/api/health/healer").json()["enabled"] is False
    state.end(run)
    lines = served.get("/api/health/healer/log?lines=5").json()["lines"]
    assert len(lines) == 1
    assert "vigil-1 run 1 Started" in lines[0]
    for asked, count in (("0", 0), ("x", 1), ("99999999", 1), ("-1", 1)):
        assert len(served.get(f"/api/health/healer/log?lines={asked}").json()["lines"]) == count
    redis.freeze()
    began = time.monotonic()
    told = served.get("/api/health/healer").json()
    assert time.monotonic() - began < 3
    assert served.ask("POST", "/api/health/healer/toggle", '{"enabled": true}', **JSON).status == 503


@pytest.mark.slow
def test_a_switch_by_form_leads_back(serve, redis_server):
    redis = redis_server()
    served = serve(config=f'system_redis_url = "{redis.url}"')
    form = {
        "Content_Type": "application/x-www-form-urlencoded",
        "Origin": served.url,
        "Sec_Fetch_Site": "same-origin",
    }
    answer = served.ask("POST", "/switch", "enabled=false", **form)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert redis.client().get("autohealer:enabled") == "0"
    assert "Switch healing on" in served.get("/").body
    assert served.ask("POST", "/switch", "enabled=maybe", **form).status == 400


def test_every_step_comes_live_and_one_who_comes_back_misses_none(serve, state, rung, read_steps):
    run = state.begin(state.incident())
    served = serve()
    page = served.get("/").body
    assert 'id="run-vigil-1-1"' in page
    stream = served.stream()
    run.append(rung(1))
    run.append(rung(2))
    seen = read_steps(stream, 3)[-2:]
    assert [step["text"] for _, step in seen] == [f"gone: shown. step number {n}" for n in (1, 2)]
    assert seen[0][1]["mark"] == "ok"
    served.process.kill()
    served.process.wait(10)
    run.append(rung(3))
    again = serve("--port", str(served.port))
    assert "step number 3" in again.get("/").body, "what happened meanwhile is on the page"
    assert [step["text"] for _, step in read_steps(again.stream(Last_Event_ID=seen[0][0]), 2)] == [
        "gone: shown. step number 2",
        "gone: shown. step number 3",
    ]


@pytest.mark.slow
def test_sigterm_ends_it_with_open_streams(serve):
    served = serve()
    stream = served.stream()
    assert stream.status == 200
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(10) in (0, -signal.SIGTERM)


def test_hostile_text_and_secrets_reach_nobody(serve, state, read_steps, tmp_path):
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".env").write_text(f"DATABASE_PASSWORD={KNOWN}\n")
    folder = state.incident()
    run = state.begin(folder)
    write_ticket(folder.parent, Ticket("vigil-1", "vigil", "ended", reason=f"{HTML} {SECRET}"))
    served = serve("--repo", str(checkout))
    stream = served.stream()
    run.append(Noted(f"{HTML} {SECRET} {KNOWN} {state.store.root}/x \x1b[31m"))
    run.append(ToolUsed("read_log", SECRET, f"{HTML} {SECRET}", False, 0.1))
    # A line is cut here: half a secret has no telling shape any more.
    run.append(Noted(f"{'x' * 225} {SECRET}"))
    pages = [json.dumps([step for _, step in read_steps(stream, 4)])]
    answers = [served.get(path) for path in ("/", "/now", "/api/health/healer", "/api/health/healer/log")]
    state.end(run, summary=f"{HTML} {SECRET} {KNOWN} {'x' * 125} {SECRET}")
    run.write("report.md", f"key {SECRET} in {state.store.root}")
    time.sleep(1.1)
    report = "/incidents/vigil-1/runs/1/report.md"
    answers += [served.get(path) for path in ("/", "/now", "/stats", "/api/health/healer", report)]
    assert [answer.status for answer in answers] == [200] * len(answers)
    pages += [answer.body for answer in answers]
    for page in pages:
        assert "xai-A1b2" not in page
        assert KNOWN not in page
        assert str(state.store.root) not in page
    tags: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append(f"{tag} {dict(attrs).get('src')}")  # type: ignore[method-assign]
    parser.feed(served.get("/").body)
    assert [tag for tag in tags if tag.startswith("script")] == ["script /live.js"]


def test_only_what_was_written_for_people_is_served(serve, state):
    folder = state.incident()
    run = state.begin(folder)
    run.write("report.html", "<p>report</p>")
    run.write("trajectory.json", "[]")
    (run.path / "patch.diff").symlink_to("/etc/passwd")
    served = serve()
    page = served.get("/incidents/vigil-1/runs/1/report.html")
    assert (page.status, page.body, page.headers["content-security-policy"]) == (200, "<p>report</p>", POLICY)
    for path in (
        "runs/1/trajectory.json",
        "runs/1/patch.diff",
        "runs/1/..%2f..%2fincident.json",
        "runs/../report.html",
        "runs/2/report.html",
        "log.txt",
    ):
        assert served.get(f"/incidents/vigil-1/{path}").status == 404, path
    assert served.get("/incidents/..%2f..%2f/runs/1/report.html").status == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "10.0.0.1"]
)
def test_by_another_name_nothing_is_told(empty, host):
    assert empty.get("/", Host=host).status == 403
    assert empty.get("/events", Host=host).status == 403
    assert empty.get("/", Host=f"localhost:{empty.port}").status == 200


def test_another_site_can_change_nothing(empty):
    for headers in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"}):
        for path in ("/switch", "/api/health/healer/toggle", "/incidents/x/approve", "/login"):
            assert empty.ask("POST", path, "enabled=false", **headers).status == 403, (path, headers)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"enabled": false}', "text/plain"),
        ('{"enabled": "no"}', "application/json"),
        ("[" * 3000, "application/json"),
        ('{"enabled": false' + " " * 5000 + "}", "application/json"),
        ("", "application/json"),
    ],
)
def test_a_toggle_is_json_of_the_right_form(empty, body, kind):
    assert empty.ask("POST", "/api/health/healer/toggle", body, Content_Type=kind).status == 400


def test_every_answer_carries_the_policy(empty):
    for path in ("/", "/now", "/page.css", "/live.js", "/nothing", "/api/health/healer"):
        answer = empty.get(path)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'"), path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
    assert "http" not in empty.get("/page.css").body
    assert "http" not in empty.get("/live.js").body


def test_with_a_token_nobody_else_gets_in(serve, state):
    served = serve("--token")
    file = state.store.root / "serve.token"
    assert file.stat().st_mode & 0o777 == 0o600
    assert served.get("/").status == 401
    assert served.get("/events").status == 401
    assert served.get("/", Authorization="Bearer wrong").status == 401
    assert served.get("/", Accept="text/html").headers["location"] == "/login"
    assert served.get("/", Authorization=f"Bearer {served.token}").status == 200
    assert served.ask("POST", "/login", "token=wrong").status == 403
    answer = served.ask("POST", "/login", f"token={served.token}")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert str(served.token) not in cookie
    assert served.get("/", Cookie=cookie.partition(";")[0]).status == 200


@pytest.mark.slow
def test_beyond_this_machine_a_token_is_always_needed(serve):
    served = serve("--host", "0.0.0.0")
    assert served.token
    assert served.get("/").status == 401
    assert serve("--token").token == served.token, "a restart asks nobody to log in again"


@pytest.mark.parametrize("token", ["", "short"])
def test_a_weak_token_is_refused(state, tmp_path, token):
    from click.testing import CliRunner

    from agent.cli import main

    (tmp_path / "token").write_text(token)
    words = ["--state", str(state.store.root), "serve", "--token-file", str(tmp_path / "token")]
    told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "16 characters" in told.stderr


def test_a_port_that_is_taken_is_told(state):
    from click.testing import CliRunner

    from agent.cli import main

    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["--state", str(state.store.root), "serve", "--port", str(taken.getsockname()[1])]
        told = CliRunner().invoke(main, words)
    assert told.exit_code == 2
    assert "cannot listen" in told.stderr


def git(repo, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@t"]
    return subprocess.run(
        ["git", "-C", str(repo), *identity, *words], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def waiting(state, tmp_path):
    """A repository with a remote, and a branch of ours in it that waits for a person."""
    from agent.publish.publication import Publication, keep

    remote, repo = tmp_path / "remote.git", tmp_path / "repo"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main")
    (repo / "a").write_text("a")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "first")
    git(repo, "remote", "add", "origin", str(remote))
    git(repo, "push", "-q", "origin", "main")
    git(repo, "checkout", "-q", "-b", "autoheal/vigil/vigil-1")
    (repo / "a").write_text("b")
    git(repo, "commit", "-q", "-am", "fix(vigil): b")
    git(repo, "checkout", "-q", "main")
    run = state.begin(state.incident(repo=str(repo)))
    branch = "autoheal/vigil/vigil-1"
    publication = Publication(
        target=repo, service="vigil", incident="vigil-1", run=1, fingerprint="f", ref=f"refs/heads/{branch}",
        base=git(repo, "rev-parse", "main"), tree=git(repo, "rev-parse", f"{branch}^{{tree}}"), title="fix(vigil): b",
        body="body", diagnosis={"root_cause": "x", "category": "bad_data", "fixable": True, "confidence": 1}, proof=(), proof_line="",
    )  # fmt: skip
    keep(run, publication)
    state.end(
        run, outcome="branch", branch=branch, branch_commit=git(repo, "rev-parse", branch), pushed=False
    )
    return repo, remote


APPROVAL = '[publish]\nremote = "origin"\napproval = true\n'


def test_an_approved_branch_is_pushed_once(serve, state, waiting):
    repo, remote = waiting
    served = serve(config=APPROVAL)
    assert "Approve and push" in served.get("/").body
    assert git(remote, "branch", "--list", "autoheal/*") == ""
    assert served.ask("POST", "/incidents/vigil-1/approve", "").status == 303
    assert git(remote, "rev-parse", "autoheal/vigil/vigil-1") == git(
        repo, "rev-parse", "autoheal/vigil/vigil-1"
    )
    assert "Approve and push" not in served.get("/").body
    assert served.ask("POST", "/incidents/vigil-1/approve", "").status == 409
    assert served.ask("POST", "/incidents/nothing/approve", "").status == 404


def test_a_declined_branch_is_taken_back_and_nothing_is_pushed(serve, waiting):
    repo, remote = waiting
    served = serve(config=APPROVAL)
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    reason = "reason=it+hides+the+fault"
    assert served.ask("POST", "/incidents/vigil-1/decline", reason, **form).status == 303
    page = served.get("/").body
    assert '<span class="badge open">declined</span>' in page
    assert "it hides the fault" in served.get("/api/health/healer").body
    assert git(repo, "branch", "--list", "autoheal/*") == ""
    assert git(remote, "branch", "--list", "autoheal/*") == ""
    assert served.ask("POST", "/incidents/vigil-1/approve", "").status == 409


@pytest.mark.slow
def test_a_branch_that_somebody_changed_is_not_taken_back(serve, waiting):
    repo, _ = waiting
    git(repo, "branch", "-f", "autoheal/vigil/vigil-1", "main")
    served = serve(config=APPROVAL)
    assert served.ask("POST", "/incidents/vigil-1/decline", "").status == 409
    assert "autoheal/vigil/vigil-1" in git(repo, "branch", "--list")


@pytest.mark.slow
def test_without_approval_configured_nothing_can_be_decided(serve, waiting):
    served = serve()
    assert "Approve" not in served.get("/").body
    assert served.ask("POST", "/incidents/vigil-1/approve", "").status == 409
    assert served.ask("POST", "/incidents/vigil-1/decline", "").status == 409
