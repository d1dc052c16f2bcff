"""TensorFlow: `tf.Variable`s, a GradientTape, and one compiled `tf.while_loop`."""

import os
import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its chatter at start-up
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same sums on every machine

import tensorflow as tf

from ..backend.contract import Tensor
from ..backend.tools import builtin_from
from ..book import bind
from ..errors import InputError
from ..rules import native
from ..train.batches import Minibatches
from .compiled import compiled as _compiled
from .compiled import wait as wait
from .loop import fold as fold
from .options import check_keras
from .portable import Portable, plain
from .portable import optimizer as _optimizer

name = "tensorflow"
version = tf.__version__

abs, sign, maximum, minimum = tf.abs, tf.sign, tf.maximum, tf.minimum
sqrt, square, exp, log = tf.sqrt, tf.square, tf.exp, tf.math.log
sin, cos, sum, mean = tf.sin, tf.cos, tf.reduce_sum, tf.reduce_mean
matmul, reshape, transpose = tf.matmul, tf.reshape, tf.transpose
zeros, ones, zeros_like = tf.zeros, tf.ones, tf.zeros_like
normal, rand, astype = tf.random.normal, tf.random.uniform, tf.cast

if not hasattr(tf.keras.optimizers.Optimizer, "lr"):  # what Keras 2 called it too
    tf.keras.optimizers.Optimizer.lr = tf.keras.optimizers.Optimizer.learning_rate
# A rule may write +x, which TensorFlow's tensors lack.
for _kind in (tf.Tensor, tf.Variable):
    if not hasattr(_kind, "__pos__"):
        _kind.__pos__ = tf.identity


def use_device(device: str) -> None:
    there = tf.config.list_physical_devices("GPU")
    if device == "cuda" and not there:
        raise InputError("TensorFlow finds no GPU here: take --device cpu.")
    if device == "cpu" and there:
        tf.config.set_visible_devices([], "GPU")


def tensor(value: Any, dtype: str = "float32") -> Tensor:
    return tf.constant(value, dtype=dtype)


def numpy(x: Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(x)


def arange(*span: float, dtype: str = "float32") -> Tensor:
    return tf.cast(tf.range(*span), dtype)


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


def linear(w: Tensor, b: Tensor) -> Any:
    check_keras()
    net = tf.keras.layers.Dense(1, dtype=w.dtype.name)
    net.build((None, w.shape[0]))
    net.set_weights([w.numpy(), b.numpy()])
    return net


def weights(net: Any) -> list[Tensor]:
    return [variable.value for variable in net.trainable_variables]


def builtin(name: str) -> Any:
    return builtin_from(tf, name)


def native_step(
    trainer_fn: Any, hyperparams: dict[str, Any], net: Any, loss: Any
) -> tuple[Any, Any]:
    trainer = native.made(trainer_fn, hyperparams, Portable)
    trainer = trainer.clone() if isinstance(trainer, Portable) else trainer
    trainer.build(net.trainable_variables)

    def step(state: Any, batch: Any) -> None:
        with tf.GradientTape() as tape:
            value = loss(net(batch[0]), *batch[1:])
        weights = net.trainable_variables
        pairs = zip(tape.gradient(value, weights), weights, strict=True)
        trainer.apply_gradients(pairs)

    return step, plain([*net.trainable_variables, *trainer.variables])


def load_array(data_arrays: Any, batch_size: int, is_train: bool = True) -> Any:
    """A tf.data.Dataset of minibatches of the arrays' rows, shuffled if `is_train`."""
    dataset = tf.data.Dataset.from_tensor_slices(tuple(data_arrays))
    dataset = dataset.shuffle(len(data_arrays[0])) if is_train else dataset
    return dataset.batch(batch_size)


def as_dataset(batches: Minibatches) -> Any:
    """The minibatches as the tf.data.Dataset that cells of the book expect."""
    spec = tuple(tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in batches.arrays)
    dataset = tf.data.Dataset.from_generator(batches.pairs, output_signature=spec)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))
    dataset.minibatches = batches
    return dataset


def try_gpu(i: int = 0) -> Any:
    """The i-th GPU if there is one, else the CPU."""
    there = len(tf.config.list_physical_devices("GPU")) > i
    return tf.device(f"/GPU:{i}" if there else "/CPU:0")


Portable.d2l = sys.modules[__name__]
compiled = MethodType(_compiled, sys.modules[__name__])
optimizer = MethodType(_optimizer, sys.modules[__name__])

bind(sys.modules[__name__], tf)
