"""The book's further words for tensors, beside those of the contract.

A word that the framework itself has is the framework's own, with its arguments. For the
others there are functions here; their random numbers are NumPy's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..backend.arrays import numpy_of
from ..backend.contract import Backend, Tensor


def linspace(d2l: Backend, start: float, stop: float, num: int) -> Tensor:
    """`num` numbers from `start` to `stop`, both included."""
    return d2l.tensor(np.linspace(start, stop, num))


def meshgrid(d2l: Backend, x: Tensor, y: Tensor) -> list[Tensor]:
    """x along the rows and y down the columns of a grid: two (len(y), len(x))."""
    return [d2l.tensor(grid) for grid in np.meshgrid(numpy_of(x), numpy_of(y))]


def normal(d2l: Backend, mean: float = 0.0, std: float = 1.0, size: Any = ()) -> Tensor:
    """Normal random numbers in the shape `size`."""
    return d2l.tensor(np.random.normal(mean, std, size))


def rand(d2l: Backend, *shape: int) -> Tensor:
    """Random numbers between 0 and 1."""
    return d2l.tensor(np.random.rand(*shape))


def randn(d2l: Backend, *shape: int) -> Tensor:
    """Normal random numbers of mean 0 and variance 1."""
    return d2l.tensor(np.random.randn(*shape))


def reduce_sum(d2l: Backend, x: Tensor, *args: Any, **more: Any) -> Tensor:
    """The sum over all elements, or over the axes that are named."""
    return x.sum(*args, **more)


def reduce_mean(d2l: Backend, x: Tensor, *args: Any, **more: Any) -> Tensor:
    """The mean over all elements, or over the axes that are named."""
    return x.mean(*args, **more)


def astype(d2l: Backend, x: Tensor, dtype: Any) -> Tensor:
    """The same numbers in another dtype."""
    return x.astype(dtype)


def transpose(d2l: Backend, x: Tensor) -> Tensor:
    """x with its axes reversed."""
    return x.T


def size(d2l: Backend, x: Tensor) -> int:
    """The number of elements."""
    return int(numpy_of(x).size)


# Words that are the framework's own wherever it has them.
OF_THE_FRAMEWORK = [
    *("sinh", "cosh", "tanh", "linspace", "meshgrid", "stack", "concat", "eye"),
    *("normal", "rand", "randn", "argmax", "reduce_sum", "reduce_mean"),
    *("float32", "float64", "int32"),
]
