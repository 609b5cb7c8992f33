"""`make demo`: a real MarketSwarm service dies of a real bug, and AutoHealer is there.

Three Redis servers and the testbed's services are started, a bug is committed to one of them, and the
service is restarted so that it dies. `autohealer watch` sees it, captures, and starts the heal. The second
case takes market-redis away instead, and heals the service that fell over it by name. Nothing of it is
staged but the model's words, which come from a recorded run unless `--model live` is asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from evals.testbed.cluster import Cluster
from evals.testbed.faults import DEMO, FAULTS
from evals.testbed.repository import make_repository
from sandbox.isolation import SandboxUnavailable, find_isolation

FOLDER = Path(".demo")
CASSETTES = Path(__file__).parent / "recordings"
SERVICES = ("massive", "vigil", "copilot", "mesh")
KEYS = ("XAI_API_KEY", "OPENAI_API_KEY")
CASES = ("bug", "redis")
STAND_IN = "stand-in"
ANSWERED_BY = "a stand-in that saw only the requests, through an endpoint on loopback; not grok-4"
RECORDING_S = 1800.0


@click.command()
@click.option("--case", type=click.Choice(CASES), default="bug", show_default=True)
@click.option("--model", type=click.Choice(["recorded", "live"]), default="recorded", show_default=True)
@click.option("--record", "endpoint", metavar="URL", help="Record anew from this OpenAI-compatible endpoint.")
@click.option("--without-sandbox", is_flag=True, help="As on a machine where no sandbox passes its probes.")
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True)
def main(case: str, model: str, endpoint: str | None, without_sandbox: bool, folder: Path) -> None:
    """Break a MarketSwarm service for real and heal it; FOLDER is made anew."""
    folder = folder.absolute()
    shutil.rmtree(folder, ignore_errors=True)
    repo = make_repository(folder / "marketswarm").path
    say("testbed", f"a MarketSwarm of {len(SERVICES)} services in {repo}")
    with Cluster(folder / "run", repo, env=FAULTS[DEMO].env) as cluster:
        started = time.monotonic()
        cluster.start(*SERVICES)
        say(
            "testbed",
            f"three Redis servers, Truth published, {len(SERVICES)} services beat ({elapsed(started)})",
        )
        boxed = not without_sandbox and has_sandbox()
        source = model_lines(case if boxed else f"{case}-without-sandbox", model, endpoint)
        config = write_config(folder, repo, cluster, source, boxed=boxed)
        code = by_watch(cluster, config) if case == "bug" else by_name(cluster, config)
    sys.exit(code)


def by_watch(cluster: Cluster, config: Path) -> int:
    """Commit the bug, restart the service, and let the watch find it."""
    watch = subprocess.Popen(autohealer(config, "watch", "--once"), env=environment())
    fault = FAULTS[DEMO]
    commit = fault.apply(cluster.repo)
    say("bug", f"{fault.title} (commit {commit[:12]})")
    fault.strike(cluster)
    code = watch.wait(timeout=RECORDING_S)
    if code == 0:
        say("testbed", f"try it: git -C {cluster.repo} merge <the branch>, then restart the service")
    return code


def by_name(cluster: Cluster, config: Path) -> int:
    """Take market-redis away and heal, by name, the service that fell."""
    cluster.stop_redis("market-redis")
    say("outage", "market-redis was stopped")
    cluster.restart("vigil", wait=False)
    cluster.wait_exit("vigil")
    return subprocess.run(
        autohealer(config, "heal", "--service", "vigil"), env=environment(), check=False
    ).returncode


def autohealer(config: Path, *words: str) -> list[str]:
    """The command line of AutoHealer as a user would type it."""
    return [sys.executable, "-m", "agent.cli", "--config", str(config), *words]


def write_config(folder: Path, repo: Path, cluster: Cluster, source: list[str], *, boxed: bool) -> Path:
    """The demo's own autohealer.toml."""
    lines = [
        f'repo = "{repo}"',
        f'state = "{folder / "state"}"',
        f'system_redis_url = "{cluster.urls["system-redis"]}"',
        f'python = "{sys.executable}"',
        *source,
        "[sandbox]",
        f"enabled = {str(boxed).lower()}",
        "[watch]",
        "interval_s = 0.5",
        "grace_s = 5.0",
        f"services = {json.dumps(SERVICES)}",
    ]
    config = folder / "autohealer.toml"
    config.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return config


def model_lines(case: str, model: str, endpoint: str | None) -> list[str]:
    """Settings that say where the model's answers come from; says so in plain words, too."""
    cassette = CASSETTES / f"demo-{case}.yaml"
    if endpoint:
        say("model", f"recording from {endpoint} into {cassette}")
        return [
            f'models = ["{STAND_IN}"]',
            f'record = "{cassette}"',
            f'answered_by = "{ANSWERED_BY}"',
            f'[model."{STAND_IN}"]',
            f'base_url = "{endpoint}"',
            f"timeout_s = {RECORDING_S}",
            "[limits]",
            f"wall_s = {RECORDING_S}",
        ]
    if model == "live":
        if not any(os.environ.get(key) for key in KEYS):
            raise click.UsageError(f"MODEL=live needs a key: set {' or '.join(KEYS)}")
        say("model", "live: the configured models are asked")
        return []
    if cassette.exists():
        say("model", "recorded: the words of the model were recorded earlier, everything else is real")
        return [f'cassette = "{cassette}"']
    say("model", "none is needed: the rules decide this case")
    return []


def has_sandbox() -> bool:
    """Whether code can be run here; if not, the demo ends with a diagnosis and the patch attached."""
    try:
        find_isolation()
    except SandboxUnavailable as error:
        say("sandbox", f"none: {error}")
        return False
    return True


def environment() -> Mapping[str, str]:
    """The user's environment without settings that would change the demo."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AUTOHEALER_")}


def say(topic: str, text: str) -> None:
    """One line of the demo's own, in the manner of the run's."""
    click.echo(f"{click.style(f'{topic:>9}', dim=True)}  {text}")


def elapsed(since: float) -> str:
    """Seconds since a monotonic moment, for people."""
    return f"{time.monotonic() - since:.1f} s"


if __name__ == "__main__":
    main()
