"""The optimizers from scratch, each written once for every framework, simplest first.

A rule changes `params` and `states` in place, given the gradients of one step:

    rule(d2l, params, grads, states, hyperparams)

`d2l` is a framework module: the rule uses its functions and arithmetic, and never
asks which one it is. `states` holds one entry for each parameter, of its shape and
zero at the start: a variable, or a tuple of them. `RULES`, at the end, has every rule
by its name, with how its states start and its hyperparameters; what a `Rule` is stands
in `rule.py`. `pieces.py` makes the same optimizers, and more, of small parts.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..errors import unknown
from .rule import (
    Grads,
    Hyperparams,
    Params,
    Rule,
    States,
    nothing,
    several_for_each,
    zeros_for_each,
)

if TYPE_CHECKING:
    from ..backend.contract import Backend


def sgd(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Go downhill: `lr` η is the step for a gradient of size one. No states."""
    for p, g in zip(params, grads, strict=True):
        # p ← p − η g
        d2l.assign(p, p - h["lr"] * g)


def momentum(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Roll downhill: add up past gradients, of which each step keeps `momentum` μ.

    States: the velocity v. Source: Polyak, 1964.
    """
    for p, g, v in zip(params, grads, states, strict=True):
        # v ← μ v + g
        d2l.assign(v, h["momentum"] * v + g)
        # p ← p − η v
        d2l.assign(p, p - h["lr"] * v)


def nesterov(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Momentum that looks ahead: the step is the one that v would take next.

    States: the velocity v. Source: Nesterov, 1983, in the form of Sutskever et al.,
    2013, for a gradient that is taken where the parameters are.
    """
    for p, g, v in zip(params, grads, states, strict=True):
        # v ← μ v + g
        d2l.assign(v, h["momentum"] * v + g)
        # p ← p − η (g + μ v)
        d2l.assign(p, p - h["lr"] * (g + h["momentum"] * v))


def adagrad(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Divide each coordinate's step by the size of all its gradients so far.

    `eps` ε is 1e-6 if not given. States: the sum s. Source: Duchi, Hazan and Singer,
    2011.
    """
    eps = h.get("eps", 1e-6)
    for p, g, s in zip(params, grads, states, strict=True):
        # s ← s + g²
        d2l.assign(s, s + d2l.square(g))
        # p ← p − η g / √(s + ε)
        d2l.assign(p, p - h["lr"] * g / d2l.sqrt(s + eps))


def rmsprop(
    d2l: Backend, params: Params, grads: Grads, states: States, hyperparams: Hyperparams
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


def adadelta(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Do without a learning rate: the size of past steps takes its place.

    `rho` ρ is the share of the past that a step keeps; `eps` ε (1e-5 if not given) is
    also what the first step grows from. States: (s, x). Source: Zeiler, 2012.

    `lr` η is 1, if a schedule of a framework does not set it.
    """
    rho, eps, lr = h["rho"], h.get("eps", 1e-5), h.get("lr", 1.0)
    for p, g, (s, x) in zip(params, grads, states, strict=True):
        # s ← ρ s + (1 − ρ) g²
        d2l.assign(s, rho * s + (1 - rho) * d2l.square(g))
        # d = √(x + ε) / √(s + ε) · g
        d = d2l.sqrt(x + eps) / d2l.sqrt(s + eps) * g
        # x ← ρ x + (1 − ρ) d²
        d2l.assign(x, rho * x + (1 - rho) * d2l.square(d))
        # p ← p − η d
        d2l.assign(p, p - lr * d)


def adam(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Momentum over RMSProp, both corrected for having started from zero.

    `beta1` β₁, `beta2` β₂; `eps` ε is 1e-6 if not given. States: (v, s, c₁, c₂). The
    corrections c = 1 − βᵗ are averages of ones, so that no step count is needed, and
    float32 loses nothing. Source: Kingma and Ba, 2015, algorithm 1.
    """
    beta1, beta2, eps = h["beta1"], h["beta2"], h.get("eps", 1e-6)
    for p, g, (v, s, c1, c2) in zip(params, grads, states, strict=True):
        # v ← β₁ v + (1 − β₁) g,  s ← β₂ s + (1 − β₂) g²
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(g))
        # c₁ ← β₁ c₁ + (1 − β₁) = 1 − β₁ᵗ,  c₂ likewise
        d2l.assign(c1, beta1 * c1 + (1 - beta1))
        d2l.assign(c2, beta2 * c2 + (1 - beta2))
        # p ← p − η v̂ / (√ŝ + ε),  v̂ = v / c₁,  ŝ = s / c₂
        d2l.assign(p, p - h["lr"] * (v / c1) / (d2l.sqrt(s / c2) + eps))


def adamw(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Adam, with weights that decay by themselves: `weight_decay` λ.

    The decay does not pass through the averages, as it would in the gradient. States:
    as for adam. Source: Loshchilov and Hutter, 2019, algorithm 2.
    """
    for p in params:
        # p ← p − η λ p
        d2l.assign(p, p - h["lr"] * h["weight_decay"] * p)
    adam(d2l, params, grads, states, h)


def yogi(
    d2l: Backend, params: Params, grads: Grads, states: States, h: Hyperparams
) -> None:
    """Adam whose s moves towards g² by a share of g², not of the distance.

    So s falls slowly where gradients vanish. `eps` ε is 1e-3 if not given. States: as
    for adam. Source: Zaheer, Reddi, Sachan, Kale and Kumar, 2018, algorithm 2.
    """
    beta1, beta2, eps = h["beta1"], h["beta2"], h.get("eps", 1e-3)
    for p, g, (v, s, c1, c2) in zip(params, grads, states, strict=True):
        g2 = d2l.square(g)
        # v ← β₁ v + (1 − β₁) g,  s ← s + (1 − β₂) sign(g² − s) g²
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, s + (1 - beta2) * d2l.sign(g2 - s) * g2)
        d2l.assign(c1, beta1 * c1 + (1 - beta1))
        d2l.assign(c2, beta2 * c2 + (1 - beta2))
        # p ← p − η v̂ / (√ŝ + ε)
        d2l.assign(p, p - h["lr"] * (v / c1) / (d2l.sqrt(s / c2) + eps))


# -------------------------------------------------------------------- how they start


_two = partial(several_for_each, tensors=2)
_adam = partial(several_for_each, tensors=2, numbers=2)
_betas = {"beta1": 0.9, "beta2": 0.999}

RULES = {
    "sgd": Rule(sgd, nothing, {"lr": 0.05}),
    "momentum": Rule(momentum, zeros_for_each, {"lr": 0.005, "momentum": 0.9}),
    "nesterov": Rule(nesterov, zeros_for_each, {"lr": 0.005, "momentum": 0.9}),
    "adagrad": Rule(adagrad, zeros_for_each, {"lr": 0.1, "eps": 1e-6}),
    "rmsprop": Rule(rmsprop, zeros_for_each, {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}),
    "adadelta": Rule(adadelta, _two, {"rho": 0.9, "eps": 1e-5}),
    "adam": Rule(adam, _adam, {"lr": 0.01, **_betas, "eps": 1e-6}),
    "adamw": Rule(
        adamw, _adam, {"lr": 0.01, **_betas, "eps": 1e-6, "weight_decay": 0.01}
    ),
    "yogi": Rule(yogi, _adam, {"lr": 0.01, **_betas, "eps": 1e-3}),
}


def find(optimizer: str) -> Rule:
    """The rule of that name; InputError, with the near miss, if there is none."""
    if optimizer not in RULES:
        raise unknown("optimizer", optimizer, RULES)
    return RULES[optimizer]
