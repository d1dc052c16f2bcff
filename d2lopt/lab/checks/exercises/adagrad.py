"""The exercises of the chapter on Adagrad."""

from __future__ import annotations

from .exercise import plane, rule, states

EXERCISES = [
    states("adagrad"),
    rule("adagrad"),
    plane("adagrad", "adagrad_2d", lr=0.4, eps=1e-6),
]
