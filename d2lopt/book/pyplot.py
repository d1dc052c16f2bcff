"""matplotlib.pyplot as a lesson gets it, `d2l.plt`: its functions take any tensor."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from ..backend.arrays import numpy_of


class Pyplot:
    """pyplot, whose functions read the arrays of every framework.

    matplotlib asks NumPy to read what it is given, and not every framework lets it.
    `show` is the function that is called in the place of pyplot's own.
    """

    def __init__(self, show: Callable[..., None]) -> None:
        self.show = show

    def __getattr__(self, name: str) -> Any:
        import matplotlib.pyplot as plt

        found = getattr(plt, name)
        return _reading_tensors(found) if inspect.isfunction(found) else found

    def __dir__(self) -> list[str]:
        import matplotlib.pyplot as plt

        return dir(plt)


def _reading_tensors(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **more: Any) -> Any:
        more = {name: _readable(value) for name, value in more.items()}
        return function(*map(_readable, args), **more)

    return call


def _readable(x: Any) -> Any:
    """A tensor's numbers, also if it is in a list; anything else as it is."""
    if type(x) in (list, tuple):
        return type(x)(map(_readable, x))
    return numpy_of(x) if hasattr(x, "detach") or hasattr(x, "asnumpy") else x
