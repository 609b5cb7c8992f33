"""The house as drawn: the six tools, the commands, the layers, and nothing that only this machine has."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from click.testing import CliRunner

from agent.cli.main import COMMANDS, main
from tools.toolset import SIX_TOOLS

ROOT = Path(__file__).parent.parent


def test_there_are_exactly_six_tools() -> None:
    assert list(SIX_TOOLS) == [
        "read_log",
        "get_health_snapshot",
        "read_file",
        "grep_services",
        "propose_patch",
        "run_pytest",
    ]


def test_every_command_has_a_module_help_and_json() -> None:
    assert list(COMMANDS) == [
        "heal", "watch", "incidents", "show", "stats", "serve", "health", "verify", "publish", "prune", "doctor", "init",
    ]  # fmt: skip
    for name in COMMANDS:
        told = CliRunner().invoke(main, [name, "--help"])
        assert told.exit_code == 0, told.output
        assert "--json" in told.output, name


def test_help_names_each_command_and_imports_no_heavy_package() -> None:
    script = (
        "import sys; from agent.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'openai', 'pydantic', 'rich', 'redis', 'git', 'vcr'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told.rstrip().endswith("[]")
    for name, text in COMMANDS.items():
        assert name in told
        assert text.split()[0] in told


def test_the_layers_of_the_readme_are_the_import_contract() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    readme = (ROOT / "README.md").read_text()
    drawn = readme.split("the house, imports go downward only")[1].split("```")[0]
    order = sorted(
        contract["layers"],
        key=lambda layer: drawn.index(f"│{layer}") if f"│{layer}" in drawn else drawn.index(f"│ {layer}"),
    )
    assert order == contract["layers"] == ["evals", "agent", "tools", "sandbox"]


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert "index-url" not in lock
