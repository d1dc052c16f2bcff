"""What options of the command line take, where click has no type for it."""

from __future__ import annotations

import os
from typing import Any

import click


class Seconds(click.FloatRange):
    """A number of seconds above 0; `nan`, which no comparison excludes, is none."""

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True, max=1e6)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        seconds = float(super().convert(value, param, ctx))
        if seconds != seconds:
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return seconds


SECONDS = Seconds()


def _keep(context: Any, parameter: Any, device: str) -> None:
    os.environ["D2LOPT_DEVICE"] = device  # where `backend.load` and children find it


DEVICE = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    envvar="D2LOPT_DEVICE",
    expose_value=False,
    callback=_keep,
    help="Where the frameworks compute; one that cannot says so.",
)
COMPILE = click.option(
    "--compile/--no-compile",
    default=None,
    help="Compile the fastest loop, however long that takes, or take single steps; "
    "left out: what makes the whole wait shortest.",
)
