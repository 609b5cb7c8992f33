"""Each way to a person against a real server: taken, refused, slow, away."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.notify.book import Book
from agent.notify.channel import Channel
from agent.notify.courier import Courier
from agent.notify.page import STAGES, Page
from agent.notify.pubsub import PubSub
from agent.notify.services import Services, is_installed
from agent.notify.slack import Slack
from agent.notify.webhook import Webhook

MakePage = Callable[..., Page]
MakeCourier = Callable[..., Courier]


def errors_of(courier: Courier) -> list[str | None]:
    lines = (courier.outbox.folder / "sent.jsonl").read_text().splitlines()
    return [json.loads(line)["error"] for line in lines]


def tell(courier: Courier, *pages: Page) -> None:
    for page in pages:
        courier.outbox.put(page)
        courier.run()


def apprise_channel(people: Any) -> Channel:
    if not is_installed():
        pytest.skip("the extra [notify] is not installed")
    return Services(people.url.replace("http://", "json://") + "/token-of-a-service")


@pytest.mark.parametrize("stage", STAGES)
def test_a_webhook_gets_every_stage(
    people: Any, courier: MakeCourier, fresh_page: MakePage, stage: str
) -> None:
    told = fresh_page(stage, do="redis-server --port 6380", proof="7 of 7 shown")
    before = [fresh_page("down", incident="vigil-1")] if stage == "healed" else []
    tell(courier(Webhook(people.webhook, 5)), *before, told)
    path, body = people.heard[-1]
    assert path.endswith("aSecretPartOfTheUrl123")
    assert f"vigil tells {stage}" in body["text"]
    assert "`redis-server --port 6380`" in body["text"]


def test_the_life_of_an_incident_on_a_webhook(
    people: Any, courier: MakeCourier, fresh_page: MakePage
) -> None:
    told = courier(Webhook(people.webhook, 5))
    tell(
        told,
        fresh_page("down"),
        fresh_page("diagnosing"),
        fresh_page("branch"),
        fresh_page("healed", incident=""),
    )
    assert people.titles == ["vigil is down", "vigil has a fix to review", "vigil is back"]


def test_too_many_requests_are_waited_for(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    people.answers = [answer(429, "slow down", {"retry-after": "1"})]
    began = time.monotonic()
    tell(courier(Webhook(people.webhook, 5)), fresh_page("branch"))
    assert time.monotonic() - began >= 1
    assert len(people.heard) == 1


def test_a_server_error_is_tried_again(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    people.answers = [answer(500, "oops"), answer(503, "oops")]
    told = courier(Webhook(people.webhook, 5))
    tell(told, fresh_page("branch"))
    assert len(people.heard) == 1
    assert errors_of(told) == [None]


def test_a_webhook_that_was_taken_back_is_told_without_its_secret(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    people.answers = [answer(404, f"no_service {people.webhook}")]
    told = courier(Webhook(people.webhook, 5), secrets=(people.webhook,))
    tell(told, fresh_page("branch"))
    (error,) = errors_of(told)
    assert error is not None
    assert error.startswith("webhook: HTTP 404: no_service")
    assert "aSecretPartOfTheUrl123" not in error


def test_a_silent_webhook_is_asked_twice_at_most(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    people.answers = [answer(silent=1.5), answer(silent=1.5), answer(silent=1.5)]
    told = courier(Webhook(people.webhook, 0.2))
    tell(told, fresh_page("branch"))
    assert errors_of(told) == ["webhook: no answer within 0.2 s"]
    assert len(people.answers) == 1


def test_a_webhook_that_is_away_gets_its_message_later(
    people: Any, courier: MakeCourier, fresh_page: MakePage, free_port: Any
) -> None:
    away = courier(Webhook(f"http://127.0.0.1:{free_port()}/x", 5))
    away.longest_s = 0.3
    tell(away, fresh_page("branch"))
    (error,) = errors_of(away)
    assert error == "webhook: ConnectError"
    courier(Webhook(people.webhook, 5)).run()
    assert people.titles == ["vigil has a fix to review"]


def test_one_dead_channel_does_not_silence_another(
    people: Any, courier: MakeCourier, fresh_page: MakePage, free_port: Any
) -> None:
    dead = Slack(f"http://127.0.0.1:{free_port()}/api", "xoxb-token", "#ops", 5)
    both = courier(dead, Webhook(people.webhook, 5))
    both.longest_s = 0.3
    tell(both, fresh_page("branch"))
    assert people.titles == ["vigil has a fix to review"]


def test_no_url_at_all_is_an_error_and_no_crash(courier: MakeCourier, fresh_page: MakePage) -> None:
    told = courier(Webhook("not a url", 5))
    told.longest_s = 0.3
    tell(told, fresh_page("branch"))
    assert errors_of(told)[0] is not None


def test_slack_keeps_one_message_and_tells_ends_in_its_thread(
    people: Any, courier: MakeCourier, fresh_page: MakePage
) -> None:
    told = courier(Slack(f"{people.url}/api", "xoxb-1-token", "#ops", 5))
    tell(told, fresh_page("down"), fresh_page("diagnosing"), fresh_page("branch", link="https://f/pull/1"))
    calls = [(path.rpartition("/")[2], body) for path, body in people.heard]
    assert [name for name, _ in calls] == [
        "chat.postMessage",
        "chat.update",
        "chat.update",
        "chat.postMessage",
    ]
    first, *_, last_edit, reply = [body for _, body in calls]
    assert first["channel"] == "#ops"
    assert "thread_ts" not in first
    assert (last_edit["channel"], last_edit["ts"]) == ("C42", "1790000000.000000")
    assert "down" in last_edit["text"].splitlines()[-1]
    assert reply["thread_ts"] == "1790000000.000000"
    assert "https://f/pull/1" in reply["text"]
    assert people.tokens == {"Bearer xoxb-1-token"}


def test_slack_says_what_is_wrong(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    people.answers = [answer(200, '{"ok": false, "error": "invalid_auth"}')]
    told = courier(Slack(f"{people.url}/api", "xoxb-1-token", "#ops", 5))
    tell(told, fresh_page("branch"))
    assert errors_of(told) == ["slack: chat.postMessage: invalid_auth"]


def test_slack_posts_anew_where_its_message_is_gone(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    told = courier(Slack(f"{people.url}/api", "xoxb-1-token", "#ops", 5))
    tell(told, fresh_page("down"))
    people.answers = [answer(200, '{"ok": false, "error": "message_not_found"}')]
    tell(told, fresh_page("diagnosing"))
    assert [path.rpartition("/")[2] for path, _ in people.heard][-1] == "chat.postMessage"
    assert errors_of(told) == [None, None]


def test_redis_publishes_each_stage_with_its_thread(
    redis_server: Any, courier: MakeCourier, fresh_page: MakePage
) -> None:
    server = redis_server()
    heard = server.client().pubsub()
    heard.subscribe("autohealer:pages")
    heard.get_message(timeout=5)
    told = courier(PubSub(server.url, "autohealer:pages", 5))
    tell(told, fresh_page("down"), fresh_page("branch", cause="fault f", link="https://f/pull/1"))
    first, second = [json.loads(heard.get_message(timeout=5)["data"]) for _ in range(2)]
    heard.close()
    assert first["thread"] == second["thread"]
    assert (first["stage"], second["stage"]) == ("down", "branch")
    assert second["services"] == ["vigil"]
    assert second["incidents"] == ["vigil-1"]
    assert second["link"] == "https://f/pull/1"
    assert [stage for stage, _ in second["life"]] == ["down", "branch"]


def test_a_redis_that_is_away_is_told(courier: MakeCourier, fresh_page: MakePage, free_port: Any) -> None:
    told = courier(PubSub(f"redis://127.0.0.1:{free_port()}", "c", 0.5))
    told.longest_s = 0.3
    tell(told, fresh_page("branch"))
    assert errors_of(told)[0] == "redis: ConnectionError"


def test_apprise_gets_title_and_text(people: Any, courier: MakeCourier, fresh_page: MakePage) -> None:
    told = courier(apprise_channel(people))
    tell(
        told,
        fresh_page("down"),
        fresh_page("not_code", do="redis-server --port 6380"),
        fresh_page("healed", incident=""),
    )
    bodies = [body for _, body in people.heard]
    assert [body["title"] for body in bodies] == [
        "vigil is down",
        "vigil is down, not by its code",
        "vigil is back",
    ]
    assert [body["type"] for body in bodies] == ["failure", "warning", "success"]
    assert "Do: redis-server --port 6380" in bodies[1]["message"]
    assert errors_of(told) == [None, None, None]


def test_apprise_that_is_refused_is_tried_and_told(
    people: Any, courier: MakeCourier, fresh_page: MakePage, answer: Any
) -> None:
    people.answers = [answer(500, "oops"), answer(500, "oops")]
    told = courier(apprise_channel(people))
    tell(told, fresh_page("branch"))
    assert len(people.heard) == 1
    assert errors_of(told) == [None]


def test_an_apprise_url_of_no_service_is_told_by_its_place(
    people: Any, courier: MakeCourier, fresh_page: MakePage
) -> None:
    apprise_channel(people)
    told = courier(Services("nosuchservice://secret-token"))
    tell(told, fresh_page("branch"))
    assert errors_of(told) == ["apprise: URL 1 of 1 is none that it knows"]


def test_without_the_extra_the_error_says_how_to_get_it(courier: MakeCourier, fresh_page: MakePage) -> None:
    if is_installed():
        pytest.skip("the extra [notify] is installed")
    told = courier(Services("json://127.0.0.1"))
    tell(told, fresh_page("branch"))
    assert errors_of(told) == ["apprise is not installed: pip install 'autohealer[notify]'"]


def test_an_hour_s_last_message_says_so(people: Any, courier: MakeCourier, fresh_page: MakePage) -> None:
    told = courier(Webhook(people.webhook, 5), most_per_hour=2)
    tell(told, *(fresh_page("no_patch", service=f"s{number}") for number in range(4)))
    assert len(people.heard) == 2
    assert "held back" not in people.texts[0]
    assert "held back within this hour" in people.texts[1]


def test_a_broken_memory_is_begun_anew(
    people: Any, courier: MakeCourier, fresh_page: MakePage, tmp_path: Path
) -> None:
    told = courier(Webhook(people.webhook, 5))
    told.outbox.waiting.mkdir(parents=True)
    (told.outbox.folder / "threads.json").write_text('{"threads": [{"key": 3')
    (told.outbox.waiting / "0-broken.json").write_text('{"stage": "exploded"')
    (told.outbox.waiting / "0-other.json").write_text(
        '{"stage": "exploded", "at": 1, "service": "x", "what": "y"}'
    )
    tell(told, fresh_page("branch"))
    assert people.titles == ["vigil has a fix to review"]
    assert list(told.outbox.waiting.glob("*.json")) == []
    assert isinstance(Book(), Book)
