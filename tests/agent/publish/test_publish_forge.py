"""Pull and merge requests against forges that speak their documented interface: at most one, and never a lie."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from agent.events import Event, PublishFailed, PullRequestIntended, PullRequestOpened, Pushed, PushIntended
from agent.publish import Carrier, Delivery, Patience
from agent.publish.address import address_of, forge_at
from agent.publish.body import fit
from agent.publish.forge import ForgeError, Unauthorized
from agent.settings import PublishSettings

QUICK = Patience(attempts=4, pause_s=0.01, total_s=5.0)
CREATE = {"github": "POST pulls", "gitlab": "POST merge_requests"}
LIST = {"github": "GET pulls", "gitlab": "GET merge_requests"}


class Delivered:
    """One delivery and everything that it said."""

    def __init__(
        self, place: Any, forge: Any, publication: Any = None, patience: Patience = QUICK, **more: Any
    ) -> None:
        self.events: list[Event] = []
        settings = PublishSettings(
            **{"remote": "origin", "forge": forge.kind, "project": "swarm/market", "api": forge.url, **more}
        )
        carrier = Carrier(
            publication or place.publication,
            place.commit,
            settings,
            Path("run"),
            self.events.append,
            patience,
        )
        self.delivery: Delivery = carrier.deliver()

    @property
    def failures(self) -> str:
        return "\n".join(event.text for event in self.events if isinstance(event, PublishFailed))


def test_a_draft_is_opened_with_title_body_and_labels(place: Any, forge: Any) -> None:
    made = Delivered(place, forge)
    (request,) = forge.requests
    assert request["draft"]
    assert request["title"].removeprefix("Draft: ") == "fix(vigil): two is not one"
    assert (request["head"], request["base"]) == ("autoheal/vigil/vigil-1", "main")
    assert request["body"] == place.publication.body
    assert request["labels"] == ["autohealer", "service:vigil"]
    assert made.delivery.pushed
    assert made.delivery.pull_request is not None
    assert made.delivery.pull_request.endswith("/1")
    assert made.delivery.by_hand == ()
    assert place.remote_branch() == place.commit
    kinds = [type(event) for event in made.events]
    assert kinds == [PushIntended, Pushed, PullRequestIntended, PullRequestOpened]


def test_delivering_again_finds_it(place: Any, forge: Any) -> None:
    first = Delivered(place, forge)
    again = Delivered(place, forge)
    assert len(forge.requests) == 1
    assert again.delivery.pull_request == first.delivery.pull_request
    assert [event.how for event in again.events if isinstance(event, PullRequestOpened)] == ["found"]


@pytest.mark.parametrize("done", [True, False], ids=["carried out", "lost"])
def test_a_line_cut_after_the_request_was_sent_makes_one(
    place: Any, forge: Any, fault: Any, done: bool
) -> None:
    forge.faults = {CREATE[forge.kind]: [fault(done=done)]}
    made = Delivered(place, forge)
    assert len(forge.requests) == 1
    assert made.delivery.pull_request is not None
    assert made.failures == ""


def test_a_line_cut_again_and_again_makes_one_at_most_and_is_told(place: Any, forge: Any, fault: Any) -> None:
    forge.faults = {CREATE[forge.kind]: [fault(done=True)], LIST[forge.kind]: [fault() for _ in range(9)]}
    made = Delivered(place, forge)
    assert len(forge.requests) <= 1
    assert made.delivery.pull_request is None
    assert "the branch is pushed, but there is no pull request" in made.failures
    assert place.remote_branch() == place.commit


def test_a_list_that_lags_behind_makes_one(place: Any, forge: Any, fault: Any) -> None:
    forge.faults = {CREATE[forge.kind]: [fault(500, {"message": "oops"}, done=True)]}
    forge.hidden = 2
    made = Delivered(place, forge)
    assert len(forge.requests) == 1
    assert made.delivery.pull_request is not None


def test_a_server_error_is_tried_again(place: Any, forge: Any, fault: Any) -> None:
    forge.faults = {CREATE[forge.kind]: [fault(500, "<html>oops</html>"), fault(502, "bad gateway")]}
    made = Delivered(place, forge)
    assert len(forge.requests) == 1
    assert made.failures == ""


def test_server_errors_without_end_are_told(place: Any, forge: Any, fault: Any) -> None:
    forge.faults = {CREATE[forge.kind]: [fault(500, {"message": "we are down"}) for _ in range(9)]}
    made = Delivered(place, forge)
    assert forge.requests == []
    assert "HTTP 500: we are down" in made.failures
    assert made.delivery == Delivery(True, None, made.delivery.by_hand)


def test_an_expired_token_leaves_the_branch_and_the_command(
    place: Any, forge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = "expired0token1that2nobody3accepts"
    monkeypatch.setenv("GITHUB_TOKEN" if forge.kind == "github" else "GITLAB_TOKEN", old)
    made = Delivered(place, forge)
    assert forge.requests == []
    assert place.remote_branch() == place.commit
    assert "the token is not accepted: it may have expired" in made.failures
    assert old not in made.failures
    (command,) = made.delivery.by_hand
    assert command.startswith("gh pr create --draft" if forge.kind == "github" else "glab mr create --draft")
    assert "autoheal/vigil/vigil-1" in command
    assert len(forge.asked) == 1, "a token that is refused is not tried again"


def test_a_token_without_the_right_is_told(place: Any, forge: Any, fault: Any) -> None:
    said = {"message": "Resource not accessible by personal access token"}
    forge.faults = {CREATE[forge.kind]: [fault(403, said)]}
    made = Delivered(place, forge)
    assert forge.requests == []
    assert "the token may not do this" in made.failures
    assert said["message"] in made.failures


def test_a_project_that_is_not_there_is_told(place: Any, forge: Any) -> None:
    made = Delivered(place, forge, project="swarm/nothing")
    assert "there is no such project, or the token may not see it" in made.failures
    assert made.delivery.pushed


@pytest.mark.parametrize("status", [403, 429])
def test_a_short_rate_limit_is_waited_for(place: Any, start_forge: Any, fault: Any, status: int) -> None:
    forge = start_forge("github" if status == 403 else "gitlab")
    told = {"retry-after": "1"}
    forge.faults = {CREATE[forge.kind]: [fault(status, {"message": "too many"}, told)]}
    began = time.monotonic()
    made = Delivered(place, forge)
    assert time.monotonic() - began >= 1.0
    assert len(forge.requests) == 1
    assert made.failures == ""


def test_a_long_rate_limit_is_told_at_once(place: Any, forge: Any, fault: Any) -> None:
    told = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 1800)}
    forge.faults = {CREATE[forge.kind]: [fault(403, {"message": "API rate limit exceeded"}, told)]}
    began = time.monotonic()
    made = Delivered(place, forge)
    assert time.monotonic() - began < 5
    assert forge.requests == []
    assert "too many requests" in made.failures
    assert made.delivery.by_hand


def test_what_the_forge_refuses_for_good_is_told_in_its_words(place: Any, forge: Any, fault: Any) -> None:
    said = {"message": "Validation Failed", "errors": [{"message": "No commits between main and autoheal"}]}
    forge.faults = {CREATE[forge.kind]: [fault(422, said)]}
    made = Delivered(place, forge)
    assert "No commits between main and autoheal" in made.failures
    assert sum(asked.startswith("POST") for asked in forge.asked) == 1


def test_an_answer_that_is_no_forges_is_told(place: Any, forge: Any, fault: Any) -> None:
    forge.faults = {LIST[forge.kind]: [fault(200, "<html>please log in</html>") for _ in range(9)]}
    made = Delivered(place, forge)
    assert forge.requests == []
    assert "please log in" in made.failures
    forge.faults = {LIST[forge.kind]: [fault(200, {"hello": "world"}) for _ in range(9)]}
    assert "not an answer of a forge" in Delivered(place, forge).failures


def test_the_same_fault_updates_the_open_one(place: Any, forge: Any, publication_for: Any) -> None:
    Delivered(place, forge)
    forge.requests[0]["body"] += "\nA reviewer wrote this.\n"
    later = publication_for(place.target, place.base, place.publication.tree, "vigil-2")
    made = Delivered(place, forge, later)
    (request,) = forge.requests
    assert [event.how for event in made.events if isinstance(event, PullRequestOpened)] == ["updated"]
    assert "It happened again" in request["body"]
    assert "`vigil-2`" in request["body"]
    assert "A reviewer wrote this." in request["body"]
    assert request["head"] == "autoheal/vigil/vigil-1"
    assert [len(comments) for comments in forge.comments.values()] == [1]
    assert later.ref in place.refs(place.bare), "the newer branch is there to compare with"
    Delivered(place, forge, later)
    assert request["body"].count("`vigil-2`") == 1
    assert len(forge.comments[1]) == 1, "told once"
    third = publication_for(place.target, place.base, place.publication.tree, "vigil-3", 2)
    Delivered(place, forge, third)
    assert request["body"].count("It happened again") == 1
    assert request["body"].index("vigil-2") < request["body"].index("vigil-3")


def test_a_closed_one_is_not_reopened(place: Any, forge: Any, publication_for: Any) -> None:
    Delivered(place, forge)
    forge.requests[0]["state"] = "closed"
    Delivered(place, forge, publication_for(place.target, place.base, place.publication.tree, "vigil-2"))
    assert [one["head"] for one in forge.opened()] == ["autoheal/vigil/vigil-2"]


def test_a_strangers_request_with_our_marker_is_none_of_ours(place: Any, forge: Any) -> None:
    forge.add("autoheal/vigil/old", place.publication.body, fork=True)
    forge.add("somebodys-branch", place.publication.body)
    quoted = f"no marker of ours first\n```\n{place.publication.body}\n```"
    forge.add("autoheal/other/old", quoted)
    Delivered(place, forge)
    assert [one["head"] for one in forge.opened()][-1] == "autoheal/vigil/vigil-1"
    assert forge.comments == {}


def test_no_more_are_opened_than_may_be(place: Any, forge: Any) -> None:
    for number in range(3):
        forge.add(f"autoheal/other/x-{number}", "another fault")
    forge.add("autoheal/other/forked", "", fork=True)
    made = Delivered(place, forge, most_open=3)
    assert len(forge.requests) == 4
    assert "3 pull requests of AutoHealer are open" in made.failures
    assert made.delivery.pushed
    assert made.delivery.by_hand
    assert Delivered(place, forge, most_open=4).delivery.pull_request is not None


def test_ours_are_found_on_a_later_page(place: Any, forge: Any) -> None:
    Delivered(place, forge)
    for number in range(130):
        forge.add(f"feature-{number}", "")
    again = Delivered(place, forge)
    assert again.delivery.pull_request is not None
    assert again.delivery.pull_request.endswith("/1")
    assert len(forge.requests) == 131


def test_a_body_over_the_limit_is_cut_and_says_where_all_of_it_is(place: Any, start_forge: Any) -> None:
    forge = start_forge("github")
    story = "é" * 79 + "\n"
    long = place.publication.body.replace("**vigil died.**", "```diff\n" + story * 1000 + "```")
    publication = place.publication.model_copy(update={"body": long})
    Delivered(place, forge, publication)
    body = forge.requests[0]["body"]
    assert len(body.encode()) <= 65_536
    assert body.startswith("<!-- autohealer fingerprint=")
    assert "autohealer show vigil-1" in body
    assert body.endswith("Incident: vigil-1\n"), "the trailers are not what is cut"
    assert body.count("```") % 2 == 0, "an open block would swallow the rest"


def test_a_short_body_stays_as_it_is(place: Any) -> None:
    assert fit(place.publication.body, 65_536, "vigil-1") == place.publication.body


def test_without_drafts_an_ordinary_one_is_opened(place: Any, start_forge: Any) -> None:
    forge = start_forge("github")
    forge.drafts = False
    made = Delivered(place, forge)
    assert made.delivery.pull_request is not None
    assert [one["draft"] for one in forge.requests] == [False]


def test_a_renamed_repository_is_followed(place: Any, start_forge: Any) -> None:
    forge = start_forge("github")
    forge.renamed_to = "swarm/bazaar"
    made = Delivered(place, forge)
    assert made.delivery.pull_request is not None, made.failures
    assert "POST /repos/swarm/bazaar/pulls" in forge.asked


def test_missing_labels_are_no_missing_request(place: Any, start_forge: Any, fault: Any) -> None:
    forge = start_forge("github")
    forge.faults = {"POST labels": [fault(403, {"message": "no"})]}
    made = Delivered(place, forge)
    assert made.delivery.pull_request is not None
    assert "open without its labels" in made.failures


def test_another_base_can_be_named(place: Any, forge: Any) -> None:
    Delivered(place, forge, base="release")
    assert forge.requests[0]["base"] == "release"


@pytest.mark.usefixtures("without_gh")
def test_without_a_token_the_report_says_which_is_missing(
    place: Any, forge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    made = Delivered(place, forge)
    assert ("GITHUB_TOKEN" if forge.kind == "github" else "GITLAB_TOKEN") in made.failures
    assert forge.asked == []
    assert place.remote_branch() == place.commit


def test_the_token_of_gh_is_used(
    place: Any, start_forge: Any, without_gh: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forge = start_forge("github")
    token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    monkeypatch.delenv("GITHUB_TOKEN")
    gh = tmp_path / "tools" / "gh"
    gh.write_text(f'#!/bin/sh\n[ "$1 $2" = "auth token" ] && echo {token}\n')
    gh.chmod(0o755)
    assert Delivered(place, forge).delivery.pull_request is not None
    assert forge.tokens == {token}


def test_nothing_is_pushed_without_a_remote_and_the_command_is_told(place: Any, forge: Any) -> None:
    made = Delivered(place, forge, remote="")
    assert made.delivery == Delivery(
        by_hand=(f"git push origin {place.publication.ref}:{place.publication.ref}",)
    )
    assert place.remote_branch() is None
    assert forge.asked == []


def test_nothing_is_pushed_before_a_person_approves(place: Any, forge: Any) -> None:
    made = Delivered(place, forge, approval=True)
    assert not made.delivery.pushed
    assert place.remote_branch() is None
    settings = PublishSettings(
        remote="origin", forge=forge.kind, project="swarm/market", api=forge.url, approval=True
    )
    carrier = Carrier(place.publication, place.commit, settings, Path("run"), made.events.append, QUICK)
    assert carrier.deliver(approved=True).pull_request is not None


def test_private_work_below_the_branch_is_not_pushed(place: Any, forge: Any) -> None:
    place.git(
        "push",
        "-q",
        "-f",
        "origin",
        f"{place.git('commit-tree', '-m', 'other', f'{place.base}^{{tree}}')}:main",
    )
    place.git("update-ref", "-d", "refs/remotes/origin/main")
    made = Delivered(place, forge)
    assert not made.delivery.pushed
    assert "push that first" in made.failures
    assert place.remote_branch() is None
    assert forge.asked == []
    assert made.delivery.by_hand[0].startswith("git push origin")


@pytest.mark.parametrize(
    ("url", "api", "web"),
    [
        ("git@github.com:swarm/market.git", "https://api.github.com", "https://github.com/swarm/market"),
        ("https://u:p@github.com/swarm/market", "https://api.github.com", "https://github.com/swarm/market"),
        (
            "ssh://git@git.corp:2222/swarm/market.git",
            "https://git.corp/api/v3",
            "https://git.corp/swarm/market",
        ),
    ],
)
def test_the_project_is_read_from_the_remotes_url(url: str, api: str, web: str) -> None:
    found = address_of(PublishSettings(remote="origin", forge="github"), url)
    assert found is not None
    assert (found.project, found.api, found.web) == ("swarm/market", api, web)


def test_gitlabs_groups_and_pages() -> None:
    found = address_of(PublishSettings(remote="origin", forge="gitlab"), "git@gitlab.com:a/b/c.git")
    assert found is not None
    assert (found.project, found.api) == ("a/b/c", "https://gitlab.com/api/v4")
    assert (
        found.file_url("abc", "services/x y.py", 3)
        == "https://gitlab.com/a/b/c/-/blob/abc/services/x%20y.py#L3"
    )
    own = PublishSettings(
        remote="origin", forge="gitlab", api="https://git.corp/gitlab/api/v4", project="a/b"
    )
    assert address_of(own, "/a/path").web == "https://git.corp/gitlab/a/b"  # type: ignore[union-attr]


def test_a_remote_that_tells_no_project_says_what_to_set(place: Any, forge: Any) -> None:
    made = Delivered(place, forge, project="")
    assert "set project and api in [publish]" in made.failures
    assert made.delivery.pushed


@pytest.mark.usefixtures("without_gh")
def test_a_token_goes_to_its_own_host_only() -> None:
    address = address_of(
        PublishSettings(remote="origin", forge="github"), "git@evil.invalid:swarm/market.git"
    )
    assert address is not None
    with pytest.raises(Unauthorized, match="GH_ENTERPRISE_TOKEN"):
        forge_at(address, {"GITHUB_TOKEN": "ghp_secret", "PATH": "/nowhere"})
    plain = PublishSettings(remote="origin", forge="gitlab", api="http://git.invalid/api/v4", project="a/b")
    address = address_of(plain, "/a/path")
    assert address is not None
    with pytest.raises(ForgeError, match="no https"):
        forge_at(address, {"GITLAB_TOKEN": "glpat-secret"})
