"""`fold` on TensorFlow: one compiled `tf.while_loop`, or a Python loop.

A step called from Python costs fifty times what it costs inside a graph, so the whole
loop is one `tf.function`, and a long one goes through XLA as well.
"""

import math
from typing import Any

import tensorflow as tf

from ..backend.contract import Tensor
from ..backend.tools import Programs, compile_clock, kind, loop, recording
from .scalar import Scalar

LONG = 12_000  # steps, over which XLA saves the half second that it compiles

_programs = Programs()


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
    numbers = [isinstance(x, int | float) for x in tf.nest.flatten(state)]
    state = tf.nest.map_structure(
        lambda x: tf.constant(x, tf.float64) if isinstance(x, int | float) else x, state
    )
    xla = compile is True or math.prod(batches[0].shape[:2]) >= LONG
    leaves = tf.nest.flatten(state)
    key = step, xla, *numbers, *map(kind, leaves), *map(kind, batches)
    program = _programs.get(key, lambda: _compiled(step, numbers, state, batches, xla))
    outputs = program(state, batches)
    if watch is not None and outputs is not None:
        for output in outputs.numpy():
            watch(output)


def _compiled(
    step: Any, numbers: list[bool], state: Any, batches: Any, xla: bool
) -> Any:
    """The loop as a program of the state, which has `numbers` among its leaves."""

    def run(state: Any, batches: Any) -> Tensor | None:
        pairs = zip(tf.nest.flatten(state), numbers, strict=True)
        leaves = [Scalar(x) if number else x for x, number in pairs]
        return _while(step, tf.nest.pack_sequence_as(state, leaves), batches)

    # Without autograph, which would read and rewrite each function that is called: a
    # step is tensor code.
    program = tf.function(run, autograph=False, jit_compile=xla)
    with compile_clock.running():
        program.get_concrete_function(state, batches)
        if xla:  # it compiles in its first call: one now, and undone
            leaves = tf.nest.flatten(state)
            variables = [x for x in leaves if isinstance(x, tf.Variable)]
            before = [tf.identity(x) for x in variables]
            program(state, batches)
            for x, value in zip(variables, before, strict=True):
                x.assign(value)
    return program


def _while(step: Any, state: Any, batches: Any) -> Tensor | None:
    """The loop as part of a graph; the step's outputs, stacked."""
    count = tf.shape(batches[0])[0]
    outputs = tf.TensorArray(batches[0].dtype, size=count)
    returns = False

    def body(i: Tensor, outputs: Any) -> tuple[Tensor, Any]:
        nonlocal returns
        with recording.going_on():
            output = step(state, tuple(batch[i] for batch in batches))
        returns = output is not None
        return i + 1, outputs.write(i, output) if returns else outputs

    _, outputs = tf.while_loop(lambda i, _: i < count, body, (0, outputs))
    return outputs.stack() if returns else None
