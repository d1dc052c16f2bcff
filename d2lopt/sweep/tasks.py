"""The tasks of a sweep, run by joblib on this machine or by a Dask cluster.

A task is one seed and a slice of the configurations; it gives a record for each, as a
JSON object. Tasks carry the data with them, so that a worker needs no file.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError
from contextlib import closing, suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from ..backend.frameworks import FRAMEWORKS
from ..backend.processes import ChildLost, events, passed
from ..errors import InputError
from ..train.batches import Array
from .grid import Sweep, Task

Records = list[dict[str, Any]]
Work = Callable[[Task], Records]
Results = Generator[tuple[Task, Records], None, None]
ATTEMPTS = 3  # how often workers may die without any task having ended in between
SECONDS = 30  # to wait for a cluster
AHEAD = 256  # tasks that a cluster has at a time

# A worker of a cluster may have several threads; not every framework may be used from
# two of them at once.
_one_at_a_time = threading.Lock()


class WorkersLost(RuntimeError):
    """The processes that run the tasks die over and over; finished records are kept."""


# --------------------------------------------------------------------------- one task


def compute(sweep: Sweep, X: Array, y: Array, task: Task) -> Records:
    """The records of a task, computed in this process.

    X (n, d) and y (n,) are all rows of the data. Raises MissingBackend or BrokenBackend
    if the framework cannot be imported.
    """
    from ..backend.load import load
    from ..rules.optimizers import find
    from ..train.batches import Minibatches
    from ..train.many import run_many
    from ..train.record import Spec, blank

    d2l = load(sweep.backend)
    rows = X.astype(sweep.dtype), y.astype(sweep.dtype)
    minibatches = Minibatches(d2l, *rows, sweep.batch_size, task.seed)
    configurations = sweep.configurations[task.start : task.stop]
    # The last slice is filled up to the shape of the others: one program for all.
    filled = configurations + configurations[-1:] * (sweep.slice - len(configurations))
    outcomes = run_many(
        d2l, find(sweep.optimizer), filled, sweep.varied, minibatches, sweep.epochs
    )
    spec = Spec(
        backend=sweep.backend,
        optimizer=sweep.optimizer,
        hyperparams={},
        data=sweep.data,
        dtype=sweep.dtype,
        seed=task.seed,
        epochs=sweep.epochs,
        batch_size=sweep.batch_size,
    )
    common = replace(blank(spec, "scratch", "ok", ""), version=d2l.version)
    records = []
    for configuration, outcome in zip(configurations, outcomes, strict=False):
        record = replace(
            common,
            hyperparams=configuration,
            loss=None if outcome.diverged else outcome.losses[-1],
            losses=outcome.losses,
            steps=outcome.steps,
            num_steps=outcome.num_steps,
            status="diverged" if outcome.diverged else "ok",
            message=outcome.diverged or "",
        )
        records.append(asdict(record))
    return records


def work(sweep: Sweep, X: Array, y: Array, task: Task) -> Records:
    """The records of a task, one task at a time in a process.

    Two frameworks would crash a process. So where one has another framework in it
    already, as a worker of a cluster may from an earlier sweep, a child computes.
    """
    with _one_at_a_time:
        module = FRAMEWORKS[sweep.backend].module
        others = {f.module for f in FRAMEWORKS.values()} - {"numpy", module}
        if module != "numpy" and others & sys.modules.keys():
            # It has no limit of its own: who waits for this task counts the seconds.
            ((_, records),) = in_a_child(sweep, X, y, [task], limit=1e6)
            return records
        try:
            return compute(sweep, X, y, task)
        except SystemExit as error:
            # A framework that cannot go on may end its process with no other error.
            # Left to itself, that would end the sweep as if all were done.
            why = error.code
            if why is None or isinstance(why, int):
                why = f"it ended with exit status {why or 0}"
            title = FRAMEWORKS[sweep.backend].title
            raise WorkersLost(f"{title}: {why}") from error


# ----------------------------------------------------------------- in one other process


def in_a_child(
    sweep: Sweep, X: Array, y: Array, tasks: Sequence[Task], limit: float = 600.0
) -> Results:
    """Each task with its records, as they come, one after another in one process.

    It is not this one, which would end with a framework that crashes or hangs. Raises
    WorkersLost if it dies or takes more than `limit` seconds for a task.
    """
    arguments = {
        "sweep": sweep.as_json(),
        "X": X.tolist(),
        "y": y.tolist(),
        "tasks": list(tasks),
    }
    try:
        with closing(events(f"{__name__}:emit_records", arguments, limit)) as answers:
            for task, answer in zip(tasks, answers, strict=True):
                yield task, answer["records"]
    except ChildLost as error:
        raise WorkersLost(f"{FRAMEWORKS[sweep.backend].title}: {error}") from error


def emit_records(
    emit: Callable[[dict[str, Any]], None],
    sweep: dict[str, Any],
    X: Sequence[Sequence[float]],
    y: Sequence[float],
    tasks: Sequence[Sequence[int]],
) -> None:
    """What the child does: emit each task's records; the arguments are JSON."""
    arrays = np.array(X, np.float64), np.array(y, np.float64)
    for task in tasks:
        emit({"records": compute(Sweep(**sweep), *arrays, Task(*task))})


