"""The command that measures speed: bench."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..errors import InputError, MissingBackend, unknown
from .options import AS_JSON, DATA, DEVICE, SECONDS, data_source, known_framework, split


@click.command()
@click.option("--backends", help="Comma-separated; every installed one if not given.")
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
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="out",
    show_default=True,
    help="Folder for bench.jsonl and the figure.",
)
@click.option(
    "--limit",
    type=SECONDS,
    default=900.0,
    show_default=True,
    help="Seconds that a backend may take.",
)
@DATA
@DEVICE
@AS_JSON
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
    from ..backend.environment import how_to_install, installed, is_installed
    from ..bench import run as room
    from ..bench import show as bench_show
    from ..show.figures import save
    from .options import writable

    chosen = split(tasks) or list(room.TASKS)
    for task in chosen:
        if task not in room.TASKS:
            raise unknown("task", task, room.TASKS)
    named = split(backends) or installed()
    for name in named:
        if not is_installed(known_framework(name)):
            raise MissingBackend(how_to_install(name))

    def tell(backend: str, task: str) -> None:
        print(f"{backend}: {task} ...", file=sys.stderr, flush=True)

    writable(out)
    timings, failed = room.run(
        named,
        tell,
        limit,
        tasks=chosen,
        repeat=repeat,
        sizes=[_size(text) for text in split(sizes) or []],
        compile=compile,
        data=data_source(data),
    )
    lines = [json.dumps(room.as_json(timing)) for timing in timings]
    (out / "bench.jsonl").write_text("".join(f"{line}\n" for line in lines))
    if as_json:
        print("\n".join(lines))
    else:
        for table in bench_show.tables(timings):
            table.print()
    if timings:
        path = save(bench_show.figure(timings), out, "bench")[-1]
        print(f"figure: {path}", file=sys.stderr)
    for name, why in failed.items():
        print(f"{name}: {why}", file=sys.stderr)
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
