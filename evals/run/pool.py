"""Many cases side by side, by a few processes; a killed run goes on where it was."""

from __future__ import annotations

import fcntl
import hashlib
import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from evals.cases import Case
from evals.run.maker import UNKNOWN, Maker
from evals.run.models import can_answer
from evals.run.perform import Job, broken, perform
from evals.score.answer import Answer, ResultsError, read_answers

RESULTS = "results.jsonl"
ROOT = Path(__file__).parents[2]
SOURCES = ("agent", "tools", "sandbox", "prompts", "evals")
LEFT_OUT = {"__pycache__", "recordings"}

Told = Callable[[Answer, int, int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to be: who answers, how often, with which settings, on whose repository."""

    models: Sequence[str]
    repeat: int = 1
    config: Path | None = None
    test_runs: int = 1
    origin: Path | None = None
    maker: Maker = UNKNOWN


def jobs_for(cases: Sequence[Case], wanted: Wanted, folder: Path) -> list[Job]:
    """The jobs of a run: every case by every model that has something to say to it, again and again."""
    code = state_of_code()
    return [
        Job(
            case=case.folder.path,
            model=model,
            repeat=repeat,
            work=folder / "work" / model / f"{case.id}-{repeat}",
            record=folder / "runs" / model / f"{case.id}-{repeat}",
            code=code,
            config=wanted.config,
            test_runs=wanted.test_runs,
            origin=wanted.origin,
            maker=wanted.maker,
        )
        for model in dict.fromkeys(wanted.models)
        for repeat in range(1, wanted.repeat + 1)
        for case in cases
        if can_answer(model, case)
    ]


def run_all(
    jobs: Sequence[Job], folder: Path, workers: int, tell: Told, *, fresh: bool = False
) -> list[Answer]:
    """Run the jobs that have no answer of this state of the code yet; every answer, in the jobs' order.

    Each answer is on the disk before the next one is waited for. It takes the place of the job's earlier one;
    what other runs left in the folder stays: answers of a live model are paid for.

    Raises:
        ResultsError: earlier results cannot be read, or another run has the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        return _run(jobs, folder / RESULTS, workers, tell, fresh=fresh)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two runs in one folder would work on the same checkouts and mix their results."""
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ResultsError(f"another run has {folder}: name another one with --folder") from error
        yield


def _run(jobs: Sequence[Job], results: Path, workers: int, tell: Told, *, fresh: bool) -> list[Answer]:
    earlier = _earlier(results, fresh=fresh)
    known = {} if fresh else _known(earlier, jobs)
    # Without the line that a kill cut short. An answer of another state goes when the new one is there; those
    # that were to be made anew go now, or the run would take them for its own when it goes on.
    own = {_key(job) for job in jobs} if fresh else set()
    _write(results, (answer for answer in earlier if answer.key not in own))
    left = [job for job in jobs if _key(job) not in known]
    # What took long goes first, so that no worker is left with it at the end.
    took = {answer.key: -answer.seconds for answer in earlier}
    left.sort(key=lambda job: took.get(_key(job), -math.inf))
    # Closed whatever happens: what is not begun when the run is interrupted must not be.
    with results.open("a", encoding="utf-8") as lines, closing(_answers(left, workers)) as answers:
        for number, answer in enumerate(answers, 1):
            lines.write(_line(answer))
            lines.flush()
            os.fsync(lines.fileno())
            known[answer.key] = answer
            tell(answer, number, len(left))
    _write(results, read_answers(results))
    return [known[_key(job)] for job in jobs]


def state_of_code(root: Path = ROOT) -> str:
    """A name for the present state of everything that an answer depends on, prompts and cases included."""
    digest = hashlib.sha256()
    for file in _files(root):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def _files(root: Path) -> Iterator[Path]:
    for source in SOURCES:
        for folder, folders, names in os.walk(root / source):
            folders[:] = sorted(set(folders) - LEFT_OUT)
            yield from (Path(folder) / name for name in sorted(names))


def _earlier(results: Path, *, fresh: bool) -> list[Answer]:
    try:
        return read_answers(results) if results.exists() else []
    except ResultsError:
        if not fresh:
            raise
        results.replace(results.with_suffix(".unreadable"))
        return []


def _write(results: Path, answers: Iterable[Answer]) -> None:
    """All at once: a kill leaves the old file or the new one."""
    new = results.with_suffix(".new")
    new.write_text("".join(map(_line, answers)), encoding="utf-8")
    new.replace(results)


def _known(earlier: Iterable[Answer], jobs: Iterable[Job]) -> dict[tuple[str, str, int], Answer]:
    wanted = {_key(job): job.code for job in jobs}
    return {a.key: a for a in earlier if wanted.get(a.key) == a.code and a.error is None}


def _answers(jobs: Sequence[Job], workers: int) -> Generator[Answer]:
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        asked: dict[Future[Answer], Job] = {pool.submit(perform, job): job for job in jobs}
        for future in as_completed(asked):
            error = future.exception()
            yield future.result() if error is None else broken(asked[future], error)
    finally:
        pool.shutdown(cancel_futures=True)


def _key(job: Job) -> tuple[str, str, int]:
    return job.model, job.case.name, job.repeat


def _line(answer: Answer) -> str:
    return answer.model_dump_json() + "\n"
