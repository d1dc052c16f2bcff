"""What options of the command line take, where click has no type for it."""

from __future__ import annotations

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
