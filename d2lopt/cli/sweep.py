"""The command sweep: many configurations of one optimizer, several seeds."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

import click

from ..files import make_folder
from ..show.screen import print_line, say
from .checks import check_batch_size, installed_backend, known_backend, load_data
from .options import (
    BACKEND,
    BATCH_SIZE,
    DATA,
    DEVICE,
    DTYPE,
    EPOCHS,
    hyperparam_options,
    json_option,
    limit_option,
    out_option,
)


@click.command()
@click.argument("optimizer")
@BACKEND
@hyperparam_options(metavar="VALUES")
@click.option(
    "--seeds",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="How many: 0, 1, 2 and so on.",
)
@EPOCHS
@BATCH_SIZE
@DATA
@DTYPE
@out_option(
    None,
    "Folder for records and figures; out/sweep-OPTIMIZER-BACKEND if not given.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Processes on this machine; as many as it has cores if not given.",
)
@click.option(
    "--scheduler",
    metavar="tcp://…",
    help="A Dask scheduler, whose workers run the sweep instead.",
)
@limit_option(600.0, "a task, up to 1024 runs with one seed,")
@DEVICE
@json_option("Print the summary as JSON.")
def sweep(
    optimizer: str,
    backend: str,
    seeds: int,
    epochs: int,
    batch_size: int,
    data: str,
    dtype: str,
    out: Path | None,
    jobs: int | None,
    scheduler: str | None,
    limit: float,
    as_json: bool,
    **given: str | None,
) -> None:
    """Try many settings of OPTIMIZER, each with several seeds.

    VALUES are one number, several (0.9,0.99), or so many from one to another:
    1e-4:1:log:32 with equal ratios, 0:0.9:lin:10 with equal differences. What is not
    given stays at the optimizer's default. A sweep that was stopped goes on with the
    same command.

    \b
    d2lopt sweep rmsprop --lr 1e-4:1:log:32 --gamma 0.5,0.9,0.99,0.999 --seeds 8
    d2lopt sweep adam --lr 1e-3:0.3:log:64 --backend jax --jobs 4
    """
    from ..backend.processes import THREADS

    # Matrices of ten rows gain nothing from several threads. NumPy asks for their
    # number when it is imported: in a test, where it is already, this comes too late.
    if "numpy" not in sys.modules:
        for name in THREADS:
            os.environ.setdefault(name, "1")
    from ..show.screen import Progress
    from ..sweep.grid import Sweep, check_size, grid_of
    from ..sweep.run import report, sweep_into
    from ..sweep.store import count
    from ..sweep.tasks import WorkersLost

    # joblib warns after Ctrl-C; what is lost and what to do is said below.
    warnings.filterwarnings("ignore", ".*tasks which were still being processed")
    grid = grid_of(optimizer, {n: v for n, v in given.items() if v is not None})
    # The workers of a scheduler have frameworks of their own.
    check = known_backend if scheduler else installed_backend
    check(backend)
    dataset = load_data(data)
    check_batch_size(batch_size, dataset)
    asked = Sweep(
        optimizer, backend, grid, seeds, epochs, batch_size, dtype, dataset.name
    )
    check_size(asked)
    folder = make_folder(out or Path("out") / f"sweep-{optimizer}-{backend}")
    total, start = asked.size * seeds, time.perf_counter()
    is_first = True

    def goes_on() -> str:
        return (
            f"{count(folder)} of {total} records are kept in {folder}: the same "
            "command goes on from there."
        )

    with Progress(quiet=as_json) as progress:
        progress.begin(backend)

        def tell(done: int, of: int) -> None:
            nonlocal is_first
            if is_first and done:
                say(f"{done} of {of} runs are in {folder} already.")
            is_first = False
            progress.tell(backend, "sweep", done, of)

        try:
            records = sweep_into(
                folder,
                asked,
                dataset,
                jobs=jobs,
                scheduler=scheduler,
                limit=limit,
                tell=tell,
            )
        except KeyboardInterrupt:
            say(f"d2lopt: stopped; {goes_on()}")
            sys.exit(130)
        except WorkersLost as error:
            say(f"d2lopt: {error}; {goes_on()}")
            sys.exit(1)
    if not as_json:
        say(f"{total} runs in {time.perf_counter() - start:.1f} s; {folder}")
    summary, table = report(asked, records, folder)
    if as_json:
        print_line(json.dumps(summary))
    else:
        table.print()
        for path in summary["figures"]:
            say(f"figure: {path}")
