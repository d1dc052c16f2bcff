"""The command that measures speed: bench."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..errors import InputError, unknown
from ..files import json_lines, make_folder, write_whole, writing
from ..show.screen import print_line, say
from .checks import installed_backends, load_data, split
from .options import BACKENDS, DATA, DEVICE, json_option, limit_option, out_option


@click.command()
@BACKENDS
@click.option("--tasks", help="Of epoch, batch1, large, many; all if not given.")
@click.option("--repeat", type=click.IntRange(min=1), default=5, show_default=True)
@click.option(
    "--sizes",
    default="10000000,50000000",
    show_default=True,
    help="Numbers of parameters for the task large.",
)
@click.option(
    "--compile",
    "compile",
    is_flag=True,
    help="Time the loop that is compiled on request as well: it takes a while.",
)
@out_option("out", "Folder for bench.jsonl and the figure.")
@limit_option(900.0, "a backend")
@DATA
@DEVICE
@json_option()
def bench(
    backends: str | None,
    tasks: str | None,
    repeat: int,
    sizes: str,
    compile: bool,
    out: Path,
    limit: float,
    data: str,
    as_json: bool,
) -> None:
    """Measure how fast RMSProp is on each backend, against a plain compiled loop.

    Step by step, compiled and built in; on the airfoil problem, with batch size 1, over
    millions of parameters, and with many configurations at once. Keep the machine
    otherwise idle.

    \b
    d2lopt bench --backends numpy,torch --tasks epoch,many
    d2lopt bench --tasks large --sizes 10000000 --json
    """
    from ..bench.run import TASKS, time_all
    from ..bench.show import figure, tables
    from ..show.figures import save

    chosen = split(tasks) or list(TASKS)
    for task in chosen:
        if task not in TASKS:
            raise unknown("task", task, TASKS)
    names = installed_backends(backends)

    def tell(backend: str, task: str) -> None:
        say(f"{backend}: {task} ...")

    make_folder(out)
    timings, failed = time_all(
        names,
        tell,
        limit,
        tasks=chosen,
        repeat=repeat,
        sizes=[_size(text) for text in split(sizes)],
        compile=compile,
        data=load_data(data).source,
    )
    lines = json_lines(timing.as_json() for timing in timings)
    if as_json:
        for timing in timings:
            print_line(json.dumps(timing.as_json()))
    else:
        for table in tables(timings):
            table.print()
    with writing(f"into {out}"):
        write_whole(out / "bench.jsonl", lines)
    if timings:
        path = save(figure(timings), out, "bench")[-1]
        say(f"figure: {path}")
    for name, why in failed.items():
        say(f"{name}: {why}")
    if failed:
        sys.exit(1)


def _size(text: str) -> int:
    try:
        size = int(float(text))
    except (ValueError, OverflowError):
        size = 0
    if not 1000 <= size <= 10**9:
        raise InputError(f"--sizes takes numbers from 1000 to 1e9; got {text!r}.")
    return size
