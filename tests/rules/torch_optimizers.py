"""Rules and their numbers, for the tests of the optimizers that PyTorch has of them."""

import numpy as np
import pytest

from d2lopt.pieces import (
    ByLr,
    ByMoments,
    ByRms,
    Chain,
    ClipByGlobalNorm,
    CoupledL2,
    Momentum,
)
from d2lopt.rules import RULES

CHAIN = Chain(
    ClipByGlobalNorm(),
    CoupledL2(),
    ByRms(eps_inside=False, centered=True),
    Momentum(nesterov=True),
    ByLr(),
)
CHAIN_NUMBERS = {"clip": 1.0, "weight_decay": 0.1, "gamma": 0.9, "eps": 1e-3}
CHAIN_NUMBERS |= {"momentum": 0.5, "lr": 0.1}
ADAM = {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
CLIPPED_ADAM = Chain(ClipByGlobalNorm(), CoupledL2(), ByMoments(), ByLr())

EVERY_RULE = pytest.mark.parametrize("name", [*RULES, "chain", "yours"])


def yours(d2l):
    """A learner's rule, with two states for a parameter, their start and its rate."""

    def heavy_ball(params, grads, states, hyperparams):
        for p, g, (b, n) in zip(params, grads, states, strict=True):
            d2l.assign(b, 0.9 * b + g)
            d2l.assign(n, n + 1.0)
            d2l.assign(p, p - hyperparams["lr"] * b / d2l.sqrt(n))

    def init_states(d2l, params):
        zeros = [d2l.zeros_like(p) for p in params]
        return [(d2l.variable(z), d2l.variable(d2l.sum(z))) for z in zeros]

    return heavy_ball, init_states, {"lr": 0.1}


def optimizer_of(d2l, name, **changed):
    """The class that d2l.optimizer makes of a rule, of the chain or of `yours`."""
    if name in RULES:
        numbers = {**RULES[name].hyperparams, **changed}
        return d2l.optimizer(getattr(d2l, name), **numbers)
    if name == "chain":
        return d2l.optimizer(CHAIN, **{**CHAIN_NUMBERS, **changed})
    rule, init_states, numbers = yours(d2l)
    return d2l.optimizer(rule, init_states, **{**numbers, **changed})


def parameter(d2l, value, grad=None, dtype="float32"):
    """A leaf with these numbers, and a gradient with these."""
    p = d2l.tensor(value, dtype).requires_grad_()
    p.grad = None if grad is None else d2l.tensor(grad, dtype)
    return p


def run(d2l, opt, params, steps, seed=0):
    """Some steps, with gradients that depend on the seed, the step and the shapes."""
    for t in range(steps):
        rng = np.random.default_rng(seed + t)
        for p in params:
            drawn = d2l.tensor(rng.normal(size=p.shape), "float64")
            p.grad = drawn.to(p.dtype)
        opt.step()
