"""The commands about built-in optimizers: explain, translate, conformance."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from ..backend.frameworks import FRAMEWORKS
from ..conventions.table import ROWS
from ..errors import InputError, unknown
from .options import AS_JSON, DATA, DEVICE, SECONDS, data_source, known_framework, split


def measure_unchecked(names: Sequence[str], kind: str) -> list[str]:
    """A sentence for each framework whose version the table was never checked with.

    Its rows are measured here and now, so that what is said of it is not a guess.
    """
    from ..conventions.conformance import survey
    from ..conventions.table import unchecked
    from ..show.screen import Progress

    new = unchecked(names)
    if not new:
        return []
    with Progress(quiet=True) as progress:
        findings = survey(new, [kind], 600.0, progress)
    said = []
    for name in new:
        own = [f for f in findings if f.backend == name]
        good = all(f.conforms for f in own)
        failed = [f.message for f in own if not f.name]
        verdict = "conforms to its row" if good else "does NOT conform to its row"
        verdict = f"could not be measured ({failed[0]})" if failed else verdict
        said.append(
            f"{FRAMEWORKS[name].optimizers or FRAMEWORKS[name].title} "
            f"{own[0].optimizers_version} was never checked before (the "
            f"table knows {own[0].checked}); measured now, its {kind} {verdict}."
        )
    return said


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
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="out",
    show_default=True,
    help="Folder for the figure.",
)
@DATA
@DEVICE
@AS_JSON
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
    d2lopt explain rmsprop
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
            print(json.dumps(formulas(optimizer)))
        else:
            formula_table(optimizer).print()
        return
    from ..conventions.explain import explain as measure
    from ..show.figures import save
    from .options import writable

    for name in (source, target):
        row_of(known_framework(name), optimizer)
    given = {name: value for name, value in settings.items() if value is not None}
    writable(out)
    where = data_source(data)
    explanation = measure(optimizer, source, target, given, where, seeds)
    said = measure_unchecked([source, target], optimizer)
    path = save(effect_figure(explanation), out, f"explain-{source}-{target}")[-1]
    if as_json:
        print(json.dumps({**explanation.as_json(), "unchecked": said}))
        return
    table = effect_table(explanation)
    for sentence in said:
        table.note(sentence)
    table.print()
    print(f"figure: {path}", file=sys.stderr)


@click.command()
@click.argument("optimizer")
@click.argument("words", nargs=-1, metavar="NAME=VALUE ...")
@click.option("--from", "source", required=True, help="The framework of the words.")
@click.option("--to", "target", required=True, help="The framework to write them for.")
@DATA
@DEVICE
@AS_JSON
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
    from ..conventions import translate as room
    from ..rules.optimizers import find

    find(optimizer)
    for name in (source, target):
        known_framework(name)
    found = room.translate(optimizer, source, target, words)
    found = room.measured(found, data_source(data))
    said = measure_unchecked([source, target], optimizer)
    if as_json:
        print(json.dumps({**asdict(found), "unchecked": said}))
    else:
        print("\n".join([*room.as_lines(found), *said]))


@click.command()
@click.option("--backends", help="Comma-separated; every installed one if not given.")
@click.option("--optimizers", help="Comma-separated kinds; all if not given.")
@click.option(
    "--limit",
    type=SECONDS,
    default=600.0,
    show_default=True,
    help="Seconds that a backend may take.",
)
@DEVICE
@AS_JSON
def conformance(
    backends: str | None, optimizers: str | None, limit: float, as_json: bool
) -> None:
    """Hold each framework's own optimizers against the project's rules.

    \b
    d2lopt conformance
    d2lopt conformance --backends torch,paddle --optimizers rmsprop --json
    """
    from ..backend.environment import how_to_install, installed, is_installed
    from ..conventions.conformance import BASE, survey
    from ..conventions.show import conformance_table
    from ..errors import MissingBackend
    from ..show.screen import Progress

    names = split(backends) or [n for n in installed() if ROWS[n]]
    for name in names:
        if not ROWS[known_framework(name)]:
            title = FRAMEWORKS[name].title
            raise InputError(f"{title} has no optimizer of its own.")
        if not is_installed(name):
            raise MissingBackend(how_to_install(name))
    kinds = split(optimizers)
    for kind in kinds or []:
        if kind not in BASE:
            raise unknown("kind of optimizer", kind, BASE)
    for name in names:
        have = [row.kind for row in ROWS[name]]
        if kinds and not set(kinds) & set(have):
            title, asked = FRAMEWORKS[name].title, " or ".join(kinds)
            raise InputError(f"{title} has no {asked} of its own.")
    with Progress(quiet=as_json) as progress:
        findings = survey(names, kinds, limit, progress)
    if as_json:
        for finding in findings:
            print(json.dumps(asdict(finding)))
    else:
        conformance_table(findings).print()
    if not all(finding.conforms for finding in findings):
        sys.exit(1)
