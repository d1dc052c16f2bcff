"""The tasks of a sweep, run by joblib on this machine or by a Dask cluster.

A task is one seed and a slice of the configurations; it gives a record for each, as a
JSON object. Tasks carry the data with them, so that a worker needs no file.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from ..backend.frameworks import FRAMEWORKS
from ..errors import BrokenBackend, InputError
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
        if module == "numpy" or not others & sys.modules.keys():
            return compute(sweep, X, y, task)
        return _compute_in_child(sweep, X, y, task)


def _compute_in_child(sweep: Sweep, X: Array, y: Array, task: Task) -> Records:
    """What `compute` gives, from a process that is started for it."""
    from ..backend.processes import stream

    records: Records = []
    arguments = {
        "sweep": sweep.as_json(),
        "X": X.tolist(),
        "y": y.tolist(),
        "task": list(task),
    }
    job = f"{__name__}:emit_records"
    reason = asyncio.run(stream(job, arguments, records.append, limit=1e6))
    if reason:
        title = FRAMEWORKS[sweep.backend].title
        raise BrokenBackend(reason if title in reason else f"{title}: {reason}")
    return records


def emit_records(
    emit: Callable[[dict[str, Any]], None],
    sweep: dict[str, Any],
    X: Sequence[Sequence[float]],
    y: Sequence[float],
    task: Sequence[int],
) -> None:
    """What the child does: emit each record of the task; the arguments are JSON."""
    arrays = np.array(X, np.float64), np.array(y, np.float64)
    for record in compute(Sweep(**sweep), *arrays, Task(*task)):
        emit(record)


# ------------------------------------------------------------------- on this machine


def on_this_machine(run: Work, tasks: Sequence[Task], jobs: int) -> Results:
    """Each task with its records, as they come, from up to `jobs` processes.

    A process that dies costs only the tasks that it was at. With one job, or one task,
    this process does the work. Raises WorkersLost if processes die over and over.
    """
    if min(jobs, len(tasks)) == 1:
        for task in tasks:
            yield task, run(task)
        return
    left, deaths = dict.fromkeys(tasks), 0
    while left:
        before = len(left)
        for task, records in _in_processes(run, list(left), jobs):
            del left[task]
            yield task, records
        deaths = deaths + 1 if len(left) == before else 0
        if deaths == ATTEMPTS:
            raise WorkersLost(f"the processes that ran the tasks died {deaths} times")


def _in_processes(run: Work, tasks: Sequence[Task], jobs: int) -> Results:
    """Each task with its records, from joblib's processes; ends early if one dies."""
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
                jobs, return_as="generator_unordered", batch_size=1
            )
            with suppress(TerminatedWorkerError):
                yield from parallel(map(call, tasks))
        ended = True
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


def on_cluster(run: Work, tasks: Sequence[Task], address: str) -> Results:
    """Each task with its records, as they come, from the workers of a Dask scheduler.

    The scheduler gives the tasks of a worker that is lost to another one. Raises an
    InputError if no scheduler or no worker answers.
    """
    try:
        from dask.distributed import Client, KilledWorker, as_completed
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

        def submit(number: int) -> list[Any]:
            submitted = {
                client.submit(run, task, pure=False): task
                for task in itertools.islice(waiting, number)
            }
            futures.update(submitted)
            return list(submitted)

        completed = as_completed(submit(AHEAD), loop=client.loop)
        for future in completed:
            task = futures.pop(future)
            try:
                yield task, future.result()
            except (KilledWorker, CancelledError) as error:
                raise WorkersLost(
                    "the workers of the cluster died over and over, or its scheduler"
                ) from error
            completed.update(submit(1))
    finally:
        with suppress(Exception):
            client.cancel(list(futures))
        with suppress(Exception):
            client.close(timeout=5)
