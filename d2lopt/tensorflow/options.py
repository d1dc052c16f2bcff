"""What Keras' own optimizers take beside a rule's hyperparameters, and its checks."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from ..errors import InputError
from ..rules.hyperparams import HYPERPARAMS, Hyperparameter

SCHEDULE = tf.keras.optimizers.schedules.LearningRateSchedule

OPTIONS = (
    *("name", "weight_decay", "clipnorm", "clipvalue", "global_clipnorm"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
    *("loss_scale_factor", "gradient_accumulation_steps"),
)
RANGES = {
    **dict.fromkeys(
        ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"),
        Hyperparameter("how much weights decay, or gradients are clipped"),
    ),
    "loss_scale_factor": Hyperparameter("what the loss is multiplied by", above=True),
}


def check_options(options: Mapping[str, Any]) -> None:
    """Raise an InputError for an amount out of range, which Keras would take.

    What else can be wrong with an option, Keras says itself, with a ValueError.
    """
    for name, value in options.items():
        if name in RANGES and value is not None:
            RANGES[name].check(name, value)
    steps = options.get("gradient_accumulation_steps")
    if steps is not None and not (isinstance(steps, int) and steps >= 2):
        raise InputError(
            "gradient_accumulation_steps must be a whole number from 2 upwards, or "
            f"None; got {steps!r}."
        )


def check_rate(name: str, rate: Any) -> None:
    """Raise an InputError if `rate` is no learning rate that Keras can follow.

    It may be a number from 0 upwards, or a tensor of one, a schedule of Keras, or a
    function without arguments.
    """
    if callable(rate):
        if not isinstance(rate, SCHEDULE) and _needs_arguments(rate):
            raise InputError(
                f"{name} is a function that needs arguments: give one without any, or "
                "a tf.keras.optimizers.schedules.LearningRateSchedule."
            )
        return
    if isinstance(rate, np.ndarray | tf.Tensor | tf.Variable | tf.keras.Variable):
        if tuple(rate.shape) != ():
            raise InputError(
                f"{name} must be one number; got a tensor of shape {tuple(rate.shape)}."
            )
        if not hasattr(rate, "numpy") and tf.is_symbolic_tensor(rate):
            return  # it has no value yet
        rate = float(rate)
    HYPERPARAMS["lr"].check(name, rate)


def _needs_arguments(function: Any) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # of a built-in function Python may not know it
        return False
    return any(
        p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for p in parameters
    )


def check_keras() -> None:
    """Raise an InputError unless Keras computes with TensorFlow."""
    backend = tf.keras.config.backend()
    if backend != "tensorflow":
        raise InputError(
            f"Keras computes with {backend} in this process: start Python with "
            "KERAS_BACKEND=tensorflow in its environment, to train with Keras here."
        )
