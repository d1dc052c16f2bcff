"""TensorFlow: `tf.Variable`s, a GradientTape, and one compiled `tf.while_loop`.

A step called from Python costs fifty times what it costs inside a graph, so `fold`
puts the whole loop into one `tf.function`, and a long one through XLA as well.
"""

import functools
import math
import os
import sys
from collections.abc import Callable
from types import MethodType
from typing import Any

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # its chatter at start-up
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # the same sums on every machine

from .sparing import sparing

with sparing():
    import tensorflow as tf

from ..backend.contract import Tensor
from ..backend.tools import builtin_from, compile_clock, loop
from ..book import bind
from ..errors import InputError
from ..rules import native
from ..train.batches import Minibatches
from .compiled import compiled as _compiled
from .compiled import wait as wait
from .portable import Portable, plain
from .portable import optimizer as _optimizer
from .scalar import Scalar

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


def _while(step: Any, state: Any, batches: Any) -> Tensor | None:
    """The loop as part of a graph; the step's outputs, stacked."""
    count = tf.shape(batches[0])[0]
    dtype = batches[0].dtype
    outputs = tf.TensorArray(dtype, size=count)
    returns = False

    def body(i: Tensor, outputs: Any) -> tuple[Tensor, Any]:
        nonlocal returns
        output = step(state, tuple(batch[i] for batch in batches))
        returns = output is not None
        return i + 1, outputs.write(i, output) if returns else outputs

    _, outputs = tf.while_loop(lambda i, _: i < count, body, (0, outputs))
    return outputs.stack() if returns else None


LONG = 12_000  # steps, over which XLA saves the half second that it compiles


@functools.lru_cache(maxsize=64)
def _graph(step: Any, is_number: tuple[bool, ...], xla: bool) -> tuple[Any, set[Any]]:
    """The compiled loop of a step, whose state has numbers where `is_number` says.

    Beside it, the shapes that it has been compiled for.
    """

    def run(state: Any, batches: Any) -> Tensor | None:
        pairs = zip(tf.nest.flatten(state), is_number, strict=True)
        leaves = [Scalar(x) if number else x for x, number in pairs]
        return _while(step, tf.nest.pack_sequence_as(state, leaves), batches)

    # Without autograph, which would read and rewrite each function that is called: a
    # step is tensor code.
    return tf.function(run, autograph=False, jit_compile=xla), set()


def _shape(x: Any) -> Any:
    return (*x.shape, x.dtype) if hasattr(x, "shape") else type(x)


def fold(
    step: Any,
    state: Any,
    batches: Any,
    watch: Any = None,
    compile: bool | None = None,
) -> None:
    if compile is False:
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
    steps = math.prod(batches[0].shape[:2])
    xla = compile is True or steps >= LONG
    graph, known = _graph(step, is_number, xla)
    shapes = tuple(map(_shape, (*leaves, *batches)))
    if shapes not in known:
        known.add(shapes)
        with compile_clock.running():
            graph.get_concrete_function(state, batches)
            if xla:  # it compiles in the first call: one by the clock, and undone
                variables = [x for x in leaves if isinstance(x, tf.Variable)]
                kept = [tf.identity(x) for x in variables]
                graph(state, batches)
                for x, value in zip(variables, kept, strict=True):
                    x.assign(value)
    outputs = graph(state, batches)
    if watch is not None and outputs is not None:
        for output in outputs.numpy():
            watch(output)


def linear(w: Tensor, b: Tensor) -> Any:
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
