"""TensorFlow: `tf.Variable`s, a GradientTape, and one compiled `tf.while_loop`.

A step called from Python costs fifty times what it costs inside a graph, so `fold`
puts the whole loop into one `tf.function` when it is asked to compile.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its chatter at start-up
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same sums on every machine

import tensorflow as tf

from . import book
from .backend import Tensor, builtin_from, compile_clock, loop

name = "tensorflow"
version = tf.__version__

abs, sign, maximum, minimum = tf.abs, tf.sign, tf.maximum, tf.minimum
sqrt, square, exp, log = tf.sqrt, tf.square, tf.exp, tf.math.log
sin, cos, sum, mean = tf.sin, tf.cos, tf.reduce_sum, tf.reduce_mean
matmul, reshape, zeros_like = tf.matmul, tf.reshape, tf.zeros_like


def tensor(value: Any, dtype: str = "float32") -> Tensor:
    return tf.constant(value, dtype=dtype)


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(x)


def zeros(shape: Any, dtype: str = "float32") -> Tensor:
    return tf.zeros(shape, dtype)


def ones(shape: Any, dtype: str = "float32") -> Tensor:
    return tf.ones(shape, dtype)


def arange(n: int, dtype: str = "float32") -> Tensor:
    return tf.cast(tf.range(n), dtype)


def variable(value: Tensor) -> Tensor:
    return tf.Variable(value)


def assign(x: Tensor, value: Tensor) -> None:
    if not hasattr(x, "assign"):
        raise TypeError("a TensorFlow tensor cannot change: make it a d2l.variable(…)")
    x.assign(value)


def hold_grad(x: Tensor, grad: Tensor) -> Tensor:
    x.grad = grad
    return x


def value_and_grad(
    loss: Callable[..., Tensor],
) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    def both(params: list[Tensor], *batch: Tensor) -> tuple[Tensor, list[Tensor]]:
        with tf.GradientTape() as tape:
            value = loss(params, *batch)
        return value, tape.gradient(value, params)

    return both


class _Scalar:
    """A hyperparameter inside a graph, which behaves as a Python float does outside.

    It keeps float64 among its like (1 − γ loses nothing) and takes the dtype of the
    tensor it meets. Traced as an argument, a new value needs no new graph.
    """

    def __init__(self, value: Tensor) -> None:
        self.value = value


def _operator(symbol: str) -> Callable[[_Scalar, Any], Any]:
    def apply(self: _Scalar, other: Any) -> Any:
        if isinstance(other, _Scalar | int | float):
            other = other.value if isinstance(other, _Scalar) else other
            return _Scalar(getattr(self.value, symbol)(other))
        return getattr(tf.cast(self.value, other.dtype), symbol)(other)

    return apply


for _symbol in ("add", "sub", "mul", "truediv", "pow"):
    setattr(_Scalar, f"__{_symbol}__", _operator(f"__{_symbol}__"))
    setattr(_Scalar, f"__r{_symbol}__", _operator(f"__r{_symbol}__"))


def _while(step: Any, state: Any, batches: Any) -> Tensor | None:
    """The loop as part of a graph; the step's outputs, stacked."""
    count = tf.shape(batches[0])[0]
    dtype = batches[0].dtype
    outputs = tf.TensorArray(dtype, size=count, element_shape=())
    returns = False

    def body(i: Tensor, outputs: Any) -> tuple[Tensor, Any]:
        nonlocal returns
        output = step(state, tuple(batch[i] for batch in batches))
        returns = output is not None
        return i + 1, outputs.write(i, output) if returns else outputs

    _, outputs = tf.while_loop(lambda i, _: i < count, body, (0, outputs))
    return outputs.stack() if returns else None


@functools.lru_cache(maxsize=64)
def _graph(step: Any, is_number: tuple[bool, ...]) -> Any:
    """The compiled loop of a step, whose state has numbers where `is_number` says."""

    def run(state: Any, batches: Any) -> Tensor | None:
        pairs = zip(tf.nest.flatten(state), is_number, strict=True)
        leaves = [_Scalar(x) if number else x for x, number in pairs]
        return _while(step, tf.nest.pack_sequence_as(state, leaves), batches)

    return tf.function(run, reduce_retracing=True)


def fold(
    step: Any, state: Any, batches: Any, watch: Any = None, compile: bool = False
) -> None:
    if not compile:
        loop(step, state, [tf.unstack(batch) for batch in batches], watch)
        return
    if tf.inside_function():  # a fold within a fold
        _while(step, state, batches)
        return
    leaves = tf.nest.flatten(state)
    is_number = tuple(isinstance(x, int | float) for x in leaves)
    leaves = [
        tf.constant(x, tf.float64) if isinstance(x, int | float) else x for x in leaves
    ]
    state = tf.nest.pack_sequence_as(state, leaves)
    graph = _graph(step, is_number)
    with compile_clock.running():
        graph.get_concrete_function(state, batches)
    outputs = graph(state, batches)
    if watch is not None and outputs is not None:
        for output in outputs.numpy():
            watch(output)


def linear(w: Tensor, b: Tensor) -> Any:
    net = tf.keras.layers.Dense(1, dtype=w.dtype.name)
    net.build((None, w.shape[0]))
    net.set_weights([w.numpy(), b.numpy()])
    return net


def builtin(name: str) -> Any:
    return builtin_from(tf.keras.optimizers, name)


def native_step(
    trainer_fn: Any, hyperparams: dict[str, Any], net: Any, loss: Any
) -> tuple[Any, Any]:
    trainer = trainer_fn(**hyperparams)
    trainer.build(net.trainable_variables)

    def step(state: Any, batch: Any) -> None:
        X, *rest = batch
        with tf.GradientTape() as tape:
            value = loss(net(X), *rest)
        weights = net.trainable_variables
        trainer.apply_gradients(
            zip(tape.gradient(value, weights), weights, strict=True)
        )

    return step, None


book.bind(sys.modules[__name__])
