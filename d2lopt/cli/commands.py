"""What every command does alike: what it was given twice or empty, and how it ends."""

from __future__ import annotations

import sys
from typing import Any

import click

from ..errors import BrokenBackend, InputError, MissingBackend
from ..show.screen import say, whole_output


class Commands(click.Group):
    """A group whose commands take each option once, and never empty.

    Errors that are not bugs end in one sentence and exit status 2.
    """

    def main(self, *args: Any, **more: Any) -> Any:
        try:
            with whole_output():
                return super().main(*args, **more)
        except InputError as error:
            say(f"d2lopt: {error}")
            sys.exit(2)
        except BrokenPipeError:  # as with `| head`, which has enough
            sys.exit(1)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(context, args)
        if command is not None:
            _check_given(command, click.Context(command, context, name), rest)
        return name, command, rest

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (InputError, MissingBackend, BrokenBackend) as error:
            say(f"d2lopt: {error}")
            context.exit(2)
        except KeyboardInterrupt:
            say("d2lopt: stopped.")
            context.exit(130)


def _check_given(
    command: click.Command, context: click.Context, words: list[str]
) -> None:
    """Raise an InputError for an option that is there twice, or with nothing in it.

    Of two values, Click would take the last without a word; and what a script's empty
    variable stands for, nobody knows.
    """
    values, _, order = command.make_parser(context).parse_args(list(words))
    options = [p for p in order if isinstance(p, click.Option) and not p.is_eager]
    for option in options:
        name = option.opts[0]
        if options.count(option) > 1:
            raise InputError(f"{name} is given twice: give it once.")
        value = values[option.name]
        if isinstance(value, str) and not value.strip():
            raise InputError(f"{name} is empty: give it a value, or leave it out.")
