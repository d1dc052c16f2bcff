"""`d2lopt run`, `compare` and `doctor`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..backend.frameworks import FRAMEWORKS
from ..conventions.table import ROWS
from ..errors import BrokenBackend, InputError
from ..rules.checks import check
from ..rules.hyperparams import HYPERPARAMS
from ..rules.optimizers import find
from .options import COMPILE, DEVICE, SECONDS, TAKEN, check_backend

if TYPE_CHECKING:
    from ..train.record import Record, Spec


def problem_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that `run` and `compare` share."""
    options = [
        *(
            click.option(
                f"--{name.replace('_', '-')}",
                type=float,
                help=f"{HYPERPARAMS[name].meaning}.",
            )
            for name in TAKEN
        ),
        click.option("--epochs", type=int, default=2, show_default=True),
        click.option("--batch-size", type=int, default=10, show_default=True),
        click.option(
            "--seed", type=click.IntRange(min=0), default=0, show_default=True
        ),
        click.option(
            "--data",
            metavar="auto|airfoil|stand-in|PATH",
            default="auto",
            show_default=True,
            help="The data; auto takes the stand-in if the airfoil file cannot be had.",
        ),
        click.option(
            "--dtype",
            type=click.Choice(["float32", "float64"]),
            default="float32",
            show_default=True,
        ),
        click.option(
            "--limit",
            type=SECONDS,
            default=600.0,
            show_default=True,
            help="Seconds that a backend may take.",
        ),
        COMPILE,
        DEVICE,
        click.option(
            "--json", "as_json", is_flag=True, help="Print one record a line."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def spec_from(
    optimizer: str, data: str, implementations: tuple[str, ...], options: dict[str, Any]
) -> Spec:
    """The checked spec of what the command line asks for; its backend is still open."""
    from ..data import airfoil
    from ..train.record import Spec

    hyperparams = dict(find(optimizer).hyperparams)
    given = {n: options.pop(n) for n in TAKEN if options.get(n) is not None}
    hyperparams.update(given)
    check(find(optimizer), hyperparams)
    dataset = airfoil.load(data)
    if dataset.note:
        print(dataset.note, file=sys.stderr)
    rows = len(dataset.y)
    for option, value, most in (
        ("--epochs", options["epochs"], sys.maxsize),
        ("--batch-size", options["batch_size"], rows),
    ):
        if not 1 <= value <= most:
            upto = f"to {most}, the number of rows" if most == rows else "up"
            raise InputError(f"{option} must be from 1 {upto}; got {value}.")
    return Spec(
        backend="",
        optimizer=optimizer,
        hyperparams=hyperparams,
        implementations=implementations,
        data=dataset.origin if dataset.name == "airfoil" else "stand-in",
        dtype=options["dtype"],
        seed=options["seed"],
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        compile=options["compile"],
    )


def conclude(records: list[Record], as_json: bool) -> None:
    """Print the records; exit with 1 if one failed."""
    from dataclasses import asdict

    from ..runs.compare import table

    if as_json:
        for record in records:
            print(json.dumps(asdict(record)))
    else:
        table(records).print()
    if any(record.status == "failed" for record in records):
        sys.exit(1)


@click.command()
@click.argument("optimizer")
@click.option(
    "--backend", default="numpy", show_default=True, help=", ".join(FRAMEWORKS)
)
@click.option(
    "--implementation",
    type=click.Choice(["scratch", "built-in", "both"]),
    default="both",
    show_default=True,
)
@problem_options
def run(
    optimizer: str,
    backend: str,
    implementation: str,
    data: str,
    limit: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Run OPTIMIZER on one backend.

    \b
    d2lopt run rmsprop --backend mxnet --implementation both --gamma 0.95
    d2lopt run rmsprop --backend torch --json | python -m json.tool
    """
    find(optimizer)
    check_backend(backend)
    if implementation == "built-in" and not ROWS[backend]:
        raise InputError(
            f"{FRAMEWORKS[backend].title} has no optimizer of its own: "
            "choose --implementation scratch."
        )
    from ..runs.compare import run_all
    from ..show.screen import Progress
    from ..train.record import IMPLEMENTATIONS

    both = IMPLEMENTATIONS if implementation == "both" else (implementation,)
    spec = spec_from(optimizer, data, both, options)
    with Progress(quiet=as_json) as progress:
        records = run_all(spec, [backend], limit=limit, progress=progress)
    if all(BrokenBackend.MARK in record.message for record in records):
        raise BrokenBackend(records[0].message)
    conclude(records, as_json)


@click.command()
@click.argument("optimizer")
@click.option("--backends", help="Comma-separated; every installed one if not given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="out",
    show_default=True,
    help="Folder for compare.jsonl and the figure.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="Also write a report there: one page, with what explains each difference. It "
    "takes ten seeds more, on NumPy.",
)
@problem_options
def compare(
    optimizer: str,
    backends: str | None,
    out: Path,
    html: Path | None,
    data: str,
    limit: float,
    as_json: bool,
    **options: Any,
) -> None:
    """Run OPTIMIZER on several backends, from scratch and built in.

    \b
    d2lopt compare rmsprop
    d2lopt compare rmsprop --backends numpy,torch --epochs 5 --out out/five
    d2lopt compare rmsprop --html out/compare.html
    """
    from ..backend.environment import installed
    from ..runs.compare import figure, run_all
    from ..show.figures import save
    from ..show.screen import Progress
    from ..train.record import IMPLEMENTATIONS
    from .options import writable

    find(optimizer)
    named = [name.strip() for name in backends.split(",")] if backends else installed()
    for name in named:
        check_backend(name)
    spec = spec_from(optimizer, data, IMPLEMENTATIONS, options)
    writable(out)
    chosen = list(dict.fromkeys(named)) if backends else list(FRAMEWORKS)
    if html is not None:
        from ..pages.report import page as report

        report.check_writable(html)
        about = report.circumstances(spec, chosen, html)
    with Progress(quiet=as_json) as progress:
        records = run_all(spec, chosen, limit=limit, progress=progress, out=out)
        if html is not None:
            found = report.measured(spec, chosen, progress)
            report.write(html, report.page(records, found, about))
    paths = save(figure(records), out, "compare")
    if not as_json:
        print(f"figure: {paths[-1]}", file=sys.stderr)
        if html is not None:
            print(f"report: {html}", file=sys.stderr)
    conclude(records, as_json)


@click.command()
@click.option(
    "--limit",
    type=SECONDS,
    default=120.0,
    show_default=True,
    help="Seconds that a backend may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one object a line.")
def doctor(limit: float, as_json: bool) -> None:
    """Say for each backend whether it works here, and what mends it.

    \b
    d2lopt doctor
    """
    from ..runs.doctor import examine, table
    from ..show.screen import Progress

    with Progress(quiet=as_json) as progress:
        found = examine(limit, progress)
    if as_json:
        for answer in found:
            print(json.dumps(answer))
    else:
        table(found).print()
    if any(answer["status"] == "broken" for answer in found):
        sys.exit(1)
