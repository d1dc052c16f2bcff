"""A number inside a graph that behaves as a Python float does outside."""

from typing import Any

import tensorflow as tf

from ..backend.contract import Tensor
from ..backend.operators import Operation, Operators


class Scalar(Operators):
    """A hyperparameter inside a graph, which behaves as a Python float does outside.

    Among numbers it keeps float64 (1 − γ loses nothing); where it meets a tensor, it
    takes the tensor's dtype. Traced as an argument, a new value needs no new graph.
    """

    def __init__(self, value: Tensor) -> None:
        self.value = value

    def operate(self, operation: Operation, *operands: Any) -> Any:
        tensors = [x for x in operands if not isinstance(x, Scalar | int | float)]
        if any(isinstance(x, Operators) for x in tensors):
            return NotImplemented  # its class knows what to do with a number
        if not tensors:
            return Scalar(operation(*map(_value, operands)))
        dtype = tensors[0].dtype
        return operation(
            *(tf.cast(x.value, dtype) if isinstance(x, Scalar) else x for x in operands)
        )

    def as_tensor(self, dtype: Any = None, name: Any = None, as_ref: Any = None) -> Any:
        """What TensorFlow's functions, and its tensors on the left of >, make of it."""
        return self.value if dtype is None else tf.cast(self.value, dtype)

    def __bool__(self) -> bool:
        return bool(self.value)  # in a graph, TensorFlow says that it has no value yet


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Scalar) else x


tf.register_tensor_conversion_function(Scalar, Scalar.as_tensor)
