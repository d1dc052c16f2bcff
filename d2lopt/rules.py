"""The optimizers from scratch, each written once for every framework.

A rule changes `params` and `states` in place, given the gradients of one step:

    rule(d2l, params, grads, states, hyperparams)

`d2l` is a framework module: the rule uses its functions and arithmetic, and never
asks which one it is. `states` holds one entry for each parameter; `RULES` says how it
starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import InputError, unknown

if TYPE_CHECKING:
    from .backend import Backend, Tensor, Variable


def rmsprop(
    d2l: Backend,
    params: Sequence[Variable],
    grads: Sequence[Tensor],
    states: Sequence[Variable],
    hyperparams: Mapping[str, Any],
) -> None:
    """Divide each coordinate's step by a leaky average of its gradient's size.

    Hyperparams: `lr` η, `gamma` γ (the share of the past that a step keeps), `eps` ε
    (1e-6 if not given). States: one s for each parameter, of its shape, from zero.

    Source: Tieleman and Hinton, Lecture 6.5, COURSERA: Neural Networks for Machine
    Learning, 2012. ε stands inside the root; PyTorch, for one, has it outside.
    """
    gamma, eps = hyperparams["gamma"], hyperparams.get("eps", 1e-6)
    for p, g, s in zip(params, grads, states, strict=True):
        # s ← γ s + (1 − γ) g²
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        # p ← p − η g / √(s + ε)
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))


def zeros_for_each(d2l: Backend, params: Sequence[Variable]) -> list[Variable]:
    """One state for each parameter, of its shape and dtype, zero at the start."""
    return [d2l.variable(d2l.zeros_like(p)) for p in params]


class Rule(NamedTuple):
    """A rule with what a caller needs to start it."""

    step: Callable[..., None]
    init_states: Callable[[Backend, Sequence[Variable]], list[Any]]
    hyperparams: Mapping[str, float]  # every name, with its default


RULES = {
    "rmsprop": Rule(rmsprop, zeros_for_each, {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}),
}


class Hyperparameter(NamedTuple):
    """What a hyperparameter is, and its range, both ends allowed."""

    meaning: str
    least: float = 0.0
    greatest: float = math.inf


HYPERPARAMS = {
    "lr": Hyperparameter("η, the learning rate"),
    "gamma": Hyperparameter("γ, the share of the past that a step keeps", greatest=1.0),
    "eps": Hyperparameter("ε, what keeps the quotient finite"),
}


def as_rule(rule: Any, init_states: Callable[..., Any] | None = None) -> Rule:
    """What is needed to start `rule`, in whichever way it is given.

    A rule of this library (`rules.rmsprop`, or `d2l.rmsprop`), a `pieces.Chain`, a
    `Rule`, or a function of your own in the portable form (params, grads, states,
    hyperparams): its states come from `init_states(d2l, params)`, or are one zero
    tensor for each parameter.
    """
    if isinstance(rule, Rule):
        return rule
    if isinstance(getattr(rule, "rule", None), Rule):  # a chain
        return rule.rule  # type: ignore[no-any-return]
    step = getattr(rule, "func", rule)
    for known in RULES.values():
        if known.step is step:
            return known
    return Rule(Yours(rule), init_states or zeros_for_each, {})


@dataclass(frozen=True)
class Yours:
    """A rule that has its framework already, called as the rules here are."""

    rule: Callable[..., None]

    def __call__(self, d2l: Backend, *arguments: Any) -> None:
        self.rule(*arguments)


def find(optimizer: str) -> Rule:
    """The rule of that name; InputError, with the near miss, if there is none."""
    if optimizer not in RULES:
        raise unknown("optimizer", optimizer, RULES)
    return RULES[optimizer]


def check_hyperparams(optimizer: str, given: Mapping[str, Any]) -> None:
    """Raise an InputError that names the hyperparameter that is wrong, and its range.

    A name with a default may be left out only where the rule itself has one.
    """
    known = find(optimizer).hyperparams
    for name, value in given.items():
        if name not in known:
            raise unknown(f"hyperparameter of {optimizer}", name, known)
        _, least, greatest = HYPERPARAMS[name]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= greatest or math.isinf(value):
            span = f"from {least:g} to {greatest:g}".replace("to inf", "upwards")
            raise InputError(f"{name} must be a number {span}; got {value!r}.")
    missing = [name for name in known if name not in given and name != "eps"]
    if missing:
        raise InputError(
            f"{optimizer} needs {', '.join(missing)}; got {dict(given)!r}."
        )
