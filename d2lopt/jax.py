"""JAX: arrays never change, so a variable is a small cell that holds one; optax.

A traced function reads the cells at its entry and returns their values at its exit;
`fold` does that. 64-bit types are switched on, for float64 on request, and so that a
hyperparameter traced as an argument keeps a Python float's precision.
"""

import functools
import operator
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from . import book, native
from .backend import Tensor, builtin_from, compile_clock, loop
from .errors import InputError

jax.config.update("jax_enable_x64", True)

name = "jax"
version = jax.__version__


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
        self.value = self.value.at[index].set(_array(value))

    def __repr__(self) -> str:
        return f"Variable({self.value})"


def _array(x: Any) -> Any:
    """The array in a cell; anything else as it is."""
    return x.value if isinstance(x, Variable) else x


def _on_arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, taking cells where it takes arrays."""
    return lambda *arguments: function(*map(_array, arguments))


_SYMBOLS = ("add", "sub", "mul", "truediv", "pow", "matmul", "lt", "le", "gt", "ge")
for _symbol in _SYMBOLS:
    _forward = getattr(operator, _symbol)
    setattr(Variable, f"__{_symbol}__", lambda x, y, f=_forward: f(x.value, _array(y)))
    setattr(Variable, f"__r{_symbol}__", lambda x, y, f=_forward: f(_array(y), x.value))

abs, sign, sqrt = _on_arrays(jnp.abs), _on_arrays(jnp.sign), _on_arrays(jnp.sqrt)
square, exp, log = _on_arrays(jnp.square), _on_arrays(jnp.exp), _on_arrays(jnp.log)
sin, cos = _on_arrays(jnp.sin), _on_arrays(jnp.cos)
maximum, minimum = _on_arrays(jnp.maximum), _on_arrays(jnp.minimum)
sum, mean = _on_arrays(jnp.sum), _on_arrays(jnp.mean)
matmul, reshape = _on_arrays(jnp.matmul), _on_arrays(jnp.reshape)
zeros_like = _on_arrays(jnp.zeros_like)


def tensor(value: Any, dtype: str = "float32") -> Tensor:
    return jnp.array(_array(value), dtype)


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(_array(x))


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    return jnp.zeros(shape, dtype)


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    return jnp.ones(shape, dtype)


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return jnp.array(np.arange(*span), dtype)


def variable(value: Tensor) -> Variable:
    return Variable(_array(value))


def assign(x: Variable, value: Tensor) -> None:
    value = _array(value)
    if x.value.shape != value.shape:
        raise ValueError(f"cannot assign shape {value.shape} to shape {x.value.shape}")
    x.value = value.astype(x.value.dtype)


def hold_grad(x: Variable, grad: Tensor) -> Variable:
    x.grad = grad
    return x


def value_and_grad(
    loss: Callable[..., Tensor],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    both = jax.value_and_grad(loss)
    return lambda params, *batch: both([_array(p) for p in params], *batch)


def _scan(step: Any, state: Any, batches: Any) -> Any:
    """The loop as part of a trace, over the cells in `state`; the stacked outputs."""
    cells = [x for x in jax.tree.leaves(state) if isinstance(x, Variable)]

    def body(values: list[Tensor], batch: tuple[Tensor, ...]) -> Any:
        for cell, value in zip(cells, values, strict=True):
            cell.value = value
        output = step(state, batch)
        return [cell.value for cell in cells], output

    values, outputs = jax.lax.scan(body, [cell.value for cell in cells], tuple(batches))
    for cell, value in zip(cells, values, strict=True):
        cell.value = value
    return outputs


@functools.lru_cache(maxsize=64)
def _compiled(
    step: Any, treedef: Any, shapes: Any, batch_shapes: Any
) -> dict[str, Any]:
    """Where the program for a step and these shapes is kept, once it is made."""
    return {}


def _shape(x: Any) -> Any:
    return (x.shape, x.dtype) if hasattr(x, "shape") else type(x)


def fold(
    step: Any, state: Any, batches: Any, watch: Any = None, compile: bool = False
) -> None:
    if not compile:  # NumPy's slices are cheaper than JAX's
        loop(step, state, [list(np.asarray(batch)) for batch in batches], watch)
        return
    leaves, treedef = jax.tree.flatten(state)
    if any(isinstance(_array(x), jax.core.Tracer) for x in [*leaves, *batches]):
        _scan(step, state, batches)  # a fold within a fold
        return

    def run(arrays: list[Tensor], batches: Any) -> Any:
        traced = []
        for leaf, array in zip(leaves, arrays, strict=True):
            if isinstance(leaf, Variable):
                leaf.value = array
            traced.append(leaf if isinstance(leaf, Variable) else array)
        outputs = _scan(step, jax.tree.unflatten(treedef, traced), batches)
        return [x.value for x in traced if isinstance(x, Variable)], outputs

    arrays = [_array(x) for x in leaves]
    batches = tuple(batches)
    shapes = tuple(map(_shape, leaves)), tuple(map(_shape, batches))
    program = _compiled(step, treedef, *shapes)
    cells = [x for x in leaves if isinstance(x, Variable)]
    if "run" not in program:
        before = [cell.value for cell in cells]
        try:
            with compile_clock.running():
                program["run"] = jax.jit(run).lower(arrays, batches).compile()
        finally:
            for cell, value in zip(cells, before, strict=True):
                cell.value = value
    values, outputs = program["run"](arrays, batches)
    for cell, value in zip(cells, values, strict=True):
        cell.value = value
    if watch is not None and outputs is not None:
        for output in np.asarray(outputs):
            watch(output)


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
        now = jax.tree.map(_array, opt_state)
        updates, new = trainer.update(grads, now, values)
        jax.tree.map(assign, params, optax.apply_updates(values, updates))
        jax.tree.map(assign, opt_state, new)

    start = trainer.init([cell.value for cell in net.params])
    return step, (net.params, jax.tree.map(variable, start))


class RuleState(NamedTuple):
    """What the transformation keeps: the steps done, and the rule's own states."""

    count: Tensor
    states: Any


