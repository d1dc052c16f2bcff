"""What MXNet's own optimizers take beside a rule's hyperparameters, and its checks."""

import warnings
from numbers import Real
from typing import Any

import mxnet
import numpy as onp

from ..errors import InputError
from ..rules import native
from ..rules.hyperparams import HYPERPARAMS, Hyperparameter
from ..rules.rule import Rule

SCHEDULE = mxnet.lr_scheduler.LRScheduler
OPTIONS = (
    *("lr_scheduler", "wd", "clip_gradient", "rescale_grad", "begin_num_update"),
    *("multi_precision", "param_idx2name", "param_dict", "sym"),
)
_RESCALE = Hyperparameter("what gradients are multiplied by", above=True)


def split(rule: Rule, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is given: the numbers of the rule, and what is for `mxnet.optimizer`.

    The second says too whether MXNet's wd is to be added to gradients
    ("decay_by_mxnet"), or is the λ of the rule.
    """
    numbers = {n: v for n, v in given.items() if n not in OPTIONS}
    theirs = {n: v for n, v in given.items() if n in OPTIONS}
    if "learning_rate" in numbers:
        if "lr" in numbers:
            raise InputError("lr and learning_rate are one number: give one of them.")
        numbers["lr"] = numbers.pop("learning_rate")
    schedule = theirs.get("lr_scheduler")
    if schedule is not None:
        if not isinstance(schedule, SCHEDULE):
            raise InputError(
                "lr_scheduler must be an mxnet.lr_scheduler.LRScheduler; got "
                f"{schedule!r}."
            )
        numbers.setdefault("lr", schedule)
    decay = theirs.pop("wd", None)
    reads = "weight_decay" in rule.hyperparams
    if decay is not None:
        HYPERPARAMS["weight_decay"].check("wd", decay)
        if "weight_decay" in numbers:
            raise InputError("wd and weight_decay are both given: leave one out.")
        if reads:
            numbers["weight_decay"] = decay
    native.check_with_rate(rule, numbers, SCHEDULE)
    _check(theirs)
    rate = numbers.get("lr", 1.0)
    if isinstance(rate, SCHEDULE):
        theirs["lr_scheduler"], rate = rate, None
    by_mxnet = decay is not None and not reads
    theirs |= {"learning_rate": rate, "decay_by_mxnet": by_mxnet}
    wd = decay if by_mxnet else numbers.get("weight_decay", 0.0)
    # A function of a learner's may mean anything by the name.
    return numbers, theirs | {"wd": wd if isinstance(wd, Real) else 0.0}


def _check(theirs: dict[str, Any]) -> None:
    """Raise an InputError for an option out of range, which MXNet would take."""
    clip = theirs.get("clip_gradient")
    if clip is not None:
        HYPERPARAMS["clip"].check("clip_gradient", clip)
    if "rescale_grad" in theirs:
        _RESCALE.check("rescale_grad", theirs["rescale_grad"])
    begin = theirs.get("begin_num_update", 0)
    if not isinstance(begin, int) or begin < 0:
        raise InputError(
            f"begin_num_update must be a whole number from 0 upwards; got {begin!r}."
        )


def check_states(optimizer: Any, params: list[Any]) -> None:
    """Raise an InputError if MXNet's optimizer cannot take parameters of this dtype.

    Some keep their states in float32 whatever the parameters are; their step would end
    in an error about attributes of nodes.
    """
    for i, param in enumerate(params):
        with warnings.catch_warnings():  # of MXNet, that its own optimizers are old
            warnings.simplefilter("ignore", DeprecationWarning)
            states = optimizer.create_state(i, param)
        for state in states if isinstance(states, list | tuple) else [states]:
            if state is not None and state.dtype != param.dtype:
                own, given = (onp.dtype(x.dtype).name for x in (state, param))
                raise InputError(
                    f"MXNet's own {type(optimizer).__name__} keeps its state in {own}, "
                    f"so it cannot take parameters in {given}: choose {own} "
                    f"(--dtype {own})."
                )
