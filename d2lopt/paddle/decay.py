"""Who lets the weights decay: the rule, or Paddle, by a term that it adds to gradients.

What the rule reads is the rule's: λ may be given as a number or as Paddle's L2Decay
or L1Decay. What the rule does not read is left to Paddle, and so is a regularizer of
any other kind.
"""

from collections.abc import Collection, Mapping
from typing import Any

import paddle

from ..errors import InputError
from ..rules.apart import undecayed
from ..rules.hyperparams import HYPERPARAMS
from ..rules.rule import LearnersRule, Rule

Regularizer = paddle.regularizer.WeightDecayRegularizer

KINDS = (
    ("weight_decay", paddle.regularizer.L2Decay),
    ("l1_decay", paddle.regularizer.L1Decay),
)


def as_numbers(names: Collection[str], value: Any) -> tuple[dict[str, float], Any]:
    """A regularizer as hyperparameters of a rule that reads `names`.

    It replaces every decay of the rule. The second is what of it is left to Paddle.
    """
    none = undecayed(names)
    for name, kind in KINDS:
        if isinstance(value, kind) and name in names:
            return {**none, name: float(value._coeff)}, None
    return none, value


def split(rule: Rule, given: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """What is given to an optimizer: the numbers of its rule, and Paddle's regularizer.

    Raises an InputError for a `weight_decay` that is neither.
    """
    numbers, decay = dict(given), given.get("weight_decay")
    unread = "weight_decay" in given and "weight_decay" not in rule.hyperparams
    if isinstance(decay, Regularizer):
        del numbers["weight_decay"]
        replaced, rest = as_numbers(rule.hyperparams, decay)
        return {**numbers, **replaced}, rest
    if unread and not isinstance(rule.step, LearnersRule):
        del numbers["weight_decay"]
        if decay is None:
            return numbers, None
        HYPERPARAMS["weight_decay"].check("weight_decay", decay)
        return numbers, paddle.regularizer.L2Decay(float(decay))
    return numbers, None


def check_callable(apply_decay_param_fun: Any) -> None:
    """Raise an InputError if it is given and cannot be called."""
    if apply_decay_param_fun is not None and not callable(apply_decay_param_fun):
        raise InputError(
            "apply_decay_param_fun must be a function of a parameter's name; got "
            f"{apply_decay_param_fun!r}."
        )
