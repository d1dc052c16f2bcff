"""The options that commands share, each once. Their values go through `checks.py`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError
from ..rules.hyperparams import HYPERPARAMS, NAMES

Command = Callable[..., Any]
Option = Callable[[Command], Command]  # what stands above a command, after the @


def together(*options: Option) -> Option:
    """Several options as one; the help lists them in this order."""

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def given(*names: str) -> dict[str, Any]:
    """Those of the running command's options that it was given: --option → value."""
    context = click.get_current_context()
    return {
        option.opts[0]: context.params[option.name]
        for option in context.command.params
        if option.name in names
        and context.get_parameter_source(option.name) is not ParameterSource.DEFAULT
    }


# ----------------------------------------------------------------- what runs, and where

BACKEND = click.option(
    "--backend", default="numpy", show_default=True, help=", ".join(FRAMEWORKS)
)
BACKENDS = click.option(
    "--backends", help="Comma-separated; every installed one if not given."
)


def _keep_device(context: Any, parameter: Any, device: str) -> None:
    # An environment variable, as processes that are started need it too.
    os.environ["D2LOPT_DEVICE"] = device


DEVICE = click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    default="cpu",
    show_default=True,
    envvar="D2LOPT_DEVICE",
    expose_value=False,
    callback=_keep_device,
    help="Where the frameworks compute; one that cannot says so.",
)
COMPILE = click.option(
    "--compile/--no-compile",
    default=None,
    help="Compile the fastest loop, however long that takes, or take single steps; "
    "left out: what makes the whole wait shortest.",
)

# ------------------------------------------------------------------- the problem to run


def hyperparam_options(**attributes: Any) -> Option:
    """An option for each hyperparameter of the rules, all with these attributes."""
    return together(
        *(
            click.option(
                f"--{name.replace('_', '-')}",
                help=f"{HYPERPARAMS[name].meaning}.",
                **attributes,
            )
            for name in NAMES
        )
    )


def _at_least_one(context: Any, parameter: Any, value: int) -> int:
    if not 1 <= value <= sys.maxsize:
        raise InputError(f"--{parameter.name} must be from 1 up; got {value}.")
    return value


EPOCHS = click.option(
    "--epochs", type=int, default=2, show_default=True, callback=_at_least_one
)
BATCH_SIZE = click.option("--batch-size", type=int, default=10, show_default=True)
DATA = click.option(
    "--data",
    metavar="auto|airfoil|stand-in|PATH",
    default="auto",
    show_default=True,
    help="The data; auto takes the stand-in if the airfoil file cannot be had.",
)
DTYPE = click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    default="float32",
    show_default=True,
)

# ---------------------------------------------------------------- what becomes of a run


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


def limit_option(seconds: float, what: str) -> Option:
    """--limit, the seconds that `what` ("a backend", say) may take."""
    return click.option(
        "--limit",
        type=SECONDS,
        default=seconds,
        show_default=True,
        help=f"Seconds that {what} may take.",
    )


def out_option(default: str | None, help: str) -> Option:
    """--out, a file or a folder to write into."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        default=default,
        show_default=default is not None,
        help=help,
    )


def json_option(help: str = "Print JSON instead.") -> Option:
    """--json, for programs that read what a command prints."""
    return click.option("--json", "as_json", is_flag=True, help=help)
