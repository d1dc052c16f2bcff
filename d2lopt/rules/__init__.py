"""The optimizers from scratch: `optimizers.py` has them, simplest first.

`rule.py` says what a rule is to a caller, and `pieces.py` takes the optimizers apart.
Beside them stand the schedules, the hyperparameters with their ranges, the forms that a
rule may have, the checks of what a harness is given, and what all frameworks' own
optimizers made of a rule need (`native.py`).
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
