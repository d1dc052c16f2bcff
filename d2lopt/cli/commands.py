"""What every command does alike: what it was given twice or empty, and how it ends."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

import click

from ..errors import BrokenBackend, InputError, MissingBackend

# What a write says where nothing more fits, as on a full disk.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Commands(click.Group):
    """A group whose commands take each option once, and never empty.

    Errors that are not bugs end in one sentence and exit status 2.
    """

    def main(self, *args: Any, **more: Any) -> Any:
        try:
            try:
                return super().main(*args, **more)
            finally:  # Python would do it at its end, where nobody can say what failed
                for stream in _streams():
                    stream.flush()
        except OSError as error:
            if error.errno not in (*FULL, errno.EPIPE) or error.filename is not None:
                raise
            _drop_output()
            if error.errno == errno.EPIPE:  # as with `| head`, which has enough
                sys.exit(1)
            with suppress(OSError):  # standard error may be what is full
                why = f"d2lopt: cannot write what it prints: {error.strerror}."
                print(why, file=sys.stderr)
            sys.exit(2)

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
            print(f"d2lopt: {error}", file=sys.stderr)
            context.exit(2)
        except KeyboardInterrupt:
            print("d2lopt: stopped.", file=sys.stderr)
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


def _streams() -> list[TextIO]:
    """Standard output and standard error; either may be closed."""
    return [stream for stream in (sys.stdout, sys.stderr) if stream is not None]


def _drop_output() -> None:
    """Let what cannot be written go nowhere, or it would be an error once more."""
    for stream in _streams():
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
