"""One exercise, and the kinds of which most chapters have one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..numbers import Numbers
from ..plane import Plane
from ..result import Result
from ..rule import check_rule
from ..states import States


@dataclass(frozen=True)
class Exercise:
    """One function that a student writes."""

    name: str  # of the function
    takes: str  # its arguments, in words
    gives: str  # what it returns or changes, in words
    checker: Callable[[Any, str, Any], Result]  # (function, name, d2l) -> Result


def rule(of: str, name: str | None = None) -> Exercise:
    """The rule `of` of RULES, as a function of that name or another."""
    return Exercise(
        name or of,
        "params, grads, states, hyperparams (or params, states, hyperparams)",
        "changes params and states in place, or returns new ones",
        partial(check_rule, of),
    )


def states(of: str, tensors: int = 1) -> Exercise:
    """The states of the rule `of` for a linear model, so many tensors per parameter."""
    return Exercise(
        f"init_{of}_states",
        "feature_dim: d, the number of features",
        f"the states of w (d, 1) and of b (1,), {tensors} for each, zero at the start",
        States(tensors),
    )


def valley(x1: float, x2: float) -> tuple[float, float]:
    """The gradient of 0.1 x₁² + 2 x₂²."""
    return 0.2 * x1, 4 * x2


def plane(of: str, name: str, **hyperparams: float) -> Exercise:
    """A step of the rule `of` in the valley 0.1 x₁² + 2 x₂²."""
    words = {"lr": "eta", "momentum": "beta"}  # as the chapters write them
    constants = {words.get(k, k): v for k, v in hyperparams.items()}
    told = ", ".join(f"{k} = {v:g}" for k, v in constants.items())
    return Exercise(
        name,
        f"x1, x2, s1, s2, four numbers; {told} by name",
        "the next four",
        Plane(of, valley, hyperparams, constants),
    )


def rate(name: str, gives: str, right: Callable[[int], float], *wrong: Any) -> Exercise:
    """A learning rate as a function of the steps done."""
    cases = [(t,) for t in (0, 1, 50, 99, 100, 149, 150, 299, 450, 599)]
    takes = "t, the number of steps done, from 0"
    return Exercise(name, takes, gives, Numbers(right, cases, wrong))
