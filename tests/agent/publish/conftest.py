"""Real remotes and two forges to talk to: HTTP servers on this machine that answer as documented."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from agent.diagnosis import Category, Diagnosis
from agent.publish import Publication
from agent.publish.body import marker
from agent.result import RungResult

PROJECT = "swarm/market"
TOKEN = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
FINGERPRINT = "0123456789abcdef"


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's git configuration is a file of the test's; no forge's token is in the environment."""
    config = tmp_path / "user.gitconfig"
    config.write_text("[user]\n\tname = U\n\temail = u@example.invalid\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in (
        "GITHUB_TOKEN",
        "GH_TOKEN",
        "GITLAB_TOKEN",
        "GH_ENTERPRISE_TOKEN",
        "GITHUB_ENTERPRISE_TOKEN",
    ):
        monkeypatch.delenv(name, raising=False)
    return config


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@dataclass(frozen=True, slots=True)
class Place:
    """A target whose remote is a bare repository, and a branch of ours that only the target has."""

    target: Path
    bare: Path
    base: str
    commit: str
    publication: Publication

    def git(self, *words: str) -> str:
        return git(self.target, *words)

    def refs(self, folder: Path | None = None) -> dict[str, str]:
        """Every ref of a repository with its object."""
        told = git(folder or self.target, "for-each-ref", "--format=%(refname) %(objectname)")
        return dict(line.split(" ") for line in told.splitlines())

    def remote_branch(self) -> str | None:
        return self.refs(self.bare).get(self.publication.ref)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A target and its remote, made once; each test gets a copy."""
    folder = tmp_path_factory.mktemp("template")
    bare, target = folder / "bare.git", folder / "target"
    git(folder, "init", "-q", "--bare", "-b", "main", str(bare))
    git(folder, "init", "-q", "-b", "main", str(target))
    for name, value in (("user.name", "U"), ("user.email", "u@example.invalid")):
        git(target, "config", name, value)
    (target / "services" / "vigil").mkdir(parents=True)
    (target / "services" / "vigil" / "main.py").write_text("x = 1\n")
    git(target, "add", ".")
    git(target, "commit", "-qm", "a healthy service")
    git(target, "remote", "add", "origin", "../bare.git")
    git(target, "push", "-q", "origin", "main")
    return folder


@pytest.fixture
def place(template: Path, tmp_path: Path) -> Place:
    bare, target = tmp_path / "bare.git", tmp_path / "target"
    shutil.copytree(template / "bare.git", bare)
    shutil.copytree(template / "target", target)
    config = target / ".git" / "config"
    config.write_text(config.read_text().replace("../bare.git", str(bare)))
    base = git(target, "rev-parse", "HEAD")
    (target / "services" / "vigil" / "main.py").write_text("x = 2\n")
    git(target, "add", ".")
    tree = git(target, "write-tree")
    git(target, "reset", "-q", "--hard", "main")
    commit = git(target, "commit-tree", "-p", base, "-m", "fix(vigil): two", tree)
    publication = published(target, base, tree)
    git(target, "update-ref", publication.ref, commit)
    return Place(target, bare, base, commit, publication)


def published(target: Path, base: str, tree: str, incident: str = "vigil-1", run: int = 1) -> Publication:
    body = f"{marker(FINGERPRINT, incident, run)}\n**vigil died.**\n<!-- autohealer end of story -->\nIncident: {incident}\n"
    return Publication(
        target=target, service="vigil", incident=incident, run=run, fingerprint=FINGERPRINT,
        ref=f"refs/heads/autoheal/vigil/{incident}", base=base, tree=tree,
        title="fix(vigil): two is not one", body=body,
        diagnosis=Diagnosis(root_cause="one", category=Category.BAD_DATA, fixable=True, confidence=0.9),
        proof=(RungResult(name="gone", state="shown", detail="it beats"),), proof_line="1 of 1 rungs shown: gone",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one request. With `done` it is carried out first; without a status the line is cut."""

    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    done: bool = False


