# ruff: noqa: N999
import json

from harness import FakeRedis, config, logger
from services.mesh.intel import orchestrator


async def scanned():
    async def beats(system):
        return {"x": ('{"ts": 5, "pid": 7}', 10)}

    orchestrator.scan_heartbeats = beats
    system = FakeRedis()
    mesh = orchestrator.Mesh(config(), logger("mesh"), system)
    await mesh.scan()
    return mesh, {key: json.loads(raw) for key, raw in system.called("set")}


async def check_a_round_sees_the_beats():
    mesh, written = await scanned()
    assert mesh.roster.members["x"].pid == 7
    assert "x" in json.dumps(written["mesh:roster"]["members"])


async def check_a_round_says_how_long_it_took():
    _, written = await scanned()
    assert written["mesh:roster"]["scan_ms"] >= 0
