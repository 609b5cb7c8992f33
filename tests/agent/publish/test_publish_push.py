"""A push to a real bare remote: one ref, never forced, by the user's configuration, with nobody's hooks."""

from __future__ import annotations

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.publish.push import PushRefused, PushUnavailable, is_on_remote, push, remote_named
from sandbox.target import locate


def push_it(place: Any) -> None:
    target = locate(place.target)
    push(target, remote_named(target, "origin"), place.commit, place.publication.ref)


def test_only_the_branch_is_pushed_and_the_target_stays_as_it_is(place: Any) -> None:
    place.git("tag", "-a", "v1", "-m", "a tag on the branch", place.publication.ref)
    place.git("branch", "private-work")
    place.git("config", "push.followTags", "true")
    before, mine = place.refs(place.bare), place.refs()
    config = (place.target / ".git" / "config").read_bytes()
    push_it(place)
    assert place.refs(place.bare) == {**before, place.publication.ref: place.commit}
    assert place.refs() == mine, "no remote-tracking branch appears in the target"
    assert (place.target / ".git" / "config").read_bytes() == config
    assert place.git("status", "--porcelain") == ""


def test_pushing_again_changes_nothing(place: Any) -> None:
    push_it(place)
    push_it(place)
    assert place.remote_branch() == place.commit


def test_what_stands_on_the_remote_is_never_overwritten(place: Any) -> None:
    other = place.git("commit-tree", "-p", place.base, "-m", "somebody's", f"{place.base}^{{tree}}")
    place.git("push", "-q", "origin", f"{other}:{place.publication.ref}")
    with pytest.raises(PushRefused, match=r"does not take the branch.*(fetch first|non-fast-forward)"):
        push_it(place)
    assert place.remote_branch() == other


def test_no_hook_of_the_checkout_or_of_the_user_runs(place: Any, own_git: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for folder in (place.target / ".git" / "hooks", tmp_path / "hooks"):
        folder.mkdir(exist_ok=True)
        hook = folder / "pre-push"
        hook.write_text(f"#!/bin/sh\necho $0 >> {ran}\nexit 1\n")
        hook.chmod(0o755)
    with own_git.open("a") as config:
        config.write(f"[core]\n\thooksPath = {tmp_path / 'hooks'}\n")
    assert subprocess.run(["git", "push", "-q", "origin", "main:x"], cwd=place.target).returncode != 0
    ran.unlink()
    push_it(place)
    assert not ran.exists()
    assert place.remote_branch() == place.commit


def test_the_rules_of_the_remote_hold_and_are_told(place: Any) -> None:
    hook = place.bare / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'branches named autoheal are forbidden' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushRefused, match="branches named autoheal are forbidden"):
        push_it(place)


def test_the_configuration_of_the_user_is_used(place: Any, own_git: Path) -> None:
    place.git("remote", "set-url", "origin", "market:swarm")
    with own_git.open("a") as config:
        config.write(f'[url "{place.bare}"]\n\tinsteadOf = market:swarm\n')
    push_it(place)
    assert place.remote_branch() == place.commit


def test_a_push_url_comes_first(place: Any) -> None:
    place.git("remote", "set-url", "origin", "/nowhere/at/all")
    place.git("remote", "set-url", "--push", "origin", str(place.bare))
    push_it(place)
    assert place.remote_branch() == place.commit


def test_variables_that_name_another_repository_are_ignored(
    place: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.version")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "2")
    push_it(place)
    monkeypatch.delenv("GIT_DIR")
    monkeypatch.delenv("GIT_OBJECT_DIRECTORY")
    assert place.remote_branch() == place.commit


def test_a_remote_that_is_not_there_is_named(place: Any) -> None:
    with pytest.raises(PushRefused, match="no remote 'upstream'"):
        remote_named(locate(place.target), "upstream")


def test_a_remote_that_runs_a_command_is_refused(place: Any, own_git: Path, tmp_path: Path) -> None:
    with own_git.open("a") as config:
        config.write("[protocol]\n\tallow = always\n")
    place.git("remote", "set-url", "origin", f"ext::touch {tmp_path / 'ran'}")
    with pytest.raises(PushRefused, match="not allowed"):
        push_it(place)
    assert not (tmp_path / "ran").exists()


def test_a_password_in_the_url_is_in_no_message(place: Any, free_port: Any) -> None:
    place.git("remote", "set-url", "origin", f"http://heal:hunter2secret9@127.0.0.1:{free_port()}/m.git")
    with pytest.raises(PushUnavailable) as failed:
        push_it(place)
    assert "hunter2secret9" not in str(failed.value)
    assert "origin" in str(failed.value)


class _Unauthorized(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def test_missing_credentials_are_told_and_nobody_is_asked(place: Any) -> None:
    server = HTTPServer(("127.0.0.1", 0), _Unauthorized)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        place.git("remote", "set-url", "origin", f"http://127.0.0.1:{server.server_port}/m.git")
        with pytest.raises(PushRefused, match="no credentials"):
            push_it(place)
    finally:
        server.shutdown()
        server.server_close()


def test_the_base_is_known_by_a_tracking_branch_or_by_asking(place: Any) -> None:
    target = locate(place.target)
    remote = remote_named(target, "origin")
    assert is_on_remote(target, remote, place.base)
    place.git("update-ref", "-d", "refs/remotes/origin/main")
    assert is_on_remote(target, remote, place.base), "ls-remote shows it"
    (place.target / "later.txt").write_text("on the remote by now\n")
    place.git("add", ".")
    place.git("commit", "-qm", "later")
    place.git("push", "-q", "origin", "main")
    place.git("update-ref", "-d", "refs/remotes/origin/main")
    assert is_on_remote(target, remote, place.base), "an ancestor of what the remote has"


def test_work_that_was_never_pushed_is_noticed(place: Any) -> None:
    (place.target / "private.txt").write_text("not for others\n")
    place.git("add", ".")
    place.git("commit", "-qm", "private work")
    target = locate(place.target)
    assert not is_on_remote(target, remote_named(target, "origin"), place.git("rev-parse", "HEAD"))
