"""The exercises of the chapter on Adadelta."""

from __future__ import annotations

import math

from ..numbers import Numbers
from .exercise import Exercise, rule, states

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

EXERCISES = [states("adadelta", 2), rule("adadelta"), FIRST_STEP]
