"""A variable of JAX: a small cell that holds an array, as arrays never change."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..backend.contract import Tensor
from ..backend.operators import Operation, Operators


class Variable(Operators):
    """A cell: `assign` puts another array into it. Reads as the array it holds."""

    __slots__ = ("grad", "value")

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self.grad: Tensor = None

    def operate(self, operation: Operation, *operands: Any) -> Tensor:
        return operation(*map(array_in, operands))

    shape = property(lambda self: self.value.shape)
    dtype = property(lambda self: self.value.dtype)
    ndim = property(lambda self: self.value.ndim)
    T = property(lambda self: self.value.T)

    def __jax_array__(self) -> Tensor:
        return self.value

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.value, dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.value)

    def __getitem__(self, index: Any) -> Tensor:
        return self.value[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.hold(self.value.at[index].set(array_in(value)))

    def hold(self, value: Any) -> None:
        """Take another array, of the shape and in the dtype of the one held so far."""
        value, shape = array_in(value), self.value.shape
        if shape != value.shape:
            raise ValueError(f"cannot assign shape {value.shape} to shape {shape}")
        self.value = value.astype(self.value.dtype)

    def __repr__(self) -> str:
        return f"Variable({self.value})"


def array_in(x: Any) -> Any:
    """The array in a cell; anything else as it is."""
    return x.value if isinstance(x, Variable) else x


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking cells where it takes arrays."""
    return lambda *arguments: function(*map(array_in, arguments))


def variable(value: Tensor) -> Variable:
    return Variable(array_in(value))


def assign(x: Variable, value: Tensor) -> None:
    x.hold(value)
