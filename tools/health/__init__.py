"""Health of a deployment: heartbeats, processes, Redis buses, MySQL and HTTP, in one bounded snapshot."""

from tools.health.collector import SYSTEM_BUS, HealthCollector
from tools.health.processes import PidFile, read_pid_file
from tools.health.redis_buses import RedisProbe, connect
from tools.health.state import (
    Beat,
    Health,
    HttpState,
    MysqlState,
    ProcessFate,
    ProcessState,
    RedisState,
    ServiceState,
    Status,
)

__all__ = [
    "SYSTEM_BUS",
    "Beat",
    "Health",
    "HealthCollector",
    "HttpState",
    "MysqlState",
    "PidFile",
    "ProcessFate",
    "ProcessState",
    "RedisProbe",
    "RedisState",
    "ServiceState",
    "Status",
    "connect",
    "read_pid_file",
]
