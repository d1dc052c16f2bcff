"""What a rule is tried on: sequences of gradients, made to tell mistakes apart.

Each parameter has coordinates whose gradients are large, moderate, of the size at
which ε counts, and zero, some of them only now and then, of both signs. A wrong place
of ε, a missing square or a state that does not last then shows in one of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ...rules.optimizers import RULES

Array = np.ndarray[Any, Any]
Shapes = tuple[tuple[int, ...], ...]

EQUAL: Shapes = ((5, 1), (5, 1))  # so that one parameter's state fits another
LESSON: Shapes = ((5, 1), (1,))  # w and b of the linear model
SINGLE: Shapes = ((1, 1), (1, 1))
STEPS = 6

# What a student may write as a number of their own, as the chapters do.
OPTIONAL = ("eps", "beta1", "beta2")

# The hyperparameters of a probe, where they are not the rule's defaults.
_FIRST = {"lr": 0.2, "gamma": 0.9, "rho": 0.9, "momentum": 0.9, "weight_decay": 0.3}
_SECOND = {"lr": 0.35, "gamma": 0.7, "rho": 0.8, "momentum": 0.6, "weight_decay": 0.15}
_OTHER = {"lr": 0.3, "eps": 0.1, "beta1": 0.7, "beta2": 0.95}


@dataclass(frozen=True, eq=False)
class Probe:
    """A start, gradients for each step, and hyperparameters.

    With `aliased`, each state that has its parameter's shape is the parameter itself,
    so that it does not start at zero, and the order of the writes shows.
    """

    title: str
    hyperparams: Mapping[str, float]
    start: tuple[Array, ...]
    grads: tuple[tuple[Array, ...], ...]  # for each step, for each parameter
    aliased: bool = False


def _sizes(rule: str) -> list[float]:
    """The sizes of gradients at which the rule's ε counts, and larger ones."""
    eps = RULES[rule].hyperparams.get("eps", 1e-6)
    inside = rule in ("adagrad", "rmsprop", "adadelta")
    counts = math.sqrt(eps) if inside else eps
    return [1.7, 0.4, counts, 6 * counts, 0.0]


def _drawn(rule: str, shapes: Shapes, seed: int) -> tuple[Any, Any]:
    """(start, grads) of a probe, the same for the same seed."""
    rng = np.random.default_rng(seed)
    start = tuple(rng.uniform(0.5, 1.5, shape) for shape in shapes)
    steps = []
    for t in range(STEPS):
        step = []
        for shape in shapes:
            n = math.prod(shape)
            size = np.resize(_sizes(rule), n)
            signs = np.where(rng.random(n) < 0.7, 1.0, -1.0)
            g = size * rng.uniform(0.3, 1.0, n) * signs
            if t > 0:
                g[0] *= 0.03  # so small that a state which follows it must shrink
            if n > 1 and t in (2, 4):
                g[t // 2] = 0.0  # now and then
            step.append(g.reshape(shape))
        steps.append(tuple(step))
    return start, tuple(steps)


def _hyperparams(rule: str, changed: Mapping[str, float]) -> dict[str, float]:
    defaults = RULES[rule].hyperparams
    return {name: changed.get(name, value) for name, value in defaults.items()}


# A probe is made once, as `paths.py` keeps the paths over it by the object that it is:
# over a new one of equal numbers, every path would be computed anew.


@lru_cache
def naming(rule: str) -> list[Probe]:
    """The probes by which mistakes are named, two of them."""
    both = []
    for seed, changed in ((1, _FIRST), (2, _SECOND)):
        numbers = _hyperparams(rule, changed)
        told = [f"{k} = {v:g}" for k, v in numbers.items() if k in _FIRST]
        title = f" with {', '.join(told)}" if told else ""
        both.append(Probe(title, numbers, *_drawn(rule, EQUAL, seed)))
    return both


@lru_cache
def lesson(rule: str) -> Probe:
    """A probe with the shapes of the lesson's parameters, w (d, 1) and b (1,)."""
    return Probe("", _hyperparams(rule, _FIRST), *_drawn(rule, LESSON, 3))


@lru_cache
def other(rule: str, fixed: tuple[str, ...] = ()) -> Probe:
    """A probe in which ε and the like, which a student may fix, have other values.

    Those in `fixed` have the values of the exercise.
    """
    changed = {k: v for k, v in _OTHER.items() if k not in fixed}
    numbers = _hyperparams(rule, {**_FIRST, **changed})
    told = ", ".join(f"{k} = {numbers[k]:g}" for k in OPTIONAL if k in numbers)
    title = f" with {told}" if told else ""
    return Probe(title, numbers, *_drawn(rule, EQUAL, 4))


@lru_cache
def aliased(rule: str) -> Probe:
    """A probe in which each state is its parameter."""
    return replace(naming(rule)[0], aliased=True)


@lru_cache
def single(rule: str) -> Probe:
    """A probe in which every parameter is one number, of shape (1, 1)."""
    return Probe("", _hyperparams(rule, _FIRST), *_drawn(rule, SINGLE, 5))


def with_hyperparams(probe: Probe, **changed: float) -> Probe:
    """The probe with other hyperparameters."""
    return replace(probe, hyperparams={**probe.hyperparams, **changed})
