"""A number inside a graph that behaves as a Python float does outside."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ..backend.contract import Tensor


class Scalar:
    """A hyperparameter inside a graph, which behaves as a Python float does outside.

    It keeps float64 among its like (1 − γ loses nothing) and takes the dtype of the
    tensor it meets. Traced as an argument, a new value needs no new graph.
    """

    def __init__(self, value: Tensor) -> None:
        self.value = value


def _operator(symbol: str) -> Callable[[Scalar, Any], Any]:
    def apply(self: Scalar, other: Any) -> Any:
        if isinstance(other, Scalar | int | float):
            other = other.value if isinstance(other, Scalar) else other
            return Scalar(getattr(self.value, symbol)(other))
        return getattr(tf.cast(self.value, other.dtype), symbol)(other)

    return apply


for _symbol in ("add", "sub", "mul", "truediv", "pow"):
    setattr(Scalar, f"__{_symbol}__", _operator(f"__{_symbol}__"))
    setattr(Scalar, f"__r{_symbol}__", _operator(f"__r{_symbol}__"))
