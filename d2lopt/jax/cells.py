"""A variable of JAX: a small cell that holds an array, as arrays never change."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend.contract import Tensor


class Variable:
    """A cell: `assign` puts another array into it. Reads as the array it holds."""

    __slots__ = ("grad", "value")
    __array_priority__ = 100  # NumPy leaves arithmetic with a cell to the cell

    def __init__(self, value: Tensor) -> None:
        self.value = value
        self.grad: Tensor = None

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

    def __float__(self) -> float:
        return float(self.value)

    def __neg__(self) -> Tensor:
        return -self.value

    def __getitem__(self, index: Any) -> Tensor:
        return self.value[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self.value = self.value.at[index].set(array_in(value))

    def __repr__(self) -> str:
        return f"Variable({self.value})"


def array_in(x: Any) -> Any:
    """The array in a cell; anything else as it is."""
    return x.value if isinstance(x, Variable) else x


def on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking cells where it takes arrays."""
    return lambda *arguments: function(*map(array_in, arguments))


_SYMBOLS = ("add", "sub", "mul", "truediv", "pow", "matmul", "lt", "le", "gt", "ge")
for _symbol in _SYMBOLS:
    _forward = getattr(operator, _symbol)
    setattr(
        Variable, f"__{_symbol}__", lambda x, y, f=_forward: f(x.value, array_in(y))
    )
    setattr(
        Variable, f"__r{_symbol}__", lambda x, y, f=_forward: f(array_in(y), x.value)
    )


def variable(value: Tensor) -> Variable:
    return Variable(array_in(value))


def assign(x: Variable, value: Tensor) -> None:
    value = array_in(value)
    if x.value.shape != value.shape:
        raise ValueError(f"cannot assign shape {value.shape} to shape {x.value.shape}")
    x.value = value.astype(x.value.dtype)
