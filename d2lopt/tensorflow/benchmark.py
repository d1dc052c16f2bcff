"""Keras' own RMSprop as one step over large variables, to measure beside the rule."""

from typing import Any

import tensorflow as tf

from ..backend.contract import Tensor


def _step(h: dict[str, float], p: Tensor, g: Tensor, how: Any) -> Any:
    variable = tf.keras.Variable(p, dtype=p.dtype.name)
    opt = tf.keras.optimizers.RMSprop(h["lr"], rho=h["gamma"], epsilon=h["eps"])
    opt.build([variable])
    apply = how(lambda g: opt.apply_gradients([(g, variable)]))
    return lambda: apply(g)


steps = {
    "built-in": lambda h, p, g: _step(h, p, g, lambda f: f),
    "built-in, tf.function": lambda h, p, g: _step(h, p, g, tf.function),
    "built-in, XLA": lambda h, p, g: _step(
        h, p, g, lambda f: tf.function(f, jit_compile=True)
    ),
}
