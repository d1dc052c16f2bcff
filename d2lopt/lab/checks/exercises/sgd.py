"""The exercises of the chapter on stochastic gradient descent."""

from __future__ import annotations

import math

from .exercise import rate, rule

POLYNOMIAL = rate(
    "polynomial",
    "0.1 (1 + 0.1 t) to the power of −½",
    lambda t: 0.1 * (1 + 0.1 * t) ** -0.5,
    ("ascent", lambda t: 0.1 * (1 + 0.1 * t) ** 0.5),
    ("root-missing", lambda t: 0.1 / (1 + 0.1 * t)),
    ("one-missing", lambda t: 0.1 * (0.1 * t) ** -0.5 if t else math.inf),
    ("learning-rate-missing", lambda t: (1 + 0.1 * t) ** -0.5),
)
EXPONENTIAL = rate(
    "exponential",
    "0.1 at t = 0, falling by the factor e in every 10 steps",
    lambda t: 0.1 * math.exp(-0.1 * t),
    ("ascent", lambda t: 0.1 * math.exp(0.1 * t)),
    ("learning-rate-missing", lambda t: math.exp(-0.1 * t)),
    ("power-missing", lambda t: 0.1 / (1 + 0.1 * t)),
    ("wrong-pace", lambda t: 0.1 * math.exp(-t)),
    ("wrong-pace", lambda t: 0.1 * math.exp(-10 * t)),
)

EXERCISES = [rule("sgd"), POLYNOMIAL, EXPONENTIAL]
