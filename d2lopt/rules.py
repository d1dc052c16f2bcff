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
    above: bool = False  # the lower end is not allowed

    def check(self, name: str, value: Any) -> None:
        """Raise an InputError with the range if `value` is not a number in it."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        inside = number and self.least <= value <= self.greatest
        if (
            inside
            and not math.isinf(value)
            and not (self.above and value == self.least)
        ):
            return
        span = f"from {self.least:g} to {self.greatest:g}".replace("to inf", "upwards")
        span = f"above {self.least:g}" if self.above else span
        raise InputError(f"{name} must be a number {span}; got {value!r}.")


HYPERPARAMS = {
    "lr": Hyperparameter("η, the learning rate"),
    "gamma": Hyperparameter("γ, the share of the past that a step keeps", greatest=1.0),
    "eps": Hyperparameter("ε, what keeps the quotient finite"),
    "momentum": Hyperparameter("μ, the share of the last step in this", greatest=1.0),
    "weight_decay": Hyperparameter("λ, the pull of the weights towards 0"),
    "l1_decay": Hyperparameter("λ, the pull by the weights' sign"),
    "clip": Hyperparameter("c, the size at which gradients are clipped", above=True),
    "rho": Hyperparameter("ρ, the share of the past in both averages", greatest=1.0),
    "beta1": Hyperparameter("β₁, the share of the past in the mean", greatest=1.0),
    "beta2": Hyperparameter("β₂, the share of the past in the squares", greatest=1.0),
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


def check_ranges(
    given: Mapping[str, Any], called: Mapping[str, str] | None = None
) -> None:
    """Raise an InputError for the first value out of its range, as it is `called`."""
    for name, value in given.items():
        if name in HYPERPARAMS:
            HYPERPARAMS[name].check((called or {}).get(name, name), value)


def find(optimizer: str) -> Rule:
    """The rule of that name; InputError, with the near miss, if there is none."""
    if optimizer not in RULES:
        raise unknown("optimizer", optimizer, RULES)
    return RULES[optimizer]


def check_hyperparams(optimizer: str, given: Mapping[str, Any]) -> None:
    """Raise an InputError that names the hyperparameter that is wrong, and its range.

    A name with a default may be left out only where the rule itself has one.
    """
    check_known(optimizer, find(optimizer), given)
    check_missing(optimizer, find(optimizer), given)


def check_known(title: str, rule: Rule, given: Mapping[str, Any]) -> None:
    """Raise an InputError for a name that the rule lacks, or a value out of range."""
    for name, value in given.items():
        if name not in rule.hyperparams:
            raise unknown(f"hyperparameter of {title}", name, rule.hyperparams)
        if name in HYPERPARAMS:
            HYPERPARAMS[name].check(name, value)


def check_missing(title: str, rule: Rule, given: Mapping[str, Any]) -> None:
    """Raise an InputError if the rule needs a hyperparameter that is not given."""
    own_default = ("eps",) if rule.step is rmsprop else ()
    missing = [n for n in rule.hyperparams if n not in given and n not in own_default]
    if missing:
        raise InputError(f"{title} needs {', '.join(missing)}; got {dict(given)!r}.")
