"""Record incidents again, beside the committed ones, and say which came out the same.

    python -m evals.reproduce

The same is: the same commit and truth, a crash of the same kind, error and frames, and the same parts of
the platform alive. What came of it is kept in `reproduced.json`, with its date and the commit of this tree.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from evals.cases import INCIDENTS, Case, load_case, load_cases
from evals.production import TraceError
from evals.record import RecordError, record_anyhow
from evals.testbed.cluster import ClusterError
from evals.testbed.faults import FaultError
from tools.incident import IncidentFolder
from tools.logs import last_crash

RESULT = Path(__file__).with_name("reproduced.json")
_NUMBER = re.compile(r"\d+(?:\.\d+)?|0x[0-9a-f]+")


@click.command()
@click.argument("names", nargs=-1, metavar="CASE...")
@click.option("--python", type=click.Path(path_type=Path, exists=True), default=Path(sys.executable),
              help="The services' interpreter, for faults that need a package of their own.")  # fmt: skip
def main(names: tuple[str, ...], python: Path) -> None:
    """Record each CASE again, every one by default; exit code 1 where one came out otherwise."""
    cases = load_cases()
    if unknown := [name for name in names if name not in cases]:
        raise click.UsageError(f"no case {unknown[0]!r}; there are {', '.join(cases)}")
    found = {}
    for name in names or cases:
        found[name] = reproduce(cases[name], python.absolute())
        click.echo(f"{name}: {found[name] or 'the same'}")
        keep({name: found[name]})
    sys.exit(1 if any(found.values()) else 0)


def reproduce(case: Case, python: Path = Path(sys.executable)) -> str:
    """Record a case again; what differs, or nothing."""
    if case.fault is None:
        return "a real incident cannot be made again"
    with tempfile.TemporaryDirectory(prefix="autohealer-again-") as folder:
        try:
            again = load_case(record_anyhow(case.fault, Path(folder) / case.id, python))
        except (ClusterError, FaultError, RecordError, TraceError) as error:
            return f"not recorded: {str(error).splitlines()[0]}"
        return "; ".join(differences(case, again))


def differences(one: Case, other: Case) -> Iterator[str]:
    """What two recordings of a case tell differently, apart from times and numbers."""
    for name in ("commit", "service", "truth"):
        if getattr(one, name) != getattr(other, name):
            yield f"{name}: {getattr(one, name)} is now {getattr(other, name)}"
    # Where a server dies under a service, it is chance which call was under way, and how it ended.
    lines = None if one.truth.culprit else 2
    if (before := crash_of(one.folder)[:lines]) != (after := crash_of(other.folder)[:lines]):
        yield f"crash: {before} is now {after}"
    if (lived := alive_in(one.folder)) != (lives := alive_in(other.folder)):
        yield f"alive: {lived} is now {lives}"


def crash_of(folder: IncidentFolder) -> list[str]:
    """The last crash as lines: its kind, the error's type, its message without numbers, its frames."""
    crash = last_crash(folder.log)
    if crash is None:
        return ["none"]
    final = crash.final
    if final is None:
        return [crash.kind]
    frames = [f"{frame.path}:{frame.line} {frame.function}" for frame in final.frames]
    return [crash.kind, final.type, _NUMBER.sub("#", final.message), *frames]


def alive_in(folder: IncidentFolder) -> list[str]:
    """The buses that answered and the processes that ran."""
    snapshot = folder.snapshot()
    buses = [name for name, bus in snapshot.redis.items() if bus.alive]
    return sorted([*buses, *(name for name, beat in snapshot.heartbeats.items() if beat.pid_alive)])


def keep(found: dict[str, str]) -> None:
    """Write what came of these cases into the result beside the recordings; the others stay as they are."""
    argv = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(argv, cwd=INCIDENTS, capture_output=True, text=True, check=True).stdout.strip()
    known = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    known |= {name: {"date": today, "commit": commit, "differs": text} for name, text in found.items()}
    RESULT.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
