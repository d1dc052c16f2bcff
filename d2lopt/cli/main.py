"""The command line. It imports what a command needs when the command runs."""

from __future__ import annotations

import sys
from typing import Any

import click

from .. import __version__
from ..errors import BrokenBackend, InputError, MissingBackend
from ..show.screen import say, whole_output
from .bench import bench
from .chapters import chapters, notebooks
from .conventions import conformance, explain, translate
from .help import make_help_plain
from .lab import lab
from .pages import playground
from .run import compare, doctor, run
from .sweep import sweep


class Commands(click.Group):
    """Errors that are not bugs end in one sentence and exit status 2."""

    def main(self, *arguments: Any, **more: Any) -> Any:
        try:
            with whole_output():
                return super().main(*arguments, **more)
        except InputError as error:
            say(f"d2lopt: {error}")
            sys.exit(2)
        except BrokenPipeError:
            sys.exit(1)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (InputError, MissingBackend, BrokenBackend) as error:
            say(f"d2lopt: {error}")
            context.exit(2)
        except KeyboardInterrupt:
            say("d2lopt: stopped; finished records are kept.")
            context.exit(130)


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
