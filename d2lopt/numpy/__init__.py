"""NumPy: the oracle. It has no automatic gradient and no optimizer of its own.

Gradients are those that a loss writes down by hand (`problem.LinearLoss`), so that the
five automatic ones have something to be tested against.
"""

import functools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import fuse
from ..backend.contract import Tensor
from ..backend.tools import cpu_only, loop
from ..book import bind
from ..errors import InputError

name = "numpy"
version = np.__version__

abs, sign, maximum, minimum = np.abs, np.sign, np.maximum, np.minimum
sqrt, square, exp, log = np.sqrt, np.square, np.exp, np.log
sin, cos, sum, mean = np.sin, np.cos, np.sum, np.mean
matmul, reshape, zeros_like = np.matmul, np.reshape, np.zeros_like


class Variable(np.ndarray[Any, Any]):
    """An array with a `grad`, for the rules in the book's form that read it."""

    grad: Tensor = None


use_device = functools.partial(cpu_only, "NumPy")


def tensor(value: Any, dtype: str = "float32") -> Tensor:
    return np.array(value, dtype=dtype)


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(x)


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    return np.zeros(shape, dtype)


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    return np.ones(shape, dtype)


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return np.arange(*span, dtype=dtype)


def variable(value: Tensor) -> Tensor:
    return np.array(value)


def assign(x: Tensor, value: Tensor) -> None:
    x[...] = value


def hold_grad(x: Tensor, grad: Tensor) -> Tensor:
    held = x.view(Variable)
    held.grad = grad
    return held


def value_and_grad(loss: Any) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    try:
        by_hand: Callable[..., tuple[Tensor, list[Tensor]]] = loss.value_and_grad
    except AttributeError:
        raise InputError(
            "NumPy does not differentiate: give the loss a method "
            "value_and_grad(params, *batch), as problem.LinearLoss has."
        ) from None
    return by_hand


def fold(
    step: Any,
    state: Any,
    batches: Any,
    watch: Any = None,
    compile: bool | None = None,
) -> None:
    # A loss that overflows ends the run with a sentence; NumPy need not warn as well.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        loop(step, state, batches, watch)


def _view(x: Tensor) -> np.ndarray[Any, Any] | None:
    return x if isinstance(x, np.ndarray) else None  # else a number: it cannot change


def compiled(rule: Any) -> fuse.CompiledRule:
    return fuse.compiled(sys.modules[__name__], rule, _view)


def wait(*tensors: Tensor) -> None:
    pass  # nothing is ever pending


def _nothing_built_in(*args: Any, **hyperparams: Any) -> Any:
    raise InputError("NumPy has no optimizer of its own: choose the scratch one.")


linear = weights = builtin = native_step = optimizer = _nothing_built_in

bind(sys.modules[__name__], np)
