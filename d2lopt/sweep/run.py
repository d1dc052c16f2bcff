"""A sweep: one rule, many configurations, several seeds; records, figures, a summary.

It goes on where it was stopped: a run that has its record is not run again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..backend.environment import cores
from ..data import Dataset
from .grid import Sweep, check_size
from .store import LINES, opened
from .tasks import in_a_child, on_cluster, on_this_machine, work

if TYPE_CHECKING:
    from ..show.table import Table

Tell = Callable[[int, int], None]  # is told the runs done, and the runs in all


def sweep_into(
    folder: Path,
    sweep: Sweep,
    dataset: Dataset,
    *,
    jobs: int | None = None,
    scheduler: str | None = None,
    limit: float = 600.0,
    tell: Tell | None = None,
) -> list[dict[str, Any]]:
    """Run what the folder lacks of the sweep; return all its records, in their order.

    Args:
        folder: is there; `records.jsonl` and `sweep.json` are written into it.
        sweep: what to run.
        dataset: the data, the one that `sweep.data` names.
        jobs: processes on this machine; as many as it has cores if not given.
        scheduler: the address of a Dask scheduler, whose workers run the tasks instead.
        limit: seconds that a task may take; one has up to 1024 runs with one seed.
        tell: is called with how many runs have their record, and how many there are.

    Raises:
        InputError: another sweep is, or was, in the folder; nothing can be written; no
            cluster answers.
        MissingBackend, BrokenBackend: the framework is not to be had.
        WorkersLost: the processes that ran the tasks died, over and over, or a task
            passed its limit.
    """
    check_size(sweep)
    configurations = sweep.configurations
    total = len(configurations) * sweep.seeds
    run = partial(work, sweep, dataset.X, dataset.y)
    with opened(folder, sweep) as store:
        if tell is not None:
            tell(len(store.records), total)
        left = [
            task
            for task in sweep.tasks()
            if store.lacks(configurations[task.start : task.stop], task.seed)
        ]
        if left:
            at_once = min(jobs or cores(), len(left))
            if scheduler:
                results = on_cluster(run, left, scheduler, limit)
            elif at_once == 1:
                results = in_a_child(sweep, dataset.X, dataset.y, left, limit)
            else:
                results = on_this_machine(run, left, at_once, limit)
            try:
                for _, records in results:
                    store.append(records)
                    if tell is not None:
                        tell(len(store.records), total)
            finally:
                results.close()  # after Ctrl-C too: it stops what is at work
        return store.in_order()


def report(
    sweep: Sweep, records: Sequence[dict[str, Any]], folder: Path
) -> tuple[dict[str, Any], Table]:
    """(summary as JSON, table); the figures are drawn into the folder.

    The folder then has sweep-map and sweep-curves, as PNG and SVG.
    """
    from ..show.figures import pyplot, save
    from . import figures, summary

    settings = summary.settings_of(sweep, records)
    drawn = {
        "sweep-map": figures.final_losses(sweep, settings),
        "sweep-curves": figures.curves(sweep, settings),
    }
    paths = [
        str(save(figure, folder, stem)[-1])
        for stem, figure in drawn.items()
        if figure is not None
    ]
    for figure in drawn.values():
        pyplot().close(figure)
    about = summary.as_json(sweep, settings)
    about |= {"records": str(folder / LINES), "figures": paths}
    return about, summary.table(sweep, settings)
