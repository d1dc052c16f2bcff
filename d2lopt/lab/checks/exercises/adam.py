"""The exercises of the chapter on Adam."""

from __future__ import annotations

from ..numbers import Numbers
from .exercise import Exercise, rule, states

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

EXERCISES = [
    states("adam", 2),
    rule("adam"),
    CORRECTIONS,
    rule("yogi"),
    rule("adamw"),
]
