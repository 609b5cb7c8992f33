"""Services that need MySQL: what is the code's is reproduced with a server, what is the server's never is."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from evals.testbed.repository import make_repository
from sandbox.boot import MySql, mariadbd
from sandbox.isolation import Isolation
from sandbox.patch import Edit, from_edits
from sandbox.worktree import PrivateRepository
from tools.incident import IncidentFolder
from tools.logs import last_crash
from tools.replay import Replay, gone
from tools.replay.mysql import inside, mysql_for
from tools.replay.outside import network_cause, outside_cause
from tools.truth import from_document

needs_mariadb = pytest.mark.skipif(mariadbd() is None, reason="needs mariadbd")
INCIDENTS = Path(__file__).parents[3] / "evals/incidents"
STORE, RUN = "services/pulse/intel/store.py", "services/pulse/intel/orchestrator.py"
TRUTH = "truth/components/pulse.json"
OPENING = """\
from services.pulse.intel.mysql_client import connect


def version(config):
    host, port, name = (config[f"MYSQL_{what}"] for what in ("HOST", "PORT", "DATABASE"))
    database = connect(host, int(port), "fotw_app", config["MYSQL_PASSWORD"], name)
    database.query("CREATE TABLE IF NOT EXISTS trades (id BIGINT PRIMARY KEY, body JSON NOT NULL)")
    return int(database.query("SELECT VERSION()")[0][0])
"""
CLIENT = Path(__file__).with_name("mysql_client.py").read_text()
LOG = """\
Traceback (most recent call last):
  File "/Users/ernie/MarketSwarm/services/pulse/main.py", line 34, in <module>
    asyncio.run(main())
  File "/Users/ernie/MarketSwarm/services/pulse/main.py", line 27, in main
    await run(config, logger, stop)
  File "/Users/ernie/MarketSwarm/services/pulse/intel/orchestrator.py", line 15, in run
    version(config)
  File "/Users/ernie/MarketSwarm/services/pulse/intel/store.py", line 8, in version
    return int(database.query("SELECT VERSION()")[0][0])
ValueError: invalid literal for int() with base 10: '8.0.36'
"""
SETTINGS = {"HOST": "db.internal", "PORT": "3306", "DATABASE": "fotw_app", "PASSWORD": "FAKE-pass-9f2c-no"}


def with_store(checkout: Any) -> str:
    """A commit in which pulse opens its database at the start."""
    component = json.loads((checkout.path / TRUTH).read_text())
    component["inputs"]["mysql"] = True
    component["env"] |= {f"MYSQL_{name}": value for name, value in SETTINGS.items()}
    imports = "from services.pulse.intel.prices import PriceWorker\n"
    begins = "async def run(config, logger, stop):\n"
    changes = [
        (TRUTH, "", json.dumps(component)),
        (STORE, "", OPENING),
        ("services/pulse/intel/mysql_client.py", "", CLIENT),
        (RUN, imports, f"{imports}from services.pulse.intel.store import version\n"),
        (RUN, begins, f"{begins}    version(config)\n"),
    ]
    return str(checkout.commit("pulse: trades are stored", changes))


@pytest.mark.slow
@needs_mariadb
def test_a_crash_past_the_connection_is_reproduced_and_gone_with_its_fix(
    checkout: Any, open_case: Any
) -> None:
    opened = open_case(with_store(checkout), LOG)
    base = opened.replay.of(None)
    assert (base.verdict, base.why) == ("reproduced", f"ValueError at {STORE}:8 in version"), base.text
    right = opened.patch([(STORE, "[0][0])", '[0][0].partition(".")[0])')])
    assert gone(opened.replay, right) == []
    wrong = opened.patch([(RUN, "    version(config)\n", "    pass\n")])
    assert gone(opened.replay, wrong) == [
        f"version in {STORE} was not reached, so nothing shows that it works"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("edit", ["nothing", "silence"])
def test_a_recorded_mysql_that_is_down_is_never_the_code_s(
    edit: str, tmp_path: Path, isolation: Isolation
) -> None:
    repo = make_repository(tmp_path / "repo").path
    incident = IncidentFolder(INCIDENTS / "journal-mysql-down")
    commit = incident.incident().commit
    private = PrivateRepository(repo, tmp_path / "state")
    replay = Replay(
        private, isolation, Path(sys.executable), incident, "journal", commit, last_crash(incident.log)
    )
    base = replay.of(None)
    assert (base.verdict, base.why) == (
        "unclear",
        "MySQL could not be reached, or refused, which is not a matter of its code",
    )
    quiet = Edit(
        path="services/journal/intel/db_v2.py",
        search="        if required:\n            raise\n        logger.warn(f\"MySQL",
        replace="        logger.warn(f\"MySQL",
    )  # fmt: skip
    patch = from_edits(private, commit, "journal", [quiet]) if edit == "silence" else None
    assert replay.of(patch).verdict == "unclear"
    if patch is not None:
        assert gone(replay, patch)


@pytest.mark.parametrize(
    ("error", "outside"),
    [
        ("mysql.connector.errors.DatabaseError: 2003 (HY000): Can't connect to MySQL server on 'x:3306'", True),
        ("mysql.connector.errors.ProgrammingError: 1045 (28000): Access denied for user 'a'@'b'", True),
        ("mysql.connector.errors.ProgrammingError: 1146 (42S02): Table 'a.b' doesn't exist", True),
        ("mysql.connector.errors.ProgrammingError: 1064 (42000): You have an error; see your MySQL server", False),
        ("pymysql.err.ProgrammingError: (1064, 'You have an error in your SQL syntax')", False),
        ("mysql.connector.errors.ProgrammingError: Not all parameters were used in the SQL statement", False),
    ],
)  # fmt: skip
def test_what_a_server_refuses_is_told_from_what_no_server_takes(error: str, outside: bool) -> None:
    trace = (
        f'Traceback (most recent call last):\n  File "/x/services/pulse/a.py", line 1, in f\n    x\n{error}\n'
    )
    crash = last_crash(trace.encode())
    assert crash is not None
    assert (outside_cause(crash, "pulse") is not None) is outside
    assert (network_cause(crash) is not None) is outside


DOCUMENT = {
    "components": {
        "pulse": {
            "inputs": {"mysql": True},
            "env": {
                "DATABASE_URL": "mysql+pymysql://me:pw@db.internal:3310/trades?charset=utf8",
                "MYSQL_DATABASE": "../etc",
                "DB_HOST": "db.internal",
            },
        },
        "mesh": {"inputs": {}},
        "journal": {"inputs": {"mysql": True}, "env": {"MYSQL_PORT": "1", "MYSQL_DATABASE": "fotw_app"}},
    },
    "shared_resources": {"mysql": {"host": "db.internal", "port": 3307, "database": "shared"}},
}


def test_the_server_is_what_truth_says_but_here() -> None:
    truth = from_document(DOCUMENT)
    assert mysql_for(truth, "pulse") == MySql(3310, ("trades", "shared"))
    assert mysql_for(truth, "journal") == MySql(3307, ("fotw_app", "shared"))
    assert mysql_for(from_document({"components": {"mesh": {"inputs": {"mysql": False}}}}), "mesh") is None
    boxed = inside(DOCUMENT)
    assert boxed["components"]["pulse"]["env"] == {
        "DATABASE_URL": "mysql+pymysql://me:pw@127.0.0.1:3310/trades?charset=utf8",
        "MYSQL_DATABASE": "../etc",
        "DB_HOST": "127.0.0.1",
    }
    assert boxed["shared_resources"]["mysql"]["host"] == "127.0.0.1"
