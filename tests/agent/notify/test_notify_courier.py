"""The courier as a process: nobody waits for it, a kill loses nothing, and no secret is left lying about."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.notify.config import courier_command, is_configured, pager_for, paging_of
from agent.notify.outbox import Outbox, Pager
from agent.notify.page import Page, page_from
from agent.settings import NotifySettings, Settings

MakePage = Callable[..., Page]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def settings_for(people: Any, **more: Any) -> Settings:
    return Settings(notify={"webhook": people.webhook, "settle_s": 0.0, **more})


def pager(people: Any, state: Path, **more: Any) -> Pager:
    found = pager_for(settings_for(people, **more), state)
    assert found is not None
    return found


def test_a_page_reaches_the_webhook_through_a_process(people: Any, state: Path, fresh_page: MakePage) -> None:
    pager(people, state).page(fresh_page("branch", proof="7 of 7 shown"))
    people.wait_for(1)
    assert "Proof: 7 of 7 shown" in people.texts[0]


def test_a_dead_webhook_delays_nobody(people: Any, state: Path, fresh_page: MakePage, answer: Any) -> None:
    people.answers = [answer(silent=20.0)]
    silent = pager(people, state, timeout_s=0.5)
    began = time.monotonic()
    for stage in ("down", "diagnosing", "branch"):
        silent.page(fresh_page(stage))
    assert time.monotonic() - began < 0.5
    people.wait_for(1)


def test_a_killed_courier_loses_no_page(people: Any, state: Path, fresh_page: MakePage, answer: Any) -> None:
    people.answers = [answer(silent=30.0)]
    config = pager(people, state).config
    outbox = Outbox(state)
    outbox.put(fresh_page("branch"))
    process = subprocess.Popen(courier_command(state), stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(config)
    process.stdin.close()
    ends = time.monotonic() + 15
    while people.answers and time.monotonic() < ends:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    subprocess.run(courier_command(state), input=config, check=True, timeout=30)
    assert people.titles == ["vigil has a fix to review"]


def test_many_couriers_tell_each_thing_once(people: Any, state: Path, fresh_page: MakePage) -> None:
    busy = pager(people, state)
    for number in range(4):
        busy.page(fresh_page("branch", service=f"s{number}"))
    people.wait_for(4)
    subprocess.run(busy.courier, input=busy.config, check=True, timeout=30)
    assert sorted(people.titles) == [f"s{number} has a fix to review" for number in range(4)]


def test_what_waits_belongs_to_its_owner_alone(people: Any, state: Path, fresh_page: MakePage) -> None:
    Outbox(state).put(fresh_page("branch"))
    subprocess.run(courier_command(state), input=pager(people, state).config, check=True, timeout=30)
    (state / "pages" / "sent.jsonl").touch()
    for path in (state / "pages").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, f"{path.name} {mode:o}"


def test_no_secret_is_on_a_command_line_or_in_a_file(people: Any, state: Path, fresh_page: MakePage) -> None:
    made = pager(people, state)
    assert "aSecretPartOfTheUrl123" not in " ".join(made.courier)
    assert "aSecretPartOfTheUrl123" not in repr(settings_for(people))
    Outbox(state).put(
        fresh_page("branch", what=f"the log has {people.webhook} and sk-proj-Zk3v9Qm2Xw7Lp5Rt8Yb1Nc4")
    )
    subprocess.run(made.courier, input=made.config, check=True, timeout=30)
    written = "".join(path.read_text() for path in (state / "pages").rglob("*") if path.is_file())
    for text in (*people.texts, written):
        assert "aSecretPartOfTheUrl123" not in text
        assert "sk-proj-" not in text
    assert "[REDACTED" in people.texts[0]


def test_the_courier_reads_a_settings_file_and_the_environment(
    people: Any, state: Path, fresh_page: MakePage, tmp_path: Path
) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[notify]\nsettle_s = 0.0\n")
    Outbox(state).put(fresh_page("branch"))
    environment = {**os.environ, "AUTOHEALER_NOTIFY__WEBHOOK": people.webhook}
    argv = courier_command(state, "--config", str(config))
    subprocess.run(argv, env=environment, check=True, timeout=30)
    assert people.titles == ["vigil has a fix to review"]


def test_settings_that_cannot_be_read_are_told(state: Path, tmp_path: Path) -> None:
    argv = courier_command(state, "--config", str(tmp_path / "none.toml"))
    told = subprocess.run(argv, capture_output=True, text=True, timeout=30)
    assert told.returncode == 2
    assert "none.toml does not exist" in told.stderr


def test_nobody_is_paged_unless_it_is_configured(state: Path) -> None:
    assert pager_for(Settings(), state) is None
    assert not is_configured(NotifySettings())
    assert not state.exists()


def test_slack_needs_its_token() -> None:
    notify = NotifySettings(slack_channel="#ops")
    assert paging_of(notify, "redis://127.0.0.1", {}).channels == ()
    (slack,) = paging_of(notify, "redis://127.0.0.1", {"SLACK_BOT_TOKEN": "xoxb-1"}).channels
    assert slack.name == "slack"


def test_the_outbox_is_bounded(state: Path, page: MakePage, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(state)
    outbox.waiting.mkdir(parents=True)
    for number in range(1000):
        (outbox.waiting / f"{number}.json").touch()
    outbox.put(page("down"))
    assert sum(1 for _ in outbox.waiting.iterdir()) == 1000


def test_pages_survive_their_file(page: MakePage) -> None:
    told = page("branch", do="x", proof="y", link="z", note="1 s")
    assert page_from(told.json()) == told
    for broken in ("", "[]", '{"stage": "branch"}', told.json().replace("branch", "exploded"), '{"at": {}}'):
        assert page_from(broken) is None


def test_the_watch_stays_small() -> None:
    script = (
        "import sys; import agent.notify.signals, agent.notify.outbox\n"
        "print(sorted({'pydantic', 'httpx2', 'jinja2', 'openai', 'tenacity', 'rich'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert json.loads(told.replace("'", '"')) == []
