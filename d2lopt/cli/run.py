"""`d2lopt run`, `compare` and `doctor`."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..backend.frameworks import FRAMEWORKS
from ..conventions.table import ROWS
from ..errors import BrokenBackend, InputError
from ..files import make_folder
from ..rules.checks import check
from ..rules.hyperparams import NAMES
from ..rules.optimizers import find
from ..show.screen import print_line, say
from .checks import check_batch_size, installed_backend, installed_backends, load_data
from .options import (
    BACKEND,
    BACKENDS,
    BATCH_SIZE,
    COMPILE,
    DATA,
    DEVICE,
    DTYPE,
    EPOCHS,
    given,
    hyperparam_options,
    json_option,
    limit_option,
    out_option,
    together,
)

if TYPE_CHECKING:
    from ..train.record import Record, Spec

# What `run` and `compare` are asked for alike.
PROBLEM = together(
    hyperparam_options(type=float),
    EPOCHS,
    BATCH_SIZE,
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True),
    DATA,
    DTYPE,
    limit_option(600.0, "a backend"),
    COMPILE,
    DEVICE,
    json_option("Print one record a line."),
)


def checked_spec(
    optimizer: str, data: str, implementations: tuple[str, ...], options: dict[str, Any]
) -> Spec:
    """What the options ask for, checked, with no backend in it yet.

    `options` has the values of `PROBLEM` by name.
    """
    from ..train.record import Spec

    rule = find(optimizer)
    hyperparams = dict(rule.hyperparams)
    hyperparams |= {n: options[n] for n in NAMES if options[n] is not None}
    check(rule, hyperparams)
    dataset = load_data(data)
    check_batch_size(options["batch_size"], dataset)
    return Spec(
        backend="",
        optimizer=optimizer,
        hyperparams=hyperparams,
        implementations=implementations,
        data=dataset.source,
        dtype=options["dtype"],
        seed=options["seed"],
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        compile=options["compile"],
    )


def finish(records: list[Record], as_json: bool) -> None:
    """End a command: print its records, and exit with status 1 if one failed."""
    from ..runs.compare import table

    if as_json:
        for record in records:
            print_line(json.dumps(asdict(record)))
    else:
        table(records).print()
    if any(record.status == "failed" for record in records):
        sys.exit(1)


@click.command()
@click.argument("optimizer")
@BACKEND
@click.option(
    "--implementation",
    type=click.Choice(["scratch", "built-in", "both"]),
    default="both",
    show_default=True,
)
@PROBLEM
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
    installed_backend(backend)
    if implementation == "built-in" and not ROWS[backend]:
        raise InputError(
            f"{FRAMEWORKS[backend].title} has no optimizer of its own: "
            "choose --implementation scratch."
        )
    from ..runs.compare import run_all
    from ..show.screen import Progress
    from ..train.record import IMPLEMENTATIONS

    wanted = IMPLEMENTATIONS if implementation == "both" else (implementation,)
    spec = checked_spec(optimizer, data, wanted, options)
    with Progress(quiet=as_json) as progress:
        records = run_all(spec, [backend], limit=limit, progress=progress)
    if all(BrokenBackend.MARK in record.message for record in records):
        raise BrokenBackend(records[0].message)
    finish(records, as_json)


@click.command()
@click.argument("optimizer")
@BACKENDS
@out_option("out", "Folder for compare.jsonl and the figure.")
@click.option(
    "--html",
    type=click.Path(path_type=Path),
    help="Also write a report there: one page, with what explains each difference. It "
    "takes ten seeds more, on NumPy.",
)
@PROBLEM
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

    A comparison that is stopped keeps its finished records, in compare-part1.jsonl if
    compare.jsonl has those of the one before.

    \b
    d2lopt compare rmsprop
    d2lopt compare rmsprop --backends numpy,torch --epochs 5 --out out/five
    d2lopt compare rmsprop --html out/compare.html
    """
    from ..runs.compare import figure, kept_in, run_all
    from ..show.figures import save
    from ..show.screen import Progress
    from ..train.record import IMPLEMENTATIONS

    find(optimizer)
    # Without --backends, those that are missing have a row too, which says so.
    chosen = installed_backends(backends) if backends else list(FRAMEWORKS)
    spec = checked_spec(optimizer, data, IMPLEMENTATIONS, options)
    if html is not None:
        from ..pages.report.page import (
            check_writable,
            circumstances,
            measured,
            page,
            write,
        )

        check_writable(html)
        named = given("data", "limit", "out", "as_json")
        about = circumstances(spec, chosen, html, named)
    with kept_in(make_folder(out)) as kept:
        try:
            with Progress(quiet=as_json) as progress:
                records = run_all(
                    spec, chosen, limit=limit, progress=progress, kept=kept
                )
                if html is not None:
                    findings = measured(spec, chosen, progress)
                    write(html, page(records, findings, about))
            paths = save(figure(records), out, "compare")
        except KeyboardInterrupt:
            say(f"d2lopt: stopped; {kept.where()}")
            sys.exit(130)
    if not as_json:
        say(f"figure: {paths[-1]}")
        if html is not None:
            say(f"report: {html}")
    finish(records, as_json)


@click.command()
@limit_option(120.0, "a backend")
@json_option("Print one object a line.")
def doctor(limit: float, as_json: bool) -> None:
    """Say for each backend whether it works here, and what mends it.

    \b
    d2lopt doctor
    """
    from ..runs.doctor import examine, table
    from ..show.screen import Progress

    with Progress(quiet=as_json) as progress:
        answers = examine(limit, progress)
    if as_json:
        for answer in answers:
            print_line(json.dumps(answer))
    else:
        table(answers).print()
    if any(answer["status"] == "broken" for answer in answers):
        sys.exit(1)
