"""What enters the box: the captured world with the box's own addresses, and no secret."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.replay.stage import Staged, staged
from tools.replay.world import make_world
from tools.truth import from_document

SECRETS = ("hunter2secret", "sk-live-4f9a8b7c6d5e4f3a2b1c", "tok_9f8e7d6c5b4a39281706")


@pytest.fixture
def private(checkout, tmp_path) -> PrivateRepository:
    return PrivateRepository(checkout.path, tmp_path / "state")


def everything(stage: Staged) -> str:
    files = (file for file in stage.folder.rglob("*") if file.is_file())
    return "".join(file.read_text() for file in files) + json.dumps(stage.truth.document)


def test_no_secret_of_the_tree_is_staged(checkout, private) -> None:
    checkout.commit(
        "pulse: keys", [("services/pulse/secrets.json", "", '{"a": {"b": "abcdefgh12"}, "n": 12345678}')]
    )
    with staged(private, "HEAD", "pulse") as stage:
        text = everything(stage)
        assert not any(secret in text for secret in (*SECRETS, "abcdefgh12", "12345678"))
        env = (stage.folder / "services/pulse/.env").read_text()
        assert env == "PULSE_WEBHOOK_TOKEN=xxx_0x0x0x0x0x0x00000000\nPULSE_COLOR=green\n"
        component = json.loads((stage.folder / "truth/components/pulse.json").read_text())
        assert component["env"] == {
            "PULSE_INTERVAL_SEC": "0.1",
            "PULSE_API_KEY": "xx-xxxx-0x0x0x0x0x0x0x0x0x0x",
        }
        assert json.loads((stage.folder / "services/pulse/secrets.json").read_text()) == {
            "a": {"b": "xxxxxxxx00"},
            "n": 0,
        }
        folder = stage.folder
    assert not folder.exists()


@pytest.mark.parametrize(
    "name", ["services/pulse/id_rsa", "services/pulse/server.pem", "services/pulse/credentials.ini"]
)
def test_key_files_are_left_out(checkout, private, name) -> None:
    checkout.commit("oh no", [(name, "", "-----BEGIN PRIVATE KEY-----\nabc\n")])
    with staged(private, "HEAD", "pulse") as stage:
        assert name in stage.listing
        assert not (stage.folder / name).exists()


def test_another_service_comes_along_only_where_its_code_is_used(checkout, private) -> None:
    checkout.commit(
        "more", [("services/mesh/intel/x.py", "", "X = 1\n"), ("services/sse/y.py", "", "Y = 1\n")]
    )
    with staged(private, "HEAD", "pulse") as stage:
        assert not (stage.folder / "services/mesh").exists()
    checkout.commit("use", [("services/pulse/intel/z.py", "", "from services.mesh.intel.x import X\n")])
    with staged(private, "HEAD", "pulse") as stage:
        assert (stage.folder / "services/mesh/intel/x.py").read_text() == "X = 1\n"
        assert not (stage.folder / "services/sse").exists()


def test_the_paths_that_the_code_names_are_asked_for(checkout, private) -> None:
    code = 'ROUTES = ["/api/trades", "/api/trades/{id}/close", "/health", "/", "no/path", "/with space", "//x"]\n'
    checkout.commit("pulse: routes", [("services/pulse/intel/api.py", "", code)])
    with staged(private, "HEAD", "pulse") as stage:
        assert stage.http_paths == ("/api/trades", "/api/trades/1/close", "/health")


def world(
    tmp_path: Path, document: dict[str, Any], files: dict[str, Any] | None = None, service: str = "pulse"
):
    for name, content in (files or {}).items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return make_world(IncidentFolder(tmp_path), service, from_document(document))


DOCUMENT = {
    "buses": {
        "system-redis": {"url": "redis://10.0.0.1:6379"},
        "market-redis": {"url": "rediss://:pw@10.0.0.2:6380/0"},
        "echo-redis": {"url": "redis://10.0.0.3:6382"},
    },
    "components": {
        "pulse": {
            "env": {
                "XAI_API_KEY": "${XAI_API_KEY}",
                "PULSE_MODE": "${PULSE_MODE}",
                "CACHE": "redis://cache.internal:6399/2",
                "MARKET": "rediss://:pw@10.0.0.2:6380/0",
            }
        },
        "sse": {
            "lang": "node",
            "entry_point": "services/sse/src/index.js",
            "outputs": {"http": {"port": 3001}},
        },
    },
    "shared_resources": {"mysql": {"host": "db", "port": 3307}},
}


def test_every_bus_that_truth_names_is_in_the_box(tmp_path) -> None:
    made = world(tmp_path, DOCUMENT)
    assert made.buses == {
        "system-redis": "redis://127.0.0.1:6379",
        "market-redis": "redis://127.0.0.1:6380",
        "echo-redis": "redis://127.0.0.1:6382",
        "redis-6399": "redis://127.0.0.1:6399",
    }
    assert made.truth is not None
    assert made.truth["buses"]["market-redis"] == {"url": "redis://127.0.0.1:6380"}
    assert made.truth["components"]["pulse"]["env"]["CACHE"] == "redis://127.0.0.1:6399/2"
    assert made.truth["components"]["pulse"]["env"]["MARKET"] == "redis://127.0.0.1:6380"
    assert made.env["ECHO_REDIS_URL"] == "redis://127.0.0.1:6382"


def test_two_buses_on_one_port_of_two_hosts_are_kept_apart(tmp_path) -> None:
    buses = {name: {"url": f"redis://{name}.internal:6379"} for name in ("system-redis", "market-redis")}
    made = world(tmp_path, {"buses": buses, "components": {"pulse": {}}})
    assert len(set(made.buses.values())) == 2
    assert made.truth is not None
    assert {name: each["url"] for name, each in made.truth["buses"].items()} == made.buses


def test_the_environment_is_that_of_a_start_up_script(tmp_path) -> None:
    env = world(tmp_path, DOCUMENT).env
    assert env["SERVICE_ID"] == "pulse"
    assert env["PYTHONUNBUFFERED"] == "1"
    assert env["SYSTEM_REDIS_URL"] == "redis://127.0.0.1:6379"
    assert env["XAI_API_KEY"] == "placeholder-xai_api_key"
    assert "PULSE_MODE" not in env


def test_values_and_messages_come_from_the_capture(tmp_path) -> None:
    text = {"type": "string", "value": "1", "ttl": 3.5}
    files = {
        "redis.json": {
            "market-redis": {"massive:spot": text},
            "system": {"pulse:heartbeat": text, "truth": text, "mesh:roster": text},
            "unheard-of": {"x": text},
        },
        "messages.jsonl": '{"bus": "market", "channel": "massive:spot", "data": "5"}\n'
        '{"bus": "unheard-of", "channel": "c", "data": "6"}\n',
    }
    made = world(tmp_path, DOCUMENT, files)
    assert {bus: set(keys) for bus, keys in made.values.items()} == {
        "market-redis": {"massive:spot"},
        "system-redis": {"mesh:roster"},
    }
    assert asdict(made.values["market-redis"]["massive:spot"]) == {"type": "string", "value": "1", "ttl": 3.5}
    assert [asdict(each) for each in made.messages] == [
        {"bus": "market-redis", "channel": "massive:spot", "data": "5"}
    ]


def test_live_servers_must_be_out_of_reach(tmp_path) -> None:
    made = world(tmp_path, DOCUMENT)
    assert {3001, 3306, 3307} <= set(made.closed_ports)
    assert not {6379, 6380, 6382, 6399} & set(made.closed_ports)


def test_without_truth_the_documented_three_are_there(tmp_path) -> None:
    made = world(tmp_path, {})
    assert sorted(made.buses) == ["intel-redis", "market-redis", "system-redis"]
    assert made.entry_point == "services/pulse/main.py"


def test_the_entry_point_is_truth_s(tmp_path) -> None:
    assert world(tmp_path, DOCUMENT, service="sse").entry_point == "services/sse/src/index.js"
