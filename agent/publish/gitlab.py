"""GitLab by its REST interface, version 4."""

from __future__ import annotations

from functools import cached_property
from urllib.parse import quote

from pydantic import BaseModel

from agent.publish.forge import Proposal, PullRequest
from agent.publish.wire import Wire

PER_PAGE = 100
MOST_PAGES = 10
DRAFT = "Draft: "


class _Project(BaseModel):
    default_branch: str = "main"


class _MergeRequest(BaseModel):
    iid: int
    web_url: str
    title: str
    description: str | None = None
    source_branch: str
    source_project_id: int | None = None
    target_project_id: int


class GitLab:
    """One project, by its full path."""

    name = "GitLab"
    body_limit = 1_000_000

    def __init__(self, api: str, token: str, project: str) -> None:
        # As a bearer token it does not travel along when a redirect leads to another host.
        self._wire = Wire(api, token, {"Authorization": f"Bearer {token}"})
        self._path = f"/projects/{quote(project, safe='')}"

    @cached_property
    def _project(self) -> _Project:
        return self._wire.get(_Project, self._path)

    def default_branch(self) -> str:
        """The branch that changes are merged into."""
        return self._project.default_branch

    def open_requests(self, prefix: str) -> list[PullRequest]:
        """The open merge requests from branches of this project that start with `prefix`, newest first.

        One from a fork is none of ours, whatever its text says.
        """
        found = []
        for page in range(1, MOST_PAGES + 1):
            listed = self._wire.get(
                list[_MergeRequest], f"{self._path}/merge_requests",
                state="opened", order_by="created_at", sort="desc", per_page=PER_PAGE, page=page,
            )  # fmt: skip
            found += [_merge_request(one) for one in listed if one.source_project_id == one.target_project_id]
            if len(listed) < PER_PAGE:
                break
        return [one for one in found if one.head.startswith(prefix)]

    def create(self, proposal: Proposal) -> PullRequest:
        """Open a draft. The source branch goes when it is merged."""
        body = {
            "source_branch": proposal.head,
            "target_branch": proposal.base,
            "title": DRAFT + proposal.title,
            "description": proposal.body,
            "remove_source_branch": True,
        }
        return _merge_request(self._wire.send(_MergeRequest, "POST", f"{self._path}/merge_requests", body))

    def update(self, number: int, body: str) -> None:
        """Replace the description."""
        self._wire.send(object, "PUT", f"{self._path}/merge_requests/{number}", {"description": body})

    def comment(self, number: int, text: str) -> None:
        """Comment on the merge request."""
        self._wire.send(object, "POST", f"{self._path}/merge_requests/{number}/notes", {"body": text})

    def label(self, number: int, labels: tuple[str, ...]) -> None:
        """Add labels; GitLab makes those that are new."""
        self._wire.send(
            object, "PUT", f"{self._path}/merge_requests/{number}", {"add_labels": ",".join(labels)}
        )


def _merge_request(listed: _MergeRequest) -> PullRequest:
    return PullRequest(
        listed.iid, listed.web_url, listed.source_branch, listed.title, listed.description or ""
    )
