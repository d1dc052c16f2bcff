"""The numbers in the parameter groups of a portable optimizer."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ..errors import InputError
from ..rules import native
from ..rules.hyperparams import HYPERPARAMS
from ..rules.rule import LearnersRule, Rule

# What PyTorch's own optimizers can be asked for, and why a rule cannot.
_WAYS = {
    "foreach": "a rule over large parameters is compiled without being asked",
    "fused": "a rule over large parameters is compiled without being asked",
    "capturable": "a captured graph would freeze the rule's numbers",
    "differentiable": "a rule changes its parameters in place, without a gradient",
}
_OTHERS = ("params", "param_names", "maximize", *_WAYS)
_ROUNDING = 1e-12  # a schedule that falls to 0 may end that far below it


def without_ways(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` without foreach, fused, capturable and differentiable, if they are off.

    Raises an InputError for one that is on.
    """
    for name, reason in _WAYS.items():
        if given.get(name):
            raise InputError(f"{name}={given[name]!r}: leave it out, as {reason}.")
    return {name: value for name, value in given.items() if name not in _WAYS}


def check(rule: Rule, given: Mapping[str, Any], partly: bool = False) -> None:
    """Raise an InputError for a number that `rule` cannot take, or that it lacks.

    A tensor of one element is a number, which is read where it is on the CPU.
    """
    if isinstance(rule.step, LearnersRule):  # what else it reads is its own business
        given = {n: given[n] for n in given if n == "lr"}
    plain = {n: _number(n, v) for n, v in given.items() if n not in _OTHERS}
    native.check_with_rate(rule, plain, torch.Tensor, list(plain), partly)


def numbers_in(
    rule: Rule, group: Mapping[str, Any], also: Iterable[str] = ()
) -> dict[str, Any]:
    """The hyperparameters in a group, beside which PyTorch and its users keep others.

    A learner's rule gets all that is there. `also` names what is taken, too.
    """
    if isinstance(rule.step, LearnersRule):
        names = [n for n in group if n not in _OTHERS]
        return {n: _number(n, group[n]) if n == "lr" else group[n] for n in names}
    names = [n for n in ("lr", *rule.hyperparams, *also) if n not in _OTHERS]
    return {n: _number(n, group[n]) for n in names if n in group}


def numbers_now(rule: Rule, group: Mapping[str, Any]) -> dict[str, Any]:
    """The hyperparameters for a step, checked: a schedule may have changed them."""
    numbers = numbers_in(rule, group)
    rate = numbers.get("lr")
    if isinstance(rate, float) and -_ROUNDING < rate < 0:
        numbers["lr"] = 0.0
    if not torch.compiler.is_compiling():
        check(rule, numbers)
    return numbers


def _number(name: str, value: Any) -> Any:
    """A tensor of one element as a number, or of shape () where reading it would cost.

    That is on a GPU, whose queue of work it would wait for, and in a graph that
    torch.compile is tracing, which it would break.
    """
    if not isinstance(value, torch.Tensor):
        return value
    if value.numel() != 1:
        raise InputError(
            f"{name} must be one number; got a tensor of shape {tuple(value.shape)}."
        )
    if value.device.type == "cpu" and not torch.compiler.is_compiling():
        return value.item()
    return value.reshape(())


def check_saved(rule: Rule, saved: Mapping[str, Any], known: Iterable[str]) -> None:
    """Raise an InputError for a saved group whose numbers are those of another rule.

    `known` are the names that the group has here already.
    """
    own = {"lr", *rule.hyperparams, *known}
    strange = [n for n in saved if n in HYPERPARAMS and n not in own]
    if strange and not isinstance(rule.step, LearnersRule):
        raise InputError(
            f"these states are of another rule, which reads {', '.join(strange)}: load "
            "them into an optimizer of that rule."
        )
    try:
        check(rule, numbers_in(rule, saved))
    except InputError as error:
        raise InputError(f"these states are of another rule: {error}") from error
