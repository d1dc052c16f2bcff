"""The optimizers from scratch: `optimizers.py` has them, simplest first.

Beside them stand the pieces that they are made of, the schedules, the hyperparameters
with their ranges, and what tells whether a function can be a rule.
"""

from .forms import as_rule
from .optimizers import (
    RULES,
    adadelta,
    adagrad,
    adam,
    adamw,
    find,
    momentum,
    nesterov,
    rmsprop,
    sgd,
    yogi,
)
from .rule import Rule

__all__ = [
    "RULES",
    "Rule",
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "as_rule",
    "find",
    "momentum",
    "nesterov",
    "rmsprop",
    "sgd",
    "yogi",
]
