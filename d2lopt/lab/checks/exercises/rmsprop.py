"""The exercises of the chapter on RMSProp."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..numbers import Numbers
from ..schedule import Rising
from .exercise import Exercise, plane, rule, states, valley


def _rotated(x1: float, x2: float) -> tuple[float, float]:
    """The gradient of 0.1 (x₁ + x₂)² + 2 (x₁ − x₂)²."""
    along, across = 0.2 * (x1 + x2), 4 * (x1 - x2)
    return along + across, along - across


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
            ("not-rotated", valley),
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

EXERCISES = [
    states("rmsprop"),
    rule("rmsprop"),
    plane("rmsprop", "rmsprop_2d", lr=0.4, gamma=0.9, eps=1e-6),
    GAMMA_ONE,
    F_GRAD,
    GAMMA_SCHEDULE,
    SOFTMAX_GRADS,
]
