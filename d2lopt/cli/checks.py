"""What the options were given, checked: an error is one sentence with its remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..backend.frameworks import FRAMEWORKS
from ..errors import InputError, MissingBackend, unknown

if TYPE_CHECKING:
    from ..data import Dataset


def split(text: str | None) -> list[str]:
    """The parts of a comma-separated list, each once."""
    parts = (part.strip() for part in (text or "").split(","))
    return list(dict.fromkeys(part for part in parts if part))


def known_backend(name: str) -> str:
    """The name, if it is a backend's; InputError with the near one if not."""
    if name not in FRAMEWORKS:
        raise unknown("backend", name, FRAMEWORKS)
    return name


def installed_backend(name: str) -> str:
    """The name, if that backend is installed; MissingBackend with the command if not.

    Raises InputError if no backend has the name.
    """
    from ..backend.environment import how_to_install, is_installed

    if not is_installed(known_backend(name)):
        raise MissingBackend(how_to_install(name))
    return name


def installed_backends(text: str | None) -> list[str]:
    """The backends in a comma-separated list, all of them installed.

    Without a list, every one that is installed. Raises as `installed_backend` does.
    """
    from ..backend.environment import installed

    if not text:
        return installed()
    return [installed_backend(name) for name in split(text) or [""]]


def load_data(source: str) -> Dataset:
    """The data set that --data names; says on standard error if it is the stand-in."""
    from ..data import load
    from ..show.screen import say

    dataset = load(source)
    if dataset.note:
        say(dataset.note)
    return dataset


def check_batch_size(batch_size: int, dataset: Dataset) -> None:
    """Raise an InputError for a minibatch that is empty or larger than the data."""
    rows = len(dataset.y)
    if not 1 <= batch_size <= rows:
        raise InputError(
            f"--batch-size must be from 1 to {rows}, the number of rows; got "
            f"{batch_size}."
        )
