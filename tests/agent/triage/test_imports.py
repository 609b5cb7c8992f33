"""Look-alikes of a missing module, told apart by the commit and its history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.diagnosis import Category

if TYPE_CHECKING:
    from tests.agent.triage.conftest import World

PUBLISHER = "class Publisher:\n    pass\n"
USES_PUBLISHER = "from services.vigil.intel.publisher import Publisher"


def test_file_that_was_deleted_can_be_restored(world: World) -> None:
    world.commit({"services/vigil/intel/publisher.py": PUBLISHER}, "publisher")
    world.remove("services/vigil/intel/publisher.py")
    found = world.triage(world.run(USES_PUBLISHER))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")
    assert found.culprit is not None and found.culprit.file == "services/vigil/intel/publisher.py"
    assert "restored from history" in found.why and "never committed" in found.look_alikes[0]


def test_file_that_was_never_committed_is_its_author_s_to_bring(world: World) -> None:
    world.commit({"services/vigil/main.py": "x = 1\n"})
    log = world.run(USES_PUBLISHER)
    found = world.triage(log)
    assert (found.category, found.verdict, found.reason) == (
        Category.IMPORT_MODULE,
        "not_fixable",
        "operator",
    )
    assert found.confidence >= 0.9
    assert found.operator_action is not None and found.operator_action.startswith("ask Dana")
    assert found.operator_action.endswith("for publisher.py")


def test_module_that_was_renamed_is_found_by_what_it_defines(world: World) -> None:
    world.commit({"services/vigil/intel/publisher.py": PUBLISHER}, "publisher")
    world.remove("services/vigil/intel/publisher.py")
    world.commit({"services/vigil/intel/publishing.py": PUBLISHER}, "rename publisher")
    found = world.triage(world.run(USES_PUBLISHER))
    assert found.verdict == "fixable" and "services/vigil/intel/publishing.py" in found.why


def test_import_in_the_wrong_form(world: World) -> None:
    found = world.triage(world.run("from rules import evaluate"))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")
    assert "wrong form" in found.why
    assert found.culprit is not None and found.culprit.file == "services/vigil/main.py"


def test_relative_import_in_a_program(world: World) -> None:
    found = world.triage(world.run("from .intel.rules import evaluate"))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")


def test_name_that_shared_no_longer_has(world: World) -> None:
    world.commit({"services/massive/main.py": "from shared.redis_io import read_modell\n"})
    found = world.triage(world.run("from shared.redis_io import read_modell"))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")
    assert "it has read_model" in found.why
    assert "services/massive/main.py" in found.look_alikes[0]


def test_attribute_of_a_module_that_is_gone(world: World) -> None:
    found = world.triage(world.run("import shared.redis_io as io\n\nio.write_model(1)"))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")


def test_shared_module_that_moved(world: World) -> None:
    world.commit({"shared/io_redis.py": "def connect():\n    pass\n"})
    found = world.triage(world.run("from shared.redis_conn import connect"))
    assert found.verdict == "fixable" and "connect is now in shared/io_redis.py" in found.why


def test_shared_module_that_was_deleted_is_not_the_service_s(world: World) -> None:
    world.commit({"shared/gone.py": "def only_here():\n    pass\n"})
    world.remove("shared/gone.py")
    found = world.triage(world.run("from shared.gone import only_here"))
    assert (found.category, found.verdict, found.reason) == (Category.SHARED_BUG, "not_fixable", "shared")
    assert found.operator_action is not None and found.operator_action.endswith("-- shared/gone.py")


def test_import_inside_shared_is_shared_s(world: World) -> None:
    world.commit({"shared/web.py": "from shared.logutil import Logger\n"})
    found = world.triage(world.run("import shared.web"))
    assert (found.category, found.verdict, found.confidence >= 0.9) == (
        Category.SHARED_BUG,
        "not_fixable",
        True,
    )
    assert found.culprit is not None and found.culprit.file == "shared/web.py"


@pytest.mark.parametrize(("module", "required"), [("sklearn", True), ("nosuchpackage_abc", False)])
def test_package_that_is_not_installed(world: World, module: str, required: bool) -> None:
    found = world.triage(world.run(f"import {module}"))
    assert (found.category, found.verdict, found.reason) == (
        Category.MISSING_PACKAGE,
        "not_fixable",
        "package",
    )
    assert found.operator_action is not None and ("-r requirements.txt" in found.operator_action) == required


def test_slip_in_the_name_of_a_standard_module(world: World) -> None:
    found = world.triage(world.run("import asyncioo"))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")
    assert "asyncio" in found.why


def test_circle_blames_the_import_that_was_written_last(world: World) -> None:
    world.commit({"services/vigil/intel/a.py": "from services.vigil.intel.b import B\n\nA = 1\n"}, "a")
    world.commit({"services/vigil/intel/b.py": "B = 2\n"}, "b")
    world.commit(
        {"services/vigil/intel/b.py": "from services.vigil.intel.a import A\n\nB = 2\n"}, "b needs a"
    )
    found = world.triage(world.run("import services.vigil.intel.a"))
    assert (found.category, found.verdict) == (Category.IMPORT_MODULE, "fixable")
    assert found.culprit is not None and found.culprit.file == "services/vigil/intel/b.py"


NODE = """\
node:internal/modules/cjs/loader:1210
  throw err;
  ^

Error: Cannot find module '{module}'
Require stack:
- /Users/ernie/MarketSwarm/services/sse/src/index.js
    at Module._resolveFilename (node:internal/modules/cjs/loader:1207:15)
    at Object.<anonymous> (/Users/ernie/MarketSwarm/services/sse/src/index.js:1:9) {{
  code: 'MODULE_NOT_FOUND',
  requireStack: [ '/Users/ernie/MarketSwarm/services/sse/src/index.js' ]
}}

Node.js v20.20.2
"""


def test_node_module_of_npm_is_a_package(world: World) -> None:
    found = world.triage(NODE.format(module="express"), service="sse")
    assert (found.category, found.verdict) == (Category.MISSING_PACKAGE, "not_fixable")
    assert found.operator_action == "npm ci in services/sse/"


def test_node_file_that_history_has(world: World) -> None:
    world.commit({"services/sse/src/index.js": "require('./routes')\n", "services/sse/src/routes.js": "1\n"})
    world.remove("services/sse/src/routes.js")
    found = world.triage(NODE.format(module="./routes"), service="sse")
    assert found.verdict == "fixable" and "restored from history" in found.why


def test_node_file_that_no_commit_has(world: World) -> None:
    world.commit({"services/sse/src/index.js": "require('./routes')\n"})
    found = world.triage(NODE.format(module="./routes"), service="sse")
    assert (found.verdict, found.reason) == ("not_fixable", "operator")