def optimizer(rule: Any, init_states: Any = None, **hyperparams: Any) -> Any:
    """An optax.GradientTransformation, which needs params at each update.

    Each hyperparameter may be a schedule. One that is to be set in mid-training goes
    through optax.inject_hyperparams(lambda lr: d2l.optimizer(rule, lr=lr))(lr=0.01).
    """
    d2l = sys.modules[__name__]
    found = native.rule_of(d2l, rule, init_states)
    native.check(found, hyperparams, (jax.Array, Callable), list(hyperparams))

    def init(params: Any) -> RuleState:
        cells = [variable(p) for p in jax.tree.leaves(params)]
        states = jax.tree.map(_array, native.start(d2l, found, cells))
        return RuleState(jnp.zeros((), "int32"), states)

    def update(updates: Any, state: RuleState, params: Any = None) -> Any:
        if params is None:
            raise InputError("a rule reads params: update(grads, state, params).")
        olds, treedef = jax.tree.flatten(params)
        if not olds:  # all are masked
            return updates, state
        dtype = jnp.result_type(*olds)

        def now(value: Any) -> Any:  # a schedule's value has no dtype of its own
            value = value(state.count) if callable(value) else value
            return value if isinstance(value, float) else jnp.asarray(value, dtype)

        cells = [variable(p) for p in olds]
        states = jax.tree.map(variable, state.states)
        numbers = {name: now(value) for name, value in hyperparams.items()}
        found.step(d2l, cells, jax.tree.leaves(updates), states, numbers)
        steps = [cell.value - p for cell, p in zip(cells, olds, strict=True)]
        new = RuleState(state.count + 1, jax.tree.map(_array, states))
        return treedef.unflatten(steps), new

    return optax.GradientTransformation(init, update)


book.bind(sys.modules[__name__], jnp)
