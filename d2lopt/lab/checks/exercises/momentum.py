"""The exercises of the chapter on momentum."""

from __future__ import annotations

from .exercise import plane, rule, states

EXERCISES = [
    states("momentum"),
    rule("momentum"),
    plane("momentum", "momentum_2d", lr=0.4, momentum=0.5),
    rule("nesterov"),
    plane("nesterov", "nesterov_2d", lr=0.4, momentum=0.5),
]
