"""What options of the command line take, where click has no type for it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError, MissingBackend, unknown
from ..rules.optimizers import RULES


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


def writable(folder: Path) -> Path:
    """The folder, made if need be; InputError if nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"cannot write into {folder}: {error.strerror}.") from error
    return folder


# The hyperparameters of all rules, each once.
TAKEN = list(
    dict.fromkeys(name for rule in RULES.values() for name in rule.hyperparams)
)


def check_backend(name: str) -> None:
    """Raise an InputError or MissingBackend unless the backend can be asked to run."""
    from ..backend.environment import how_to_install, is_installed

    if name not in FRAMEWORKS:
        raise unknown("backend", name, FRAMEWORKS)
    if not is_installed(name):
        raise MissingBackend(how_to_install(name))


AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")

DATA = click.option(
    "--data", metavar="auto|airfoil|stand-in|PATH", default="auto", show_default=True
)


def known_framework(name: str) -> str:
    """The name, if it is a backend's; InputError with the near miss if not."""
    if name not in FRAMEWORKS:
        raise unknown("backend", name, FRAMEWORKS)
    return name


def data_source(data: str) -> str:
    """Where children and repeated runs find the data; says if it is the stand-in."""
    from ..data import airfoil

    dataset = airfoil.load(data)
    if dataset.note:
        print(dataset.note, file=sys.stderr)
    return dataset.origin if dataset.name == "airfoil" else "stand-in"


def split(text: str | None) -> list[Any] | None:
    """The parts of a comma-separated list, each once; None for none."""
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    return list(dict.fromkeys(parts)) or None


def installed_backend(name: str) -> str:
    """The name, if it is that of an installed backend; an error that says why not."""
    from ..backend.environment import how_to_install, is_installed

    if not is_installed(known_framework(name)):
        raise MissingBackend(how_to_install(name))
    return name
