"""GitHub by its REST interface, version 2022-11-28."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel

from agent.publish.forge import Proposal, PullRequest, Refused
from agent.publish.wire import Wire

PER_PAGE = 100
MOST_PAGES = 10


class _Repository(BaseModel):
    full_name: str
    default_branch: str = "main"


class _Head(BaseModel):
    ref: str
    repo: _Repository | None = None


class _Pull(BaseModel):
    number: int
    html_url: str
    title: str
    body: str | None = None
    head: _Head


class GitHub:
    """One repository, `project` as owner/name."""

    name = "GitHub"
    body_limit = 65_536

    def __init__(self, api: str, token: str, project: str) -> None:
        headers = {
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "Authorization": f"Bearer {token}",
        }
        self._wire = Wire(api, token, headers)
        self._asked_for = project

    @cached_property
    def _repository(self) -> _Repository:
        """Asked once: a repository that was renamed answers with its present name."""
        return self._wire.get(_Repository, f"/repos/{quote(self._asked_for)}")

    @property
    def _path(self) -> str:
        return f"/repos/{quote(self._repository.full_name)}"

    def default_branch(self) -> str:
        """The branch that changes are merged into."""
        return self._repository.default_branch

    def open_requests(self, prefix: str) -> list[PullRequest]:
        """The open pull requests from branches of this repository that start with `prefix`, newest first.

        One from a fork is none of ours, whatever its text says.
        """
        found = []
        for page in range(1, MOST_PAGES + 1):
            listed = self._wire.get(
                list[_Pull], f"{self._path}/pulls",
                state="open", sort="created", direction="desc", per_page=PER_PAGE, page=page,
            )  # fmt: skip
            found += [_pull_request(one) for one in listed if self._is_own(one)]
            if len(listed) < PER_PAGE:
                break
        return [one for one in found if one.head.startswith(prefix)]

    def create(self, proposal: Proposal) -> PullRequest:
        """Open a draft; where the plan of the repository knows no drafts, an ordinary one."""
        body: dict[str, Any] = {
            "title": proposal.title,
            "head": proposal.head,
            "base": proposal.base,
            "body": proposal.body,
            "draft": True,
        }
        try:
            return _pull_request(self._wire.send(_Pull, "POST", f"{self._path}/pulls", body))
        except Refused as refused:
            if "draft pull requests are not supported" not in str(refused).lower():
                raise
        return _pull_request(self._wire.send(_Pull, "POST", f"{self._path}/pulls", {**body, "draft": False}))

    def update(self, number: int, body: str) -> None:
        """Replace the body."""
        self._wire.send(object, "PATCH", f"{self._path}/pulls/{number}", {"body": body})

    def comment(self, number: int, text: str) -> None:
        """Comment on the pull request."""
        self._wire.send(object, "POST", f"{self._path}/issues/{number}/comments", {"body": text})

    def label(self, number: int, labels: tuple[str, ...]) -> None:
        """Add labels; GitHub makes those that are new."""
        self._wire.send(object, "POST", f"{self._path}/issues/{number}/labels", {"labels": list(labels)})

    def _is_own(self, listed: _Pull) -> bool:
        origin = listed.head.repo
        return origin is not None and origin.full_name.lower() == self._repository.full_name.lower()


def _pull_request(listed: _Pull) -> PullRequest:
    return PullRequest(listed.number, listed.html_url, listed.head.ref, listed.title, listed.body or "")
