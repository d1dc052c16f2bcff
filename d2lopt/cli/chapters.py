"""The commands about the chapters: chapters, notebooks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..files import make_folder
from ..show.screen import print_line, say
from .checks import installed_backend, installed_backends, split
from .options import BACKEND, BACKENDS, DEVICE, limit_option, out_option

CHAPTERS = click.option(
    "--chapters", "names", help="Comma-separated; all if not given."
)


@click.command()
@BACKENDS
@CHAPTERS
@out_option("out", "Folder for the figures.")
@limit_option(120.0, "a chapter")
@DEVICE
def chapters(backends: str | None, names: str | None, out: Path, limit: float) -> None:
    """Run the chapters of this checkout, each on every backend.

    \b
    d2lopt chapters
    d2lopt chapters --backends numpy,torch --chapters rmsprop,adam
    """
    from ..runs.chapters import choose, table, visit_all

    chosen = choose(split(names))
    asked = installed_backends(backends)
    make_folder(out)
    visits = visit_all(chosen, asked, out, limit, lambda visit: say(visit.line))
    table(visits, asked).print()
    if any(visit.problem for visit in visits):
        sys.exit(1)


@click.command()
@BACKEND
@CHAPTERS
@out_option("notebooks", "Folder for the notebooks.")
@limit_option(120.0, "a cell")
@DEVICE
def notebooks(backend: str, names: str | None, out: Path, limit: float) -> None:
    """Write the chapters as notebooks, executed on one backend.

    \b
    d2lopt notebooks --backend torch
    d2lopt notebooks --backend jax --chapters adam --out here
    """
    from ..runs.chapters import choose, notebook_tools, write_notebook

    chosen = choose(split(names))
    installed_backend(backend)
    notebook_tools()
    make_folder(out)
    failed = False
    for chapter, path in chosen.items():
        visit = write_notebook(chapter, path, backend, out, limit)
        say(visit.line)
        print_line(str(out / f"{chapter}-{backend}.ipynb"))
        failed |= bool(visit.problem)
    if failed:
        sys.exit(1)
