"""The way to load a framework module by its name."""

from __future__ import annotations

import importlib
import os
from typing import Any

from ..errors import BrokenBackend, MissingBackend, unknown
from .environment import how_to_install, installed_version
from .frameworks import FRAMEWORKS

DEVICE = "D2LOPT_DEVICE"  # an environment variable: child processes read it as well


def load(name: str) -> Any:
    """The framework module `name`, as a namespace that keeps the `Backend` contract.

    Raises InputError for an unknown name, MissingBackend if the framework is not
    installed (the message has the pip command), BrokenBackend if its import fails. It
    computes on the device that the environment variable D2LOPT_DEVICE names, "cpu" or
    "cuda"; InputError if it cannot.

    >>> d2l = load("numpy")
    """
    if name not in FRAMEWORKS:
        raise unknown("backend", name, FRAMEWORKS)
    framework = FRAMEWORKS[name]
    try:
        module = importlib.import_module(f"d2lopt.{name}")
    except ModuleNotFoundError as error:
        if error.name == framework.module:
            raise MissingBackend(how_to_install(name)) from error
        cause: Exception = error
    except Exception as error:
        cause = error
    else:
        module.use_device(os.environ.get(DEVICE, "cpu"))
        return module
    message = str(cause).strip() or "no message"
    raise BrokenBackend(
        f"{framework.title} {installed_version(name)} {BrokenBackend.MARK}: "
        f"{type(cause).__name__}: {message}"
    ) from cause