@dataclass(slots=True)
class Forge:
    """A forge with one project. `faults` maps "POST pulls" and the like to what goes wrong, in order."""

    kind: str
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    comments: dict[int, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    drafts: bool = True
    hidden: int = 0
    renamed_to: str = ""
    pages: list[str] = field(default_factory=list)

    def opened(self) -> list[dict[str, Any]]:
        return [one for one in self.requests if one["state"] == "open"]

    def add(self, head: str, body: str, *, fork: bool = False) -> dict[str, Any]:
        """Somebody opens a request by other means."""
        return self.create(head, "main", "a title", body, draft=False, fork=fork)

    def create(
        self, head: str, base: str, title: str, body: str, *, draft: bool, fork: bool = False
    ) -> dict[str, Any]:
        made = {
            "number": len(self.requests) + 1, "head": head, "base": base, "title": title, "body": body,
            "draft": draft, "fork": fork, "state": "open", "labels": [],
        }  # fmt: skip
        self.requests.append(made)
        return made


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def forge(self) -> Forge:
        return self.server.plays

    def do_GET(self) -> None:
        self.respond({})

    def do_POST(self) -> None:
        self.respond(json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def do_PATCH(self) -> None:
        self.do_POST()

    def do_PUT(self) -> None:
        self.do_POST()

    def respond(self, body: dict[str, Any]) -> None:
        forge, split = self.forge, urlsplit(self.path)
        if split.path == "/webhook":
            forge.pages.append(body["text"])
            self.answer(200, "ok", {})
            return
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        name = f"{self.command} {split.path.rstrip('/').rpartition('/')[2]}"
        forge.asked.append(f"{self.command} {unquote(split.path)}")
        forge.tokens.add(self.headers.get("authorization", "").removeprefix("Bearer "))
        waiting = forge.faults.get(name) or []
        fault = waiting.pop(0) if waiting else None
        if fault is not None and not fault.done:
            self.answer(fault.status, fault.body, fault.headers)
            return
        if self.headers.get("authorization") != f"Bearer {TOKEN}":
            self.answer(401, {"message": "Bad credentials"}, {})
            return
        asked = self.github if forge.kind == "github" else self.gitlab
        status, answer, headers = asked(unquote(split.path), query, body)
        if fault is not None:
            status, answer, headers = fault.status, fault.body, fault.headers
        self.answer(status, answer, headers)

    def answer(self, status: int | None, body: Any, headers: dict[str, str]) -> None:
        if status is None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            self.connection.close()
            self.close_connection = True
            return
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(raw)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def page(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """Newest first, without the ones that a lagging list does not show yet."""
        forge = self.forge
        shown = forge.opened()
        if forge.hidden:
            forge.hidden -= 1
            shown = shown[:-1]
        first = (int(query["page"]) - 1) * int(query["per_page"])
        return shown[::-1][first : first + int(query["per_page"])]

    def github(
        self, path: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any, dict[str, str]]:
        forge = self.forge
        project = forge.renamed_to or PROJECT
        if forge.renamed_to and path.startswith(f"/repos/{PROJECT}"):
            there = path.replace(PROJECT, forge.renamed_to)
            return 301, {"message": "Moved Permanently"}, {"location": f"{forge.url}{there}"}
        if not path.startswith(f"/repos/{project}"):
            return 404, {"message": "Not Found", "documentation_url": "https://docs.example.invalid"}, {}
        rest = path.removeprefix(f"/repos/{project}")
        if rest == "":
            return 200, {"full_name": project, "default_branch": "main", "private": True}, {}
        if rest == "/pulls" and self.command == "GET":
            assert query["state"] == "open"
            return 200, [self.pull(one) for one in self.page(query)], {}
        if rest == "/pulls":
            return self.github_create(body)
        number = int(re.findall(r"/(\d+)", rest)[0])
        one = forge.requests[number - 1]
        if rest == f"/pulls/{number}" and self.command == "PATCH":
            one.update(body)
            return 200, self.pull(one), {}
        if rest == f"/issues/{number}/labels":
            one["labels"] = [*one["labels"], *(name for name in body["labels"] if name not in one["labels"])]
            return 200, [{"name": name} for name in one["labels"]], {}
        assert rest == f"/issues/{number}/comments"
        forge.comments.setdefault(number, []).append(body["body"])
        return 201, {"id": 1, "body": body["body"]}, {}

    def github_create(self, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        forge = self.forge
        problem = None
        if len(body["body"]) > 65536:
            problem = {
                "resource": "PullRequest",
                "code": "custom",
                "field": "body",
                "message": "body is too long (maximum is 65536 characters)",
            }
        elif any(one["head"] == body["head"] and not one["fork"] for one in forge.opened()):
            problem = {
                "resource": "PullRequest",
                "code": "custom",
                "message": f"A pull request already exists for swarm:{body['head']}.",
            }
        elif body["draft"] and not forge.drafts:
            return 422, {"message": "Draft pull requests are not supported in this repository."}, {}
        if problem:
            return 422, {"message": "Validation Failed", "errors": [problem]}, {}
        made = forge.create(body["head"], body["base"], body["title"], body["body"], draft=body["draft"])
        return 201, self.pull(made), {}

    def pull(self, one: dict[str, Any]) -> dict[str, Any]:
        owner = "stranger/market" if one["fork"] else self.forge.renamed_to or PROJECT
        return {
            "number": one["number"], "title": one["title"], "body": one["body"], "draft": one["draft"],
            "html_url": f"https://forge.invalid/{PROJECT}/pull/{one['number']}", "state": one["state"],
            "head": {"ref": one["head"], "repo": {"full_name": owner, "default_branch": "main"}},
        }  # fmt: skip

    def gitlab(
        self, path: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any, dict[str, str]]:
        forge = self.forge
        if not path.startswith(f"/projects/{PROJECT}"):
            return 404, {"message": "404 Project Not Found"}, {}
        rest = path.removeprefix(f"/projects/{PROJECT}")
        if rest == "":
            return 200, {"id": 7, "default_branch": "main", "path_with_namespace": PROJECT}, {}
        if rest == "/merge_requests" and self.command == "GET":
            assert query["state"] == "opened"
            return 200, [self.merge_request(one) for one in self.page(query)], {}
        if rest == "/merge_requests":
            there = [one for one in forge.opened() if one["head"] == body["source_branch"]]
            if there:
                text = (
                    f"Another open merge request already exists for this source branch: !{there[0]['number']}"
                )
                return 409, {"message": [text]}, {}
            draft = body["title"].startswith("Draft: ")
            made = forge.create(
                body["source_branch"], body["target_branch"], body["title"], body["description"], draft=draft
            )
            return 201, self.merge_request(made), {}
        number = int(re.findall(r"/(\d+)", rest)[0])
        one = forge.requests[number - 1]
        if rest == f"/merge_requests/{number}":
            one["body"] = body.get("description", one["body"])
            one["labels"] = [*one["labels"], *filter(None, body.get("add_labels", "").split(","))]
            return 200, self.merge_request(one), {}
        assert rest == f"/merge_requests/{number}/notes"
        forge.comments.setdefault(number, []).append(body["body"])
        return 201, {"id": 1, "body": body["body"]}, {}

    def merge_request(self, one: dict[str, Any]) -> dict[str, Any]:
        return {
            "iid": one["number"], "title": one["title"], "description": one["body"], "draft": one["draft"],
            "web_url": f"https://forge.invalid/{PROJECT}/-/merge_requests/{one['number']}", "state": "opened",
            "source_branch": one["head"], "source_project_id": 8 if one["fork"] else 7, "target_project_id": 7,
        }  # fmt: skip


ForgeFactory = Callable[[str], Forge]


@pytest.fixture
def start_forge(monkeypatch: pytest.MonkeyPatch, http_server: Callable[..., Any]) -> ForgeFactory:
    """`start_forge("github")` starts one on a free port, with a token for it in the environment."""

    def start(kind: str) -> Forge:
        server = http_server(Handler)
        server.plays = Forge(kind, server.url)
        monkeypatch.setenv("GITHUB_TOKEN" if kind == "github" else "GITLAB_TOKEN", TOKEN)
        return server.plays

    return start


@pytest.fixture(params=["github", "gitlab"])
def forge(request: pytest.FixtureRequest, start_forge: ForgeFactory) -> Forge:
    return start_forge(request.param)


@pytest.fixture
def fault() -> type[Fault]:
    """The class of a fault, since a test cannot import this file."""
    return Fault


@pytest.fixture
def publication_for() -> Callable[..., Publication]:
    return published


@pytest.fixture
def without_gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH that has git and no gh."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh"):
        found = next(
            Path(part) / name for part in os.environ["PATH"].split(":") if (Path(part) / name).exists()
        )
        (tools / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))
