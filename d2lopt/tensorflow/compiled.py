"""A rule over large variables: one XLA program, which writes them where they are."""

from typing import Any

import tensorflow as tf

from .. import fuse
from ..backend.contract import Backend, Tensor
from ..backend.tools import compile_clock, kind
from ..rules import native
from ..rules.checks import only_variables_change
from .scalar import Scalar


def _traced(x: Any) -> Any:
    """A hyperparameter as an argument of the program, which a new value keeps."""
    if isinstance(x, int | float):
        return tf.constant(x, tf.float64)  # 1 − γ loses nothing
    x = tf.convert_to_tensor(x.value if isinstance(x, Scalar) else x)
    return tf.cast(x, tf.float64) if x.shape.rank == 0 else x


def compiled(d2l: Backend, rule: Any) -> fuse.CompiledRule:
    as_written = native.rule_of(d2l, rule).step

    def run(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        numbers = {
            name: Scalar(x) if x.shape.rank == 0 else x
            for name, x in hyperparams.items()
        }
        with only_variables_change(states, numbers):
            as_written(d2l, params, grads, states, numbers)

    program = tf.function(run, jit_compile=True, autograph=False)
    compiled_for: set[Any] = set()  # the program itself does not say

    def step(params: Any, grads: Any, states: Any, hyperparams: Any) -> None:
        numbers = {name: _traced(x) for name, x in hyperparams.items()}
        arguments = list(params), list(grads), states, numbers
        if tf.inside_function():  # it is part of that one's program
            program(*arguments)
            return
        key = tuple(map(kind, tf.nest.flatten(arguments)))
        if key in compiled_for:
            program(*arguments)
            return
        with compile_clock.running():  # with the step that follows, at its first time
            program(*arguments)
        compiled_for.add(key)

    return step


def wait(*tensors: Tensor) -> None:
    for x in tensors:
        if "GPU" in x.device:
            tf.test.experimental.sync_devices()
            return
