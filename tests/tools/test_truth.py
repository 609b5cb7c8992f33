"""Truth in the shapes that deployments have, and the documentation's table behind it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.truth import (
    NO_TRUTH,
    SERVICES,
    TruthError,
    Use,
    from_document,
    from_files,
    from_folder,
    is_secret_name,
    overlaps,
)

GEX = "massive:gex:model"
NODE = {
    "buses": {
        "system-redis": {"url": "redis://127.0.0.1:7001"},
        "market-redis": {"url": "redis://127.0.0.1:7002"},
        "echo-redis": {"host": "127.0.0.1", "port": 6382},
        "far-redis": {"url": "${FAR_REDIS_URL}"},
    },
    "shared_resources": {"mysql": {"host": "db.local", "port": 3307, "password": "hunter2hunter2"}},
}
MASSIVE = {
    "outputs": {
        "redis": [
            {"bus": "market-redis", "kind": "channel", "name": "massive:spot"},
            {"bus": "market-redis", "kind": "key", "name": "massive:heatmap:model:{symbol}:latest"},
        ]
    },
    "env": {"MASSIVE_API_KEY": "mk-0123456789", "XAI_API_KEY": "${XAI_API_KEY}", "LOG_LEVEL": "INFO"},
    "dependencies": [],
}
VIGIL = {
    "lang": "python",
    "inputs": {
        "redis": [
            {"bus": "market-redis", "kind": "channel", "name": "massive:spot"},
            {"bus": "market-redis", "kind": "stream", "name": "ticks"},
        ],
        "http": [{"service": "journal", "url": "http://127.0.0.1:3002"}],
        "mysql": False,
    },
    "heartbeat": {"interval_sec": 2, "ttl_sec": 7},
}
JOURNAL = {"inputs": {"mysql": True}, "outputs": {"http": {"port": 3002, "health": "/healthz"}}}
DOCUMENT = {**NODE, "components": {"massive": MASSIVE, "vigil": VIGIL, "journal": JOURNAL}}


def test_truth_names_the_services_and_buses():
    truth = from_document(DOCUMENT)
    assert truth.services == ("massive", "vigil", "journal")
    assert truth.buses() == {
        "system-redis": "redis://127.0.0.1:7001",
        "market-redis": "redis://127.0.0.1:7002",
        "echo-redis": "redis://127.0.0.1:6382",
    }
    assert truth.buses({"FAR_REDIS_URL": "redis://far:1"})["far-redis"] == "redis://far:1"


def test_a_component_says_its_rhythm_reads_and_upstreams():
    vigil = from_document(DOCUMENT).component("vigil")
    assert (vigil.interval_s, vigil.ttl_s) == (2, 7)
    assert vigil.reads == (
        Use("market-redis", "channel", "massive:spot"),
        Use("market-redis", "stream", "ticks"),
    )
    assert vigil.http[0].service == "journal"
    assert vigil.buses == ("system-redis", "market-redis")
    assert vigil.mysql is False


def test_dependencies_are_declared_called_or_read_from():
    assert from_document(DOCUMENT).dependencies("vigil") == ("massive", "journal")


def test_port_health_path_and_mysql_of_a_server():
    truth = from_document(DOCUMENT)
    journal = truth.component("journal")
    assert (journal.port, journal.health_path, journal.mysql) == (3002, "/healthz", True)
    assert truth.mysql_address() == ("db.local", 3307)


def test_names_of_api_keys_and_which_of_them_nothing_filled_in():
    massive = from_document(DOCUMENT).component("massive")
    assert massive.api_keys == ("MASSIVE_API_KEY", "XAI_API_KEY")
    assert massive.unresolved == ("XAI_API_KEY",)


def test_the_table_stands_in_for_a_truth_that_is_not_there():
    assert NO_TRUTH.services == tuple(SERVICES)
    vexy = NO_TRUTH.component("vexy_ai")
    assert (vexy.interval_s, vexy.ttl_s, vexy.port) == (15, 45, 3005)
    assert NO_TRUTH.component("sse").entry_point == "services/sse/src/index.js"
    assert NO_TRUTH.dependencies("vigil") == ("massive",)
    assert NO_TRUTH.dependencies("vexy_ai") == ("massive", "rss_agg", "vigil")
    assert NO_TRUTH.component("rss_agg").api_keys == ("OPENAI_API_KEY",)
    assert NO_TRUTH.buses()["intel-redis"] == "redis://127.0.0.1:6381"


def test_a_service_that_nobody_documents_gets_the_slow_rhythm():
    stranger = from_document(DOCUMENT).component("vexy_hydrator")
    assert (stranger.interval_s, stranger.ttl_s) == (15, 45)
    assert stranger.entry_point == "services/vexy_hydrator/main.py"


@pytest.mark.parametrize(
    "inputs",
    [
        {"market-redis": {"channels": ["massive:spot"], "keys": [GEX]}},
        {"redis": {"market": {"subscribe": ["massive:spot"], "keys": [{"name": GEX}]}}},
        {"redis": [{"bus": "market_redis", "channel": "massive:spot"}, {"redis": "market", "key": GEX}]},
        {"channels": ["market-redis:massive:spot"], "keys": [f"market-redis:{GEX}"]},
        [{"bus": "market-redis", "channels": ["massive:spot"]}, {"bus": "market-redis", "keys": [GEX]}],
    ],
)  # fmt: skip
def test_reads_in_other_shapes(inputs):
    truth = from_document({**NODE, "components": {"x": {"inputs": inputs}}})
    assert set(truth.component("x").reads) == {
        Use("market-redis", "channel", "massive:spot"),
        Use("market-redis", "key", GEX),
    }


def test_access_points_say_reads_and_writes():
    points = {
        "subscribe_to": [{"bus": "system-redis", "channel": "alerts:sync"}],
        "publish_to": [{"bus": "market-redis", "key": "copilot:mel:snapshot"}],
    }
    component = from_document({**NODE, "components": {"x": {"access_points": points}}}).component("x")
    assert component.reads == (Use("system-redis", "channel", "alerts:sync"),)
    assert component.writes == (Use("market-redis", "key", "copilot:mel:snapshot"),)


def test_secrets_are_found_with_their_values_and_templates_are_not():
    document = {
        "buses": {"system-redis": {"url": "redis://:p%40ssw0rd@127.0.0.1:6379"}},
        "components": {
            "sse": {
                "env": {
                    "JWT_SECRET": "abcdef123",
                    "XAI_API_KEY": "${XAI_API_KEY}",
                    "DB_PASSWORD": "pa$SWORD9",
                    "MAX_TOKENS": 4096000,
                },
                "oauth": {"clientSecret": "s3cr3t-value", "scopes": ["secret-free-scope"]},
            }
        },
    }
    assert set(from_document(document).secrets().values()) >= {
        "p@ssw0rd",
        "abcdef123",
        "pa$SWORD9",
        "s3cr3t-value",
    }
    assert "${XAI_API_KEY}" not in from_document(document).secrets().values()
    assert "secret-free-scope" not in from_document(document).secrets().values()


@pytest.mark.parametrize("name", ["apiKey", "XAI_API_KEY", "db_password", "authToken", "client-secret"])
def test_names_of_secrets(name):
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["tokens_used", "keyboard", "author", "bypass", "key", "secretary"])
def test_names_that_only_look_alike(name):
    assert not is_secret_name(name)


def test_files_are_merged_as_the_publisher_does():
    files = {
        "truth/mm_node.json": json.dumps({**NODE, "components": ["vigil"]}).encode(),
        "truth/components/vigil.json": json.dumps(VIGIL).encode(),
        "truth/components/stale.txt": b"no json",
        "services/vigil/truth/components/copy.json": b"no json",
    }
    truth = from_files(files, files.__getitem__)
    assert truth.services == ("vigil",)
    assert truth.buses()["market-redis"].endswith(":7002")


def test_a_folder_with_truth_and_one_without(tmp_path):
    (tmp_path / "truth" / "components").mkdir(parents=True)
    (tmp_path / "truth" / "components" / "mesh.json").write_text('{"heartbeat": {"interval_sec": 3}}')
    assert from_folder(tmp_path).component("mesh").ttl_s == 9
    assert from_folder(tmp_path / "nowhere").services == tuple(SERVICES)


@pytest.mark.parametrize("raw", [b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_what_is_no_json_object_is_refused_with_its_name(raw):
    with pytest.raises(TruthError, match="truth"):
        from_document(raw)
    with pytest.raises(TruthError, match="mm_node"):
        from_files(["truth/mm_node.json"], lambda path: raw)


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", ".", "a b", "-x", "x" * 65, "a\n"])
def test_a_name_that_could_be_a_path_is_no_service_and_no_bus(name):
    truth = from_document({"components": {name: {}, "mesh": {}}, "buses": {name: {"url": "redis://x"}}})
    assert truth.services == ("mesh",)
    assert name not in truth.buses()


def test_a_truth_nested_as_deep_as_json_goes_is_read():
    deep = "[" * 900 + '"x"' + "]" * 900
    truth = from_document(f'{{"components": {{"mesh": {{"inputs": {deep}, "password": "hunter2222"}}}}}}')
    assert set(truth.secrets().values()) == {"hunter2222"}


def test_wildcards_overlap_in_both_directions():
    assert overlaps("massive:heatmap:model:{symbol}:latest", "massive:heatmap:model:SPX:latest")
    assert overlaps("massive:*", "massive:{thing}")
    assert not overlaps("massive:spot", "massive:spot:more")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["inputs", "outputs", "redis", "http", "env", "heartbeat", "meta", "name", "bus", "key",
                 "dependencies", "url", "port", "lang", "buses", "interval_sec", "mysql", "PASSWORD"]
            ) | st.text(max_size=8),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(json_values, json_values)
def test_no_shape_of_a_component_breaks_the_reader(component, buses):
    truth = from_document({"buses": buses, "components": {"vigil": component, "mesh": {}}})
    for service in (*truth.services, "vigil"):
        assert truth.component(service).ttl_s > 0
        assert service not in truth.dependencies(service)
    assert all(value for value in truth.secrets().values())
    assert "://" in "".join(truth.buses().values()) or not truth.buses()
