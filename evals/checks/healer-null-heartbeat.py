# ruff: noqa: N999
from services.healer.intel.collector import components


def check_a_component_without_a_heartbeat_is_watched_all_the_same():
    found = components({"components": {"a": {"heartbeat": None}, "b": {}, "c": {"heartbeat": {}}}})
    assert found == {"a": 15.0, "b": 15.0, "c": 15.0}


def check_the_ttl_is_never_less_than_twice_the_interval():
    found = components({"components": {"a": {"heartbeat": {"ttl_sec": 5, "interval_sec": 10}}}})
    assert found == {"a": 20.0}
