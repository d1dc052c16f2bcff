"""The command sweep: many configurations of one optimizer, several seeds."""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import click

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError, MissingBackend, unknown
from ..rules.hyperparams import HYPERPARAMS, NAMES
from .options import DEVICE


def ranges(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each hyperparameter, which takes what `sweep_grid` reads."""
    for name in reversed(NAMES):
        command = click.option(
            f"--{name.replace('_', '-')}",
            metavar="VALUES",
            help=f"{HYPERPARAMS[name].meaning}.",
        )(command)
    return command


@click.command()
@click.argument("optimizer")
@click.option(
    "--backend", default="numpy", show_default=True, help=", ".join(FRAMEWORKS)
)
@ranges
@click.option(
    "--seeds",
    type=click.IntRange(1, 10_000),
    default=1,
    show_default=True,
    help="How many: 0, 1, 2 and so on.",
)
@click.option("--epochs", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--batch-size", type=int, default=10, show_default=True)
@click.option(
    "--data",
    metavar="auto|airfoil|stand-in|PATH",
    default="auto",
    show_default=True,
    help="The data; auto takes the stand-in if the airfoil file cannot be had.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for records and figures; out/sweep-OPTIMIZER-BACKEND if not given.",
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
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
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

    if "numpy" not in sys.modules:  # else it is too late, as in a test
        for name in THREADS:  # matrices of ten rows gain nothing from several
            os.environ.setdefault(name, "1")
    from ..backend.environment import how_to_install, is_installed
    from ..data import airfoil
    from ..show.screen import Progress, say
    from ..sweep.grid import Sweep, check_size, grid_of
    from ..sweep.run import report, sweep_into
    from ..sweep.store import count
    from ..sweep.tasks import WorkersLost
    from .options import writable

    # joblib's, after Ctrl-C; what is lost and what to do is said below.
    warnings.filterwarnings("ignore", ".*tasks which were still being processed")
    grid = grid_of(optimizer, {n: v for n, v in given.items() if v is not None})
    if backend not in FRAMEWORKS:
        raise unknown("backend", backend, FRAMEWORKS)
    if scheduler is None and not is_installed(backend):
        raise MissingBackend(how_to_install(backend))
    dataset = airfoil.load(data)
    if dataset.note:
        say(dataset.note)
    if not 1 <= batch_size <= len(dataset.y):
        raise InputError(
            f"--batch-size must be from 1 to {len(dataset.y)}, the number of rows; got "
            f"{batch_size}."
        )
    asked = Sweep(
        optimizer, backend, grid, seeds, epochs, batch_size, dtype, dataset.name
    )
    check_size(asked)
    folder = writable(out or Path("out") / f"sweep-{optimizer}-{backend}")
    total, begun = asked.size * seeds, time.perf_counter()
    first = True

    def goes_on() -> str:
        return (
            f"{count(folder)} of {total} records are kept in {folder}: the same "
            "command goes on from there."
        )

    with Progress(quiet=as_json) as progress:
        progress.begin(backend)

        def told(done: int, of: int) -> None:
            nonlocal first
            if first and done:
                say(f"{done} of {of} runs are in {folder} already.")
            first = False
            progress.tell(backend, "sweep", done, of)

        try:
            records = sweep_into(
                folder, asked, dataset, jobs=jobs, scheduler=scheduler, told=told
            )
        except KeyboardInterrupt:
            say(f"d2lopt: stopped; {goes_on()}")
            sys.exit(130)
        except WorkersLost as error:
            say(f"d2lopt: {error}; {goes_on()}")
            sys.exit(1)
    if not as_json:
        say(f"{total} runs in {time.perf_counter() - begun:.1f} s; {folder}")
    summary, made = report(asked, records, folder)
    if as_json:
        print(json.dumps(summary))
    else:
        made.print()
        for path in summary["figures"]:
            say(f"figure: {path}")
