"""The help that click writes, in characters that the terminal has.

To a terminal with ASCII, click writes UTF-8 all the same.
"""

from __future__ import annotations

import sys

import click

from ..show.plain import plain


class _Plain(click.HelpFormatter):
    def getvalue(self) -> str:
        return plain(super().getvalue(), sys.stdout)


class _Context(click.Context):
    formatter_class = _Plain


def make_help_plain(command: click.Command) -> None:
    """Let the help of the command, and of all in it, be plain where it has to be."""
    command.context_class = _Context
    if isinstance(command, click.Group):
        for each in command.commands.values():
            make_help_plain(each)
