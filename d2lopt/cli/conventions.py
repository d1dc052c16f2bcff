"""The commands about built-in optimizers: explain, translate, conformance."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ..backend.frameworks import FRAMEWORKS
from ..conventions.table import ROWS
from ..errors import InputError, unknown
from ..files import make_folder
from ..show.screen import print_line, say
from .checks import installed_backends, known_backend, load_data, split
from .options import BACKENDS, DATA, DEVICE, json_option, limit_option, out_option


@click.command()
@click.argument("optimizer")
@click.option("--from", "source", help="Explain the way from this framework ...")
@click.option("--to", "target", help="... to this one, on the data.")
@click.option("--lr", type=float, help="η on both sides; else each one's default.")
@click.option("--gamma", type=float, help="γ, likewise.")
@click.option("--eps", type=float, help="ε, likewise.")
@click.option("--momentum", type=float, help="μ, likewise.")
@click.option("--weight-decay", type=float, help="λ, likewise.")
@click.option("--seeds", type=click.IntRange(min=2), default=10, show_default=True)
@out_option("out", "Folder for the figure.")
@DATA
@DEVICE
@json_option()
def explain(
    optimizer: str,
    source: str | None,
    target: str | None,
    seeds: int,
    out: Path,
    data: str,
    as_json: bool,
    **settings: float | None,
) -> None:
    """Say why the frameworks' own OPTIMIZERs differ, and by how much.

    Without --from and --to: each one's formula, names and defaults, side by side. With
    them: what changes the final loss, one factor at a time.

    \b
    d2lopt explain adam
    d2lopt explain rmsprop --from torch --to tensorflow --lr 0.01 --gamma 0.9
    """
    from ..conventions.formulas import formulas
    from ..conventions.show import effect_figure, effect_table, formula_table
    from ..conventions.table import row_of
    from ..rules.optimizers import find

    find(optimizer)
    if (source is None) != (target is None):
        raise InputError("--from and --to go together.")
    if source is None or target is None:
        if as_json:
            print_line(json.dumps(formulas(optimizer)))
        else:
            formula_table(optimizer).print()
        return
    from ..conventions.conformance import measure_unchecked
    from ..conventions.explain import explain as measure
    from ..show.figures import save

    for name in (source, target):
        row_of(known_backend(name), optimizer)
    given = {name: value for name, value in settings.items() if value is not None}
    make_folder(out)
    where = load_data(data).source
    explanation = measure(optimizer, source, target, given, where, seeds)
    said = measure_unchecked([source, target], optimizer)
    path = save(effect_figure(explanation), out, f"explain-{source}-{target}")[-1]
    if as_json:
        print_line(json.dumps({**explanation.as_json(), "unchecked": said}))
        return
    table = effect_table(explanation)
    for sentence in said:
        table.note(sentence)
    table.print()
    say(f"figure: {path}")


@click.command()
@click.argument("optimizer")
@click.argument("words", nargs=-1, metavar="NAME=VALUE ...")
@click.option("--from", "source", required=True, help="The framework of the words.")
@click.option("--to", "target", required=True, help="The framework to write them for.")
@DATA
@DEVICE
@json_option()
def translate(
    optimizer: str,
    words: tuple[str, ...],
    source: str,
    target: str,
    data: str,
    as_json: bool,
) -> None:
    """Write another framework's call of OPTIMIZER, and say whether it is exact.

    \b
    d2lopt translate rmsprop --from torch --to tensorflow alpha=0.99 momentum=0.9
    """
    from ..conventions.conformance import measure_unchecked
    from ..conventions.translate import as_lines, measured
    from ..conventions.translate import translate as translated
    from ..rules.optimizers import find

    find(optimizer)
    for name in (source, target):
        known_backend(name)
    translation = translated(optimizer, source, target, words)
    translation = measured(translation, load_data(data).source)
    unchecked = measure_unchecked([source, target], optimizer)
    if as_json:
        print_line(json.dumps({**asdict(translation), "unchecked": unchecked}))
    else:
        print_line("\n".join([*as_lines(translation), *unchecked]))


@click.command()
@BACKENDS
@click.option("--optimizers", help="Comma-separated kinds; all if not given.")
@limit_option(600.0, "a backend")
@DEVICE
@json_option()
def conformance(
    backends: str | None, optimizers: str | None, limit: float, as_json: bool
) -> None:
    """Hold each framework's own optimizers against the project's rules.

    \b
    d2lopt conformance
    d2lopt conformance --backends torch,paddle --optimizers rmsprop --json
    """
    from ..conventions.conformance import BASE, survey
    from ..conventions.show import conformance_table
    from ..show.screen import Progress

    names = installed_backends(backends)
    if not backends:
        names = [name for name in names if ROWS[name]]
    for name in names:
        if not ROWS[name]:
            title = FRAMEWORKS[name].title
            raise InputError(f"{title} has no optimizer of its own.")
    kinds = split(optimizers)
    for kind in kinds:
        if kind not in BASE:
            raise unknown("kind of optimizer", kind, BASE)
    for name in names:
        have = [row.kind for row in ROWS[name]]
        if kinds and not set(kinds) & set(have):
            title, asked = FRAMEWORKS[name].title, " or ".join(kinds)
            raise InputError(f"{title} has no {asked} of its own.")
    with Progress(quiet=as_json) as progress:
        findings = survey(names, kinds or None, limit, progress)
    if as_json:
        for finding in findings:
            print_line(json.dumps(asdict(finding)))
    else:
        conformance_table(findings).print()
    if not all(finding.conforms for finding in findings):
        sys.exit(1)