# ------------------------------------------------------------------- on this machine


def on_this_machine(
    run: Work, tasks: Sequence[Task], jobs: int, limit: float = 600.0
) -> Results:
    """Each task with its records, as they come, from two and up to `jobs` processes.

    A process that dies costs only the tasks that it was at. Raises WorkersLost if
    processes die over and over, or if a task takes more than `limit` seconds; and an
    InputError where the system lets no processes work together.
    """
    try:
        multiprocessing.Lock()
    except (OSError, ImportError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            "several processes need shared memory (on Linux, /dev/shm), and this "
            f"system refuses it: {why}. Take one process: --jobs 1."
        ) from error
    left, deaths = dict.fromkeys(tasks), 0
    while left:
        before, why = len(left), ""
        try:
            for task, records in _in_processes(run, list(left), jobs, limit):
                del left[task]
                yield task, records
        except ChildLost as error:
            why = str(error)
        deaths = deaths + 1 if len(left) == before else 0
        if deaths == ATTEMPTS:
            raise WorkersLost(
                f"the processes that ran the tasks died {deaths} times{why}"
            )


def _in_processes(run: Work, tasks: Sequence[Task], jobs: int, limit: float) -> Results:
    """Each task with its records, from joblib's processes.

    Raises ChildLost if one of them dies, WorkersLost if a task passes the limit.
    """
    import joblib
    from joblib.externals.loky import get_reusable_executor
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    jobs = max(2, min(jobs, len(tasks)))  # with one, joblib would run it right here
    call = joblib.delayed(partial(_in_worker, run))
    # Before its first task too: a parent may die while its workers start.
    watching = {"initializer": _end_with, "initargs": (os.getpid(),)}
    ended = False
    try:
        with joblib.parallel_config("loky", inner_max_num_threads=1, **watching):
            parallel = joblib.Parallel(
                jobs, return_as="generator_unordered", batch_size=1, timeout=limit
            )
            yield from parallel(map(call, tasks))
        ended = True
    except TerminatedWorkerError as error:
        # Its text has the exit codes: {SIGSEGV(-11), EXIT(3)}.
        codes = dict(re.findall(r"(SIG\w+|EXIT)\((-?\d+)\)", str(error)))
        whys = [
            f": exit status {code}" if name == "EXIT" else f": killed by {name}"
            for name, code in codes.items()
        ]
        raise ChildLost("".join(whys)) from error
    except multiprocessing.TimeoutError as error:
        raise WorkersLost(passed(limit, "a task")) from error
    finally:
        if not ended:  # Ctrl-C: what the processes are at is of no use any more
            get_reusable_executor(reuse=True).shutdown(wait=False, kill_workers=True)


def _in_worker(run: Work, task: Task) -> tuple[Task, Records]:
    """A task in a process that ends when its parent does, and not before."""
    if threading.current_thread() is threading.main_thread():
        # A terminal sends Ctrl-C to all processes; the parent ends its workers itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return task, run(task)


def _end_with(parent: int) -> None:
    """End this worker when `parent` is gone, even by a signal that none can catch.

    A worker without a parent would wait for ever, with the parent's output held open,
    so that a pipe behind it would never end.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


# ---------------------------------------------------------------------- on a cluster


def on_cluster(
    run: Work, tasks: Sequence[Task], address: str, limit: float = 600.0
) -> Results:
    """Each task with its records, as they come, from the workers of a Dask scheduler.

    The scheduler gives the tasks of a worker that is lost to another one. Raises an
    InputError if no scheduler or no worker answers, WorkersLost if workers die over
    and over or `limit` seconds pass in which no task ends.
    """
    try:
        from dask.distributed import Client, KilledWorker, wait
    except ImportError as error:
        raise InputError(
            f"--scheduler needs Dask ({error}): pip install 'd2lopt[cluster]'."
        ) from error
    try:
        client = Client(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address}: start one with `dask scheduler`, "
            "and give the address that it prints."
        ) from error
    futures: dict[Any, Task] = {}
    try:
        try:
            client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            raise InputError(
                f"the scheduler at {address} has no worker: start one with `dask "
                f"worker {address}`."
            ) from error
        waiting = iter(tasks)

        def submit(number: int) -> None:
            for task in itertools.islice(waiting, number):
                futures[client.submit(run, task, pure=False)] = task

        submit(AHEAD)
        while futures:
            try:
                with client.as_current():
                    done, _ = wait(list(futures), limit, "FIRST_COMPLETED")
                for future in done:
                    yield futures.pop(future), future.result()
                    submit(1)
            except TimeoutError as error:
                raise WorkersLost(passed(limit, "a task")) from error
            except (KilledWorker, CancelledError) as error:
                raise WorkersLost(
                    "the workers of the cluster died over and over, or its scheduler"
                ) from error
    finally:
        with suppress(Exception):
            client.cancel(list(futures))
        with suppress(Exception):
            client.close(timeout=5)
