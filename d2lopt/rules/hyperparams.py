"""The hyperparameters of all rules: what each one means, and its range."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any, NamedTuple

from ..errors import InputError
from .optimizers import RULES


class Hyperparameter(NamedTuple):
    """What a hyperparameter is, and its range, both ends allowed if not said else."""

    meaning: str
    least: float = 0.0
    greatest: float = math.inf
    above: bool = False  # the lower end is not allowed
    below: bool = False  # the upper end is not allowed

    def check(self, name: str, value: Any) -> None:
        """Raise an InputError with the range if `value` is not a number in it."""
        number = isinstance(value, Real) and not isinstance(value, bool)
        inside = number and self.least <= value <= self.greatest
        if (
            inside
            and not math.isinf(value)
            and not (self.above and value == self.least)
            and not (self.below and value == self.greatest)
        ):
            return
        until = "less than " * self.below + f"{self.greatest:g}"
        span = f"from {self.least:g} to {until}".replace("to inf", "upwards")
        span = f"above {self.least:g}" if self.above else span
        kind = "a finite number" if number and math.isinf(value) else "a number"
        raise InputError(f"{name} must be {kind} {span}; got {value!r}.")


HYPERPARAMS = {
    "lr": Hyperparameter("η, the learning rate"),
    "gamma": Hyperparameter("γ, the share of the past that a step keeps", greatest=1.0),
    "eps": Hyperparameter("ε, what keeps the quotient finite"),
    "momentum": Hyperparameter("μ, the share of the last step in this", greatest=1.0),
    "weight_decay": Hyperparameter("λ, the pull of the weights towards 0"),
    "l1_decay": Hyperparameter("λ, the pull by the weights' sign"),
    "start": Hyperparameter("the start value of s"),
    **{
        name: Hyperparameter("a size at which something is clipped", above=True)
        for name in ("clip_value", "clip_norm", "clip_global_norm", "clip_weights")
    },
    "clip": Hyperparameter("c, the size at which gradients are clipped", above=True),
    "rho": Hyperparameter("ρ, the share of the past in both averages", greatest=1.0),
    # At 1, an average would never begin, and Adam's correction divide by 1 − 1ᵗ = 0.
    "beta1": Hyperparameter(
        "β₁, the share of the past in the mean", greatest=1.0, below=True
    ),
    "beta2": Hyperparameter(
        "β₂, the share of the past in the squares", greatest=1.0, below=True
    ),
}

# The names of what the rules of `optimizers.py` read, each once.
NAMES = list(
    dict.fromkeys(name for rule in RULES.values() for name in rule.hyperparams)
)


def check_ranges(
    given: Mapping[str, Any], called: Mapping[str, str] | None = None
) -> None:
    """Raise an InputError for the first value out of its range, as it is `called`.

    What is no hyperparameter of the table above may be anything. A rule's own are
    checked by `checks.check`.
    """
    for name, value in given.items():
        if name in HYPERPARAMS:
            HYPERPARAMS[name].check((called or {}).get(name, name), value)
