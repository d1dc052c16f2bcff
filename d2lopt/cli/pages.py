"""The commands that write pages: playground."""

from __future__ import annotations

from pathlib import Path

import click

from ..show.screen import print_line
from .options import out_option


@click.command()
@out_option("out/playground.html", "The file to write.")
def playground(out: Path) -> None:
    """Write a page on which optimizers run in the browser.

    It is one file that needs no network: open it, drag the start point, move the
    hyperparameters, compare optimizers step by step, and pass the link on.

    \b
    d2lopt playground
    d2lopt playground --out lesson/playground.html
    """
    from ..pages.playground.page import write

    print_line(str(write(out)))
