"""JAX: arrays never change, so a variable is a small cell that holds one; optax.

A traced function reads the cells at its entry and returns their values at its exit;
`fold` does that. `precision.py` says when 64-bit types are on.
"""

import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..backend.contract import Tensor
from ..backend.tools import builtin_from
from ..book import bind
from ..errors import InputError
from ..rules import native
from .cells import Variable, array_in, on_arrays
from .cells import assign as assign
from .cells import variable as variable
from .compiled import compiled as _compiled
from .compiled import wait as wait
from .loop import fold as fold
from .portable import optimizer as _optimizer
from .precision import asked_for, exact_numbers

name = "jax"
version = jax.__version__


abs, sign, sqrt = on_arrays(jnp.abs), on_arrays(jnp.sign), on_arrays(jnp.sqrt)
square, exp, log = on_arrays(jnp.square), on_arrays(jnp.exp), on_arrays(jnp.log)
sin, cos = on_arrays(jnp.sin), on_arrays(jnp.cos)
maximum, minimum = on_arrays(jnp.maximum), on_arrays(jnp.minimum)
sum, mean = on_arrays(jnp.sum), on_arrays(jnp.mean)
matmul, reshape = on_arrays(jnp.matmul), on_arrays(jnp.reshape)
zeros_like = on_arrays(jnp.zeros_like)


def use_device(device: str) -> None:
    if device != "cpu" and jax.default_backend() == "cpu":
        raise InputError("JAX finds no GPU here: take --device cpu.")
    if jax.default_backend() != "cpu":
        jax.config.update("jax_default_device", jax.devices(device)[0])


def tensor(value: Any, dtype: str = "float32") -> Tensor:
    return jnp.array(array_in(value), asked_for(dtype))


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(array_in(x))


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    return jnp.zeros(shape, asked_for(dtype))


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    return jnp.ones(shape, asked_for(dtype))


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return jnp.array(np.arange(*span), asked_for(dtype))


def astype(x: Tensor, dtype: Any) -> Tensor:
    """The same numbers in another dtype."""
    return array_in(x).astype(asked_for(dtype))


def hold_grad(x: Variable, grad: Tensor) -> Variable:
    x.grad = grad
    return x


def value_and_grad(
    loss: Callable[..., Tensor],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    both = jax.value_and_grad(loss)
    return lambda params, *batch: both([array_in(p) for p in params], *batch)


class Linear:
    """X ↦ Xw + b, over two cells; what optax trains is any tree of arrays."""

    def __init__(self, w: Variable, b: Variable) -> None:
        self.params = [variable(w), variable(b)]

    def __call__(self, X: Tensor) -> Tensor:
        w, b = self.params
        return matmul(X, w) + b


def linear(w: Variable, b: Variable) -> Linear:
    return Linear(w, b)


def weights(net: Any) -> list[Tensor]:
    return [cell.value for cell in net.params]


def builtin(name: str) -> Any:
    return builtin_from(optax, name)


def native_step(
    trainer_fn: Any, hyperparams: dict[str, Any], net: Any, loss: Any
) -> tuple[Any, Any]:
    trainer = native.made(trainer_fn, hyperparams, optax.GradientTransformation)

    def loss_of(values: list[Tensor], X: Tensor, *rest: Tensor) -> Tensor:
        for cell, value in zip(net.params, values, strict=True):
            cell.value = value
        return loss(net(X), *rest)

    def step(state: Any, batch: Any) -> None:
        params, opt_state = state
        values = [cell.value for cell in params]
        grads = jax.grad(loss_of)(values, *batch)
        now = jax.tree.map(array_in, opt_state)
        updates, new = trainer.update(grads, now, values)
        jax.tree.map(assign, params, optax.apply_updates(values, updates))
        jax.tree.map(assign, opt_state, new)

    with exact_numbers():  # as `fold` has it
        start = trainer.init([cell.value for cell in net.params])
    return step, (net.params, jax.tree.map(variable, start))


compiled = MethodType(_compiled, sys.modules[__name__])
optimizer = MethodType(_optimizer, sys.modules[__name__])

bind(sys.modules[__name__], jnp)
