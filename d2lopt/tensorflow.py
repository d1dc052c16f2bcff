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

from . import book, native
from .backend import Tensor, builtin_from, compile_clock, loop
from .batches import Minibatches
from .rules import Rule

name = "tensorflow"
version = tf.__version__

abs, sign, maximum, minimum = tf.abs, tf.sign, tf.maximum, tf.minimum
sqrt, square, exp, log = tf.sqrt, tf.square, tf.exp, tf.math.log
sin, cos, sum, mean = tf.sin, tf.cos, tf.reduce_sum, tf.reduce_mean
matmul, reshape, transpose = tf.matmul, tf.reshape, tf.transpose
zeros, ones, zeros_like = tf.zeros, tf.ones, tf.zeros_like

normal, rand, astype = tf.random.normal, tf.random.uniform, tf.cast


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
        X, *rest = batch
        with tf.GradientTape() as tape:
            value = loss(net(X), *rest)
        weights = net.trainable_variables
        trainer.apply_gradients(
            zip(tape.gradient(value, weights), weights, strict=True)
        )

    return step, None


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


_SCHEDULE = tf.keras.optimizers.schedules.LearningRateSchedule


@tf.keras.utils.register_keras_serializable("d2lopt")
class Portable(tf.keras.optimizers.Optimizer):  # type: ignore[misc]
    """A rule as a Keras optimizer; its states are variables that Keras saves."""

    def __init__(
        self,
        rule: Rule | native.Written,
        hyperparams: dict[str, Any],
        learning_rate: Any = None,
        name: str = "portable",
    ) -> None:
        super().__init__(1.0 if learning_rate is None else learning_rate, name=name)
        rule = rule if isinstance(rule, Rule) else native.from_json(rule)
        self._has_lr = learning_rate is not None
        self._given = rule, hyperparams, learning_rate

    def clone(self) -> "Portable":
        """This one as it was made."""
        return Portable(*self._given)

    def get_config(self) -> dict[str, Any]:
        rule, hyperparams, _ = self._given
        rate = super().get_config()["learning_rate"] if self._has_lr else None
        return {
            "rule": native.as_json(rule),
            "hyperparams": hyperparams,
            "learning_rate": rate,
            "name": self.name,
        }

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        with tf.init_scope():  # a first step may be inside a tf.function
            params = [
                # One that is made in the same tf.function has no value yet.
                p if bool(p.is_initialized()) else tf.zeros(p.shape, p.dtype)
                for p in _plain(variables)
            ]
            starts = native.start(_HERE, self._given[0], params)
            states = tf.nest.map_structure(self._kept, starts)
        self._states = states

    def _kept(self, start: Any) -> Any:
        kept = self.add_variable(start.shape, dtype=start.dtype.name, name="state")
        kept.assign(start)
        return kept.value

    def _distributed_tf_update_step(
        self, distribution: Any, grads_and_vars: Any, learning_rate: Any
    ) -> None:
        """All parameters at once, where Keras would update each by itself."""
        grads, variables = zip(*grads_and_vars, strict=True)
        states = [self._states[self._get_variable_index(v)] for v in variables]
        every = (grads, variables, states, tf.convert_to_tensor(learning_rate))
        distribution.extended.update(variables[0], self._step, every, group=False)

    def _step(self, _: Any, grads: Any, params: Any, states: Any, rate: Any) -> None:
        rule, hyperparams, _ = self._given
        if self._has_lr:
            hyperparams = {**hyperparams, "lr": _Scalar(tf.cast(rate, tf.float64))}
        # An embedding's gradient has only the rows that were looked up.
        dense = [tf.convert_to_tensor(g) for g in grads]
        dense = [tf.cast(g, p.dtype) for g, p in zip(dense, params, strict=True)]
        rule.step(_HERE, params, dense, states, hyperparams)


_HERE = sys.modules[__name__]


def _plain(variables: Any) -> list[Any]:
    """The tf.Variable that each variable of Keras holds."""
    return [v.value if isinstance(v, tf.keras.Variable) else v for v in variables]


def optimizer(rule: Any, init_states: Any = None, **hyperparams: Any) -> Any:
    """A Keras optimizer: model.compile(optimizer=it)."""
    found = native.rule_of(_HERE, rule, init_states)
    native.check(found, hyperparams, _SCHEDULE)
    rate = hyperparams.pop("lr", None)
    if rate is not None and not isinstance(rate, _SCHEDULE):
        rate = float(rate)
    return Portable(found, hyperparams, rate)


book.bind(sys.modules[__name__], tf)
