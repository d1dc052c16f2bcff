"""The commands about the chapters: chapters, notebooks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..backend.frameworks import FRAMEWORKS
from .options import DEVICE, SECONDS, installed_backend, split


@click.command()
@click.option("--backends", help="Comma-separated; every installed one if not given.")
@click.option("--chapters", "names", help="Comma-separated; all if not given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="out",
    show_default=True,
    help="Folder for the figures.",
)
@click.option(
    "--limit",
    type=SECONDS,
    default=120.0,
    show_default=True,
    help="Seconds that a chapter may take.",
)
@DEVICE
def chapters(backends: str | None, names: str | None, out: Path, limit: float) -> None:
    """Run the chapters of this checkout, each on every backend.

    \b
    d2lopt chapters
    d2lopt chapters --backends numpy,torch --chapters rmsprop,adam
    """
    from ..backend.environment import installed
    from ..runs.chapters import Visit, choose, table, visit_all
    from .options import writable

    chosen = choose(split(names))
    asked = [installed_backend(name) for name in split(backends) or installed()]

    def tell(visit: Visit) -> None:
        print(visit.line, file=sys.stderr, flush=True)

    visits = visit_all(chosen, asked, writable(out), limit, tell)
    table(visits, asked).print()
    if any(visit.problem for visit in visits):
        sys.exit(1)


@click.command()
@click.option(
    "--backend", default="numpy", show_default=True, help=", ".join(FRAMEWORKS)
)
@click.option("--chapters", "names", help="Comma-separated; all if not given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="notebooks",
    show_default=True,
    help="Folder for the notebooks.",
)
@click.option(
    "--limit",
    type=SECONDS,
    default=120.0,
    show_default=True,
    help="Seconds that a cell may take.",
)
@DEVICE
def notebooks(backend: str, names: str | None, out: Path, limit: float) -> None:
    """Write the chapters as notebooks, executed on one backend.

    \b
    d2lopt notebooks --backend torch
    d2lopt notebooks --backend jax --chapters adam --out here
    """
    from ..runs.chapters import choose, notebook_tools, write_notebook
    from .options import writable

    chosen = choose(split(names))
    installed_backend(backend)
    notebook_tools()
    writable(out)
    failed = False
    for chapter, path in chosen.items():
        visit = write_notebook(chapter, path, backend, out, limit)
        print(visit.line, file=sys.stderr, flush=True)
        print(out / f"{chapter}-{backend}.ipynb")
        failed |= bool(visit.problem)
    if failed:
        sys.exit(1)
