"""The exercises of the chapter on linear regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numbers import Numbers
from .exercise import Exercise, rule


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

EXERCISES = [HALF_MSE, GRADIENT, rule("rmsprop")]
