"""The command line. It imports what a command needs when the command runs."""

from __future__ import annotations

import click

from .. import __version__
from .bench import bench
from .chapters import chapters, notebooks
from .commands import Commands
from .conventions import conformance, explain, translate
from .help import make_help_plain
from .lab import lab
from .pages import playground
from .run import compare, doctor, run
from .sweep import sweep


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Write an optimizer once; run it, see it and check it on every framework.

    \b
    d2lopt compare rmsprop
    d2lopt run rmsprop --backend torch --lr 0.02
    d2lopt doctor
    """


for _command in (
    *(run, compare, doctor, explain, translate, conformance, chapters, notebooks),
    *(sweep, bench, lab, playground),
):
    main.add_command(_command)
make_help_plain(main)
