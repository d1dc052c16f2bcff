"""The exercises of each lab: what a function is called, takes and returns.

A lab is named as its chapter. A function of one name is one exercise, in whichever lab
it stands.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...errors import unknown
from ...rules.optimizers import RULES
from .numbers import Numbers
from .plane import Plane
from .result import Result
from .rule import check_rule
from .schedule import Rising
from .states import States


@dataclass(frozen=True)
class Exercise:
    """One function that a student writes."""

    name: str  # of the function
    takes: str  # its arguments, in words
    gives: str  # what it returns or changes, in words
    checker: Callable[[Any, str, Any], Result]  # (function, name, d2l) -> Result


def _rule(rule: str, name: str | None = None) -> Exercise:
    """The rule of that name in RULES, as a function of a student's own."""
    return Exercise(
        name or rule,
        "params, grads, states, hyperparams (or params, states, hyperparams)",
        "changes params and states in place, or returns new ones",
        partial(check_rule, rule),
    )


def _states(rule: str, tensors: int = 1) -> Exercise:
    return Exercise(
        f"init_{rule}_states",
        "feature_dim: d, the number of features",
        f"the states of w (d, 1) and of b (1,), {tensors} for each, zero at the start",
        States(tensors),
    )


def _valley(x1: float, x2: float) -> tuple[float, float]:
    """The gradient of 0.1 x₁² + 2 x₂²."""
    return 0.2 * x1, 4 * x2


def _rotated(x1: float, x2: float) -> tuple[float, float]:
    """The gradient of 0.1 (x₁ + x₂)² + 2 (x₁ − x₂)²."""
    along, across = 0.2 * (x1 + x2), 4 * (x1 - x2)
    return along + across, along - across


def _plane(rule: str, name: str, **numbers: float) -> Exercise:
    """A step of the rule in the valley 0.1 x₁² + 2 x₂²."""
    words = {"lr": "eta", "momentum": "beta"}
    constants = {words.get(k, k): v for k, v in numbers.items()}
    told = ", ".join(f"{k} = {v:g}" for k, v in constants.items())
    return Exercise(
        name,
        f"x1, x2, s1, s2, four numbers; {told} by name",
        "the next four",
        Plane(rule, _valley, numbers, constants),
    )


# ---------------------------------------------------------------------------- RMSProp


def _swapped(x1: float, x2: float) -> tuple[float, float]:
    one, two = _rotated(x1, x2)
    return two, one


def _inner_missing(x1: float, x2: float) -> tuple[float, float]:
    along, across = 0.2 * (x1 + x2), 4 * (x1 - x2)
    return along + across, along + across


POINTS = [(3.0, 1.0), (-5.0, -2.0), (0.5, -0.25), (0.0, 2.0)]

F_GRAD = Exercise(
    "f_grad",
    "x1, x2, two numbers",
    "the two slopes of 0.1 (x1 + x2)² + 2 (x1 − x2)²",
    Numbers(
        _rotated,
        POINTS,
        [
            ("ascent", lambda x1, x2: tuple(-g for g in _rotated(x1, x2))),
            ("not-rotated", _valley),
            ("coordinates-swapped", _swapped),
            ("chain-rule", _inner_missing),
            ("factor-missing", lambda x1, x2: tuple(g / 2 for g in _rotated(x1, x2))),
        ],
    ),
)

GAMMA_ONE = Exercise(
    "gamma_one",
    "lr, eps, g: the learning rate, ε and the slope, three numbers",
    "how far the first step with γ = 1 changes a parameter: x before − x after",
    Numbers(
        lambda lr, eps, g: lr * g / math.sqrt(eps),
        [(0.01, 1e-6, 2.0), (0.4, 0.01, -3.0), (0.1, 1e-4, 0.5)],
        [
            ("root-missing", lambda lr, eps, g: lr * g / eps),
            ("ascent", lambda lr, eps, g: -lr * g / math.sqrt(eps)),
            ("gradient-sign-lost", lambda lr, eps, g: lr * abs(g) / math.sqrt(eps)),
            ("learning-rate-missing", lambda lr, eps, g: g / math.sqrt(eps)),
            ("gradient-missing", lambda lr, eps, g: lr / math.sqrt(eps)),
            ("gamma-swapped", lambda lr, eps, g: lr * g / math.sqrt(g * g + eps)),
            ("gradient-sign-only", lambda lr, eps, g: math.copysign(lr, g)),
        ],
    ),
)

