"""A sweep on a Dask cluster: a LocalCluster of several processes."""

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from d2lopt.backend import environment
from d2lopt.backend.frameworks import FRAMEWORKS
from d2lopt.data import airfoil as data
from d2lopt.errors import InputError
from d2lopt.sweep.grid import Sweep, Task
from d2lopt.sweep.run import sweep_into
from d2lopt.sweep.tasks import Results, WorkersLost, on_cluster, on_this_machine

distributed = pytest.importorskip(
    "distributed", reason="Dask is not installed: pip install 'd2lopt[cluster]'"
)
pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as made:
        yield made


def workers_of(cluster) -> list[int]:
    with distributed.Client(cluster, set_as_default=False) as client:
        return list(client.run(os.getpid).values())


def records_in(folder: Path) -> list[dict]:
    return [json.loads(x) for x in (folder / "records.jsonl").open()]


def test_a_worker_killed_in_the_middle_costs_only_its_tasks(cluster, tmp_path):
    rates = [0.001 * (i + 1) for i in range(32)]
    sweep = Sweep("sgd", "numpy", {"lr": rates}, 16, 40, data="stand-in")
    dataset = data.load("stand-in")
    killed = []

    def told(done: int, of: int) -> None:
        if done and not killed:
            killed.append(workers_of(cluster)[0])
            os.kill(killed[0], signal.SIGKILL)

    cluster_folder, here = tmp_path / "cluster", tmp_path / "here"
    for folder in (cluster_folder, here):
        folder.mkdir()
    found = sweep_into(
        cluster_folder,
        sweep,
        dataset,
        scheduler=cluster.scheduler_address,
        tell=told,
    )
    assert killed
    assert len(found) == len(records_in(cluster_folder)) == 32 * 16
    assert found == sweep_into(here, sweep, dataset, jobs=1)


def test_two_frameworks_on_one_worker_do_not_meet(cluster, tmp_path):
    """The second one's tasks run in processes of their own."""
    pair = [b for b in FRAMEWORKS if b != "numpy" and environment.is_installed(b)][:2]
    if len(pair) < 2:
        pytest.skip("fewer than two frameworks are installed")
    dataset = data.load("stand-in")
    ends = []
    for backend in pair:
        sweep = Sweep("sgd", backend, {"lr": [0.01, 0.02]}, 2, 1, data="stand-in")
        (tmp_path / backend).mkdir()
        found = sweep_into(
            tmp_path / backend, sweep, dataset, scheduler=cluster.scheduler_address
        )
        assert [r["backend"] for r in found] == [backend] * 4
        ends.append([r["loss"] for r in found])
    np.testing.assert_allclose(*ends, rtol=1e-5)
    modules = [FRAMEWORKS[b].module for b in pair]
    with distributed.Client(cluster, set_as_default=False) as client:
        loaded = client.run(
            lambda names: [n in __import__("sys").modules for n in names], modules
        )
    assert all(sum(both) < 2 for both in loaded.values())


def dies(task: Task) -> list[dict]:
    os._exit(1)


@pytest.mark.parametrize("where", ["here", "cluster"])
def test_a_task_that_kills_its_workers_ends_in_one_sentence(where, cluster):
    results: Results
    if where == "here":
        results = on_this_machine(dies, [Task(0, 0, 1), Task(1, 0, 1)], 2)
    else:
        results = on_cluster(dies, [Task(0, 0, 1)], cluster.scheduler_address)
    with pytest.raises(WorkersLost, match="died"):
        list(results)


def test_a_cluster_without_workers_says_so(monkeypatch):
    from d2lopt.sweep import tasks as sweep_tasks

    monkeypatch.setattr(sweep_tasks, "SECONDS", 1)
    with distributed.LocalCluster(
        n_workers=0, processes=True, dashboard_address=":0"
    ) as empty:
        with pytest.raises(
            InputError, match="has no worker: start one with `dask worker"
        ):
            list(on_cluster(dies, [Task(0, 0, 1)], empty.scheduler_address))
        address = empty.scheduler_address
    with pytest.raises(InputError, match="no Dask scheduler answers at"):
        list(on_cluster(dies, [Task(0, 0, 1)], address))


def test_more_tasks_than_the_cluster_has_at_a_time(cluster, monkeypatch):
    from d2lopt.sweep import tasks as sweep_tasks

    monkeypatch.setattr(sweep_tasks, "AHEAD", 3)
    tasks = [Task(seed, 0, 1) for seed in range(10)]
    found = on_cluster(named, tasks, cluster.scheduler_address)
    assert sorted(task for task, _ in found) == tasks


def named(task: Task) -> list[dict]:
    return [{"seed": task.seed}]


def hangs(task: Task) -> list[dict]:
    time.sleep(20 if task.seed else 0)
    return [{"seed": task.seed}]


@pytest.mark.parametrize("where", ["here", "cluster"])
def test_a_task_that_hangs_ends_in_one_sentence(where, cluster):
    tasks = [Task(seed, 0, 1) for seed in range(3)]
    results: Results
    if where == "here":
        results = on_this_machine(hangs, tasks, 2, limit=8)
    else:
        results = on_cluster(hangs, tasks, cluster.scheduler_address, limit=8)
    assert next(results)[0] == tasks[0]  # what is done is given before
    with pytest.raises(WorkersLost, match=r"^stopped: a task passed its limit of 8 s"):
        list(results)
