"""The exercises of the chapter on gradient descent."""

from __future__ import annotations

import math

from ..numbers import Numbers
from .exercise import Exercise, plane, rule

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

EXERCISES = [
    rule("sgd", "gd"),
    plane("sgd", "gd_2d", lr=0.4),
    NEWTON_STEP,
]