GAMMA_SCHEDULE = Exercise(
    "gamma_schedule",
    "t, the number of steps done, from 0",
    "γ for the next step: 0.9 at first, never falling, above 0.99 from t = 1000 on, "
    "and always below 1",
    Rising(first=0.9, at=1000, above=0.99, below=1.0),
)


def _softmax(W: Any, b: Any, X: Any) -> Any:
    scores = X @ W + b
    weights = np.exp(scores - scores.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def _softmax_grads(W: Any, b: Any, X: Any, Y: Any) -> list[Any]:
    """[∂/∂W, ∂/∂b] of the mean cross-entropy: Xᵀ(P − Y)/n, and its column sums."""
    off = (_softmax(W, b, X) - Y) / len(X)
    return [X.T @ off, off.sum(0)]


def _times(factor: Callable[[Any], float]) -> Callable[..., Any]:
    return lambda W, b, X, Y: [factor(X) * g for g in _softmax_grads(W, b, X, Y)]


def _unnormalised(W: Any, b: Any, X: Any, Y: Any) -> list[Any]:
    off = (np.exp(X @ W + b) - Y) / len(X)
    return [X.T @ off, off.sum(0)]


def _scores_only(W: Any, b: Any, X: Any, Y: Any) -> list[Any]:
    off = (X @ W + b - Y) / len(X)
    return [X.T @ off, off.sum(0)]


def _no_labels(W: Any, b: Any, X: Any, Y: Any) -> list[Any]:
    off = _softmax(W, b, X) / len(X)
    return [X.T @ off, off.sum(0)]


def _bias_mean(W: Any, b: Any, X: Any, Y: Any) -> list[Any]:
    dW, db = _softmax_grads(W, b, X, Y)
    return [dW, db / len(X)]


def _images() -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    cases = []
    for n, d, k in ((6, 4, 3), (5, 8, 4)):
        W, b = rng.normal(size=(d, k)), rng.normal(size=k)
        Y = np.eye(k)[rng.integers(k, size=n)]
        cases.append((W, b, rng.normal(size=(n, d)), Y))
    return cases


SOFTMAX_GRADS = Exercise(
    "softmax_grads",
    "W (d, k), b (k,), X (n, d), Y (n, k): weights, images, and one-hot labels",
    "[∂W, ∂b], the gradients of the mean cross-entropy",
    Numbers(
        _softmax_grads,
        _images(),
        [
            ("ascent", _times(lambda X: -1.0)),
            ("mean-missing", _times(len)),
            ("mean-missing", _bias_mean),
            ("mean-twice", _times(lambda X: 1 / len(X))),
            ("not-normalised", _unnormalised),
            ("not-normalised", _scores_only),
            ("labels-missing", _no_labels),
        ],
        tensors=True,
        tolerance=1e-4,
    ),
)

# ------------------------------------------------------------------ the other chapters

FIRST_STEP = Exercise(
    "first_step",
    "g, rho, eps: the slope, ρ and ε, three numbers",
    "how far Adadelta's first step changes a parameter: x before − x after",
    Numbers(
        lambda g, rho, eps: math.sqrt(eps) * g / math.sqrt((1 - rho) * g * g + eps),
        [(2.0, 0.9, 1e-5), (-0.01, 0.95, 1e-4), (0.3, 0.5, 0.01)],
        [
            (
                "ascent",
                lambda g, rho, eps: (
                    -math.sqrt(eps) * g / math.sqrt((1 - rho) * g * g + eps)
                ),
            ),
            (
                "gamma-swapped",
                lambda g, rho, eps: math.sqrt(eps) * g / math.sqrt(rho * g * g + eps),
            ),
            (
                "one-minus-gamma-missing",
                lambda g, rho, eps: math.sqrt(eps) * g / math.sqrt(g * g + eps),
            ),
            (
                "epsilon-missing",
                lambda g, rho, eps: math.copysign(math.sqrt(eps / (1 - rho)), g),
            ),
            ("root-missing", lambda g, rho, eps: eps * g / ((1 - rho) * g * g + eps)),
            ("state-not-updated", lambda g, rho, eps: g),
        ],
    ),
)

CORRECTIONS = Exercise(
    "corrections",
    "t, beta1, beta2: the number of the step, from 1, and the two betas",
    "what the two averages are divided by, two numbers",
    Numbers(
        lambda t, b1, b2: (1 - b1**t, 1 - b2**t),
        [(1, 0.9, 0.999), (2, 0.9, 0.999), (30, 0.8, 0.99)],
        [
            ("power-missing", lambda t, b1, b2: (1 - b1 * t, 1 - b2 * t)),
            ("gamma-swapped", lambda t, b1, b2: (b1**t, b2**t)),
            ("step-count-stuck", lambda t, b1, b2: (1 - b1, 1 - b2)),
            ("beta-swapped", lambda t, b1, b2: (1 - b2**t, 1 - b1**t)),
            (
                "step-count-ahead",
                lambda t, b1, b2: (1 - b1 ** (t + 1), 1 - b2 ** (t + 1)),
            ),
            (
                "step-count-behind",
                lambda t, b1, b2: (1 - b1 ** (t - 1), 1 - b2 ** (t - 1)),
            ),
        ],
    ),
)

NEWTON_STEP = Exercise(
    "newton_step",
    "x, a number",
    "where Newton's method on √(1 + x²) is after one step from x",
    Numbers(
        lambda x: -(x**3),
        [(0.9,), (1.1,), (-0.5,), (2.0,)],
        [
            ("ascent", lambda x: x + x * (1 + x * x)),
            ("curvature-missing", lambda x: x - x / math.sqrt(1 + x * x)),
            ("quotient-inverted", lambda x: x - x / (1 + x * x) ** 2),
            ("parameter-overwritten", lambda x: -x * (1 + x * x)),
        ],
    ),
)


def _half_mse(y_hat: Any, y: Any) -> Any:
    return np.mean((y_hat - y) ** 2) / 2


def _pairs() -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(1)
    return [(rng.normal(size=n), rng.normal(size=n)) for n in (4, 7)]


HALF_MSE = Exercise(
    "half_mse",
    "y_hat, y: two tensors of one shape (n,)",
    "half the mean squared error, a tensor of shape ()",
    Numbers(
        _half_mse,
        _pairs(),
        [
            ("half-missing", lambda y_hat, y: 2 * _half_mse(y_hat, y)),
            ("mean-missing", lambda y_hat, y: len(y) * _half_mse(y_hat, y)),
            ("mean-missing", lambda y_hat, y: 2 * len(y) * _half_mse(y_hat, y)),
            ("square-missing", lambda y_hat, y: np.mean(y_hat - y) / 2),
            ("square-missing", lambda y_hat, y: np.mean(np.abs(y_hat - y)) / 2),
            ("root-added", lambda y_hat, y: np.sqrt(2 * _half_mse(y_hat, y))),
        ],
        tensors=True,
    ),
)

_X = np.random.default_rng(2).random(20)
_Y = 0.1 * _X + 0.3 + np.sin(40 * _X) / 10


def _line_gradient(w: float, b: float) -> tuple[Any, Any]:
    """(∂/∂w, ∂/∂b) of ½·MSE of the line w x + b: the means of r x and of r."""
    r = w * _X + b - _Y
    return np.mean(r * _X), np.mean(r)


GRADIENT = Exercise(
    "gradient",
    "w, b, two numbers; the points x and y, two tensors of one shape (n,), by name",
    "the slopes of half the mean squared error of w x + b, two tensors of shape ()",
    Numbers(
        _line_gradient,
        [(0.5, -0.25), (0.0, 0.0), (-1.0, 2.0)],
        [
            ("ascent", lambda w, b: tuple(-g for g in _line_gradient(w, b))),
            ("factor-missing", lambda w, b: tuple(2 * g for g in _line_gradient(w, b))),
            (
                "mean-missing",
                lambda w, b: tuple(len(_X) * g for g in _line_gradient(w, b)),
            ),
            ("coordinates-swapped", lambda w, b: _line_gradient(w, b)[::-1]),
            ("chain-rule", lambda w, b: (_line_gradient(w, b)[1],) * 2),
        ],
        constants={"x": _X, "y": _Y},
        tolerance=1e-4,
    ),
)

EPOCH_STEPS = Exercise(
    "num_steps",
    "n, batch_size, num_epochs, three whole numbers",
    "how many steps the training takes, the last batch of an epoch being smaller",
    Numbers(
        lambda n, size, epochs: epochs * -(-n // size),
        [(1500, 10, 2), (1500, 7, 3), (10, 20, 1), (9, 9, 4)],
        [
            ("rounded-down", lambda n, size, epochs: epochs * (n // size)),
            ("rounded-down", lambda n, size, epochs: epochs * n // size),
            ("rounding-missing", lambda n, size, epochs: epochs * n / size),
            ("rounded-late", lambda n, size, epochs: -(-epochs * n // size)),
            ("epochs-missing", lambda n, size, epochs: -(-n // size)),
        ],
    ),
)

BATCH_VARIANCE = Exercise(
    "batch_variance",
    "n, size: the number of rows, and of those that are drawn without replacement",
    "the variance of the mean of the rows drawn, where that of single ones is 1",
    Numbers(
        lambda n, size: (n - size) / (n - 1) / size,
        [(1500, 1), (1500, 10), (1500, 1500), (20, 7)],
        [
            ("with-replacement", lambda n, size: 1 / size),
            ("mean-missing", lambda n, size: (n - size) / (n - 1)),
            ("one-missing", lambda n, size: (n - size) / n / size),
        ],
    ),
)


def _rate(
    name: str, gives: str, right: Callable[[int], float], *wrong: Any
) -> Exercise:
    """A learning rate as a function of the steps done."""
    cases = [(t,) for t in (0, 1, 50, 99, 100, 149, 150, 299, 450, 599)]
    takes = "t, the number of steps done, from 0"
    return Exercise(name, takes, gives, Numbers(right, cases, wrong))


COSINE = _rate(
    "cosine",
    "half a wave of the cosine: 0.2 at t = 0, and 0 at t = 600",
    lambda t: 0.1 * (1 + math.cos(math.pi * t / 600)),
    ("half-missing", lambda t: 0.2 * (1 + math.cos(math.pi * t / 600))),
    ("one-missing", lambda t: 0.2 * math.cos(math.pi * t / 600)),
    ("wrong-wave", lambda t: 0.1 * (1 + math.cos(2 * math.pi * t / 600))),
    ("wrong-wave", lambda t: 0.2 * math.cos(math.pi * t / 1200)),
    ("ascent", lambda t: 0.1 * (1 - math.cos(math.pi * t / 600))),
)
RESTARTS = _rate(
    "restarts",
    "four times half a wave of the cosine, each from 0.2 to 0 in 150 steps",
    lambda t: 0.1 * (1 + math.cos(math.pi * (t % 150) / 150)),
    ("restart-missing", lambda t: 0.1 * (1 + math.cos(math.pi * t / 150))),
    ("restart-missing", lambda t: 0.1 * (1 + math.cos(math.pi * t / 600))),
    ("half-missing", lambda t: 0.2 * (1 + math.cos(math.pi * (t % 150) / 150))),
    ("ascent", lambda t: 0.1 * (1 - math.cos(math.pi * (t % 150) / 150))),
)
FACTOR = _rate(
    "factor",
    "0.2 for 100 steps, and half as much after every 100 steps",
    lambda t: 0.2 * 0.5 ** (t // 100),
    ("rounding-missing", lambda t: 0.2 * 0.5 ** (t / 100)),
    ("power-missing", lambda t: 0.2 * 0.5 if t >= 100 else 0.2),
    ("power-missing", lambda t: 0.2 * 0.5 * (t // 100)),
    ("step-count-ahead", lambda t: 0.2 * 0.5 ** ((t + 1) // 100)),
    ("step-count-behind", lambda t: 0.2 * 0.5 ** (max(t - 1, 0) // 100)),
    ("ascent", lambda t: 0.2 * 2.0 ** (t // 100)),
)
POLYNOMIAL = _rate(
    "polynomial",
    "0.1 (1 + 0.1 t) to the power of −½",
    lambda t: 0.1 * (1 + 0.1 * t) ** -0.5,
    ("ascent", lambda t: 0.1 * (1 + 0.1 * t) ** 0.5),
    ("root-missing", lambda t: 0.1 / (1 + 0.1 * t)),
    ("one-missing", lambda t: 0.1 * (0.1 * t) ** -0.5 if t else math.inf),
    ("learning-rate-missing", lambda t: (1 + 0.1 * t) ** -0.5),
)
EXPONENTIAL = _rate(
    "exponential",
    "0.1 at t = 0, falling by the factor e in every 10 steps",
    lambda t: 0.1 * math.exp(-0.1 * t),
    ("ascent", lambda t: 0.1 * math.exp(0.1 * t)),
    ("learning-rate-missing", lambda t: math.exp(-0.1 * t)),
    ("power-missing", lambda t: 0.1 / (1 + 0.1 * t)),
    ("wrong-pace", lambda t: 0.1 * math.exp(-t)),
    ("wrong-pace", lambda t: 0.1 * math.exp(-10 * t)),
)

EXERCISES: dict[str, list[Exercise]] = {
    "rmsprop": [
        _states("rmsprop"),
        _rule("rmsprop"),
        _plane("rmsprop", "rmsprop_2d", lr=0.4, gamma=0.9, eps=1e-6),
        GAMMA_ONE,
        F_GRAD,
        GAMMA_SCHEDULE,
        SOFTMAX_GRADS,
    ],
    "adagrad": [
        _states("adagrad"),
        _rule("adagrad"),
        _plane("adagrad", "adagrad_2d", lr=0.4, eps=1e-6),
    ],
    "adadelta": [_states("adadelta", 2), _rule("adadelta"), FIRST_STEP],
    "adam": [
        _states("adam", 2),
        _rule("adam"),
        CORRECTIONS,
        _rule("yogi"),
        _rule("adamw"),
    ],
    "momentum": [
        _states("momentum"),
        _rule("momentum"),
        _plane("momentum", "momentum_2d", lr=0.4, momentum=0.5),
        _rule("nesterov"),
        _plane("nesterov", "nesterov_2d", lr=0.4, momentum=0.5),
    ],
    "gradient_descent": [
        _rule("sgd", "gd"),
        _plane("sgd", "gd_2d", lr=0.4),
        NEWTON_STEP,
    ],
    "linear_regression": [HALF_MSE, GRADIENT, _rule("rmsprop")],
    "minibatch_sgd": [_rule("sgd"), EPOCH_STEPS, BATCH_VARIANCE],
    "schedules": [_rule("sgd"), FACTOR, COSINE, RESTARTS],
    "sgd": [_rule("sgd"), POLYNOMIAL, EXPONENTIAL],
}


def find(name: str, lab: str | None = None) -> Exercise:
    """The exercise of that name, in that lab if one is given; InputError if none is.

    Every rule of RULES is an exercise, also one that no lab asks for.
    """
    if lab is not None and lab not in EXERCISES:
        raise unknown("lab", lab, EXERCISES)
    known = names(lab)
    if name not in known:
        raise unknown("exercise", name, known)
    return known[name]


def names(lab: str | None = None) -> dict[str, Exercise]:
    """Every exercise by its name, or those of that lab."""
    within = [EXERCISES[lab]] if lab is not None else list(EXERCISES.values())
    known = {exercise.name: exercise for part in within for exercise in part}
    if lab is None:
        known = {**{rule: _rule(rule) for rule in RULES}, **known}
    return known
