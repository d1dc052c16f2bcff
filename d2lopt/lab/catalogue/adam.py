"""Wrong versions of Adam."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .family import EPS, Change, Family, change
from .moments import Moments

# In the corrections of the averages.
CORRECTIONS: tuple[Change, ...] = (
    change("bias-correction-missing", corrections=lambda t, of, b1, b2: (1.0, 1.0)),
    change(
        "bias-correction-missing", corrections=lambda t, of, b1, b2: (1.0, 1 - b2**t)
    ),
    change(
        "bias-correction-missing", corrections=lambda t, of, b1, b2: (1 - b1**t, 1.0)
    ),
    change("step-count-stuck", corrections=lambda t, of, b1, b2: (1 - b1, 1 - b2)),
    change(
        "step-count-ahead",
        corrections=lambda t, of, b1, b2: (1 - b1 ** (t + 1), 1 - b2 ** (t + 1)),
    ),
    change(
        "step-count-behind",
        corrections=lambda t, of, b1, b2: (1 - b1 ** (t - 1), 1 - b2 ** (t - 1)),
    ),
    change(
        "step-count-per-parameter",
        corrections=lambda t, of, b1, b2: (
            1 - b1 ** ((t - 1) * of[1] + of[0] + 1),
            1 - b2 ** ((t - 1) * of[1] + of[0] + 1),
        ),
    ),
    change("power-missing", corrections=lambda t, of, b1, b2: (1 - b1 * t, 1 - b2 * t)),
    change("beta-swapped", corrections=lambda t, of, b1, b2: (1 - b2**t, 1 - b1**t)),
    change("gamma-swapped", corrections=lambda t, of, b1, b2: (b1**t, b2**t)),
    change("bias-correction-in-state", corrected_in_place="vs"),
    change("bias-correction-in-state", corrected_in_place="v"),
    change("bias-correction-in-state", corrected_in_place="s"),
    change(
        "bias-correction-multiplied",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v * c1) / (d2l.sqrt(s * c2) + e),
    ),
    change(
        "bias-correction-multiplied",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v * c1) / (d2l.sqrt(s / c2) + e),
    ),
    change(
        "bias-correction-outside-root",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / (d2l.sqrt(s) / c2 + e),
    ),
)


# In the step.
RATIO: tuple[Change, ...] = (
    change(
        "epsilon-inside-root",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / d2l.sqrt(s / c2 + e),
    ),
    change(
        "epsilon-missing",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / d2l.sqrt(s / c2),
    ),
    change(
        "epsilon-outside-quotient",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / d2l.sqrt(s / c2) + e,
    ),
    change(
        "epsilon-outside-quotient",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / d2l.sqrt(s / c2),
        ending=lambda p, u, lr, e: p - u + e,
    ),
    change(
        "root-missing",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / (s / c2 + e),
    ),
    change(
        "momentum-missing",
        ratio=lambda d2l, g, v, s, c1, c2, e: g / (d2l.sqrt(s / c2) + e),
    ),
    change(
        "momentum-missing",
        ratio=lambda d2l, g, v, s, c1, c2, e: (g / c1) / (d2l.sqrt(s / c2) + e),
    ),
    change(
        "state-not-used",
        ratio=lambda d2l, g, v, s, c1, c2, e: v / c1,
    ),
    change(
        "quotient-inverted",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) * (d2l.sqrt(s / c2) + e),
    ),
    change(
        "gradient-squared-in-step",
        ratio=lambda d2l, g, v, s, c1, c2, e: g * (v / c1) / (d2l.sqrt(s / c2) + e),
    ),
    change("stale-state", stale="vs"),
    change("stale-state", stale="s"),
    change("stale-state", stale="v"),
)


def other_eps(eps: float) -> Change:
    """ε by its number, in the place of the one that is asked for."""
    return change(
        "epsilon-other-value",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / (d2l.sqrt(s / c2) + eps),
    )


# The corrections within the rate, and ε beside the root of the average that is not
# corrected: correct too, as Kingma and Ba's paper has this form (end of section 2).
FOLDED = change(
    "epsilon-not-corrected",
    ratio=lambda d2l, g, v, s, c1, c2, e: v * (c2**0.5 / c1) / (d2l.sqrt(s) + e),
)

# In v, the average of the gradients.
MEAN: tuple[Change, ...] = (
    change("state-not-updated", mean=lambda d2l, v, g, b1, b2: v * 1.0),
    change("gamma-swapped", mean=lambda d2l, v, g, b1, b2: (1 - b1) * v + b1 * g),
    change("one-minus-gamma-missing", mean=lambda d2l, v, g, b1, b2: b1 * v + g),
    change("gamma-missing", mean=lambda d2l, v, g, b1, b2: v + (1 - b1) * g),
    change("past-forgotten", mean=lambda d2l, v, g, b1, b2: (1 - b1) * g),
    change("momentum-missing", mean=lambda d2l, v, g, b1, b2: g * 1.0),
    change(
        "gradient-squared-in-step",
        mean=lambda d2l, v, g, b1, b2: b1 * v + (1 - b1) * d2l.square(g),
    ),
)

# In s, the average of their squares.
SQUARE: tuple[Change, ...] = (
    change("state-not-updated", square=lambda d2l, s, g, b1, b2: s * 1.0),
    change(
        "gamma-swapped",
        square=lambda d2l, s, g, b1, b2: (1 - b2) * s + b2 * d2l.square(g),
    ),
    change(
        "one-minus-gamma-missing",
        square=lambda d2l, s, g, b1, b2: b2 * s + d2l.square(g),
    ),
    change(
        "gamma-missing",
        square=lambda d2l, s, g, b1, b2: s + (1 - b2) * d2l.square(g),
    ),
    change("sum-for-average", square=lambda d2l, s, g, b1, b2: s + d2l.square(g)),
    change(
        "past-forgotten",
        square=lambda d2l, s, g, b1, b2: (1 - b2) * d2l.square(g),
    ),
    change(
        "gradient-not-squared",
        square=lambda d2l, s, g, b1, b2: b2 * s + (1 - b2) * g,
    ),
    change(
        "gradient-not-squared",
        square=lambda d2l, s, g, b1, b2: b2 * s + (1 - b2) * d2l.abs(g),
    ),
    change(
        "square-outside",
        square=lambda d2l, s, g, b1, b2: d2l.square(b2 * s + (1 - b2) * g),
    ),
    change(
        "state-squared",
        square=lambda d2l, s, g, b1, b2: b2 * d2l.square(s) + (1 - b2) * d2l.square(g),
    ),
    change(
        "not-elementwise",
        square=lambda d2l, s, g, b1, b2: (
            b2 * s + 0 * g + (1 - b2) * d2l.mean(d2l.square(g))
        ),
    ),
    change(
        "not-elementwise",
        square=lambda d2l, s, g, b1, b2: (
            b2 * s + 0 * g + (1 - b2) * d2l.sum(d2l.square(g))
        ),
    ),
)


def both(mistake: str, mean: Callable[..., Any], square: Callable[..., Any]) -> Change:
    """The same mistake in both averages."""
    return change(mistake, mean=mean, square=square)


# In both averages.
BOTH: tuple[Change, ...] = (
    both(
        "state-not-updated",
        lambda d2l, v, g, b1, b2: v * 1.0,
        lambda d2l, s, g, b1, b2: s * 1.0,
    ),
    both(
        "beta-swapped",
        lambda d2l, v, g, b1, b2: b2 * v + (1 - b2) * g,
        lambda d2l, s, g, b1, b2: b1 * s + (1 - b1) * d2l.square(g),
    ),
    change(
        "beta-swapped",
        mean=lambda d2l, v, g, b1, b2: b2 * v + (1 - b2) * g,
        square=lambda d2l, s, g, b1, b2: b1 * s + (1 - b1) * d2l.square(g),
        corrections=lambda t, of, b1, b2: (1 - b2**t, 1 - b1**t),
    ),
    change(
        "beta-swapped",
        mean=lambda d2l, v, g, b1, b2: b2 * v + (1 - b2) * g,
        corrections=lambda t, of, b1, b2: (1 - b2**t, 1 - b2**t),
    ),
    change(
        "beta-swapped",
        square=lambda d2l, s, g, b1, b2: b1 * s + (1 - b1) * d2l.square(g),
        corrections=lambda t, of, b1, b2: (1 - b1**t, 1 - b1**t),
    ),
    both(
        "gamma-swapped",
        lambda d2l, v, g, b1, b2: (1 - b1) * v + b1 * g,
        lambda d2l, s, g, b1, b2: (1 - b2) * s + b2 * d2l.square(g),
    ),
    both(
        "one-minus-gamma-missing",
        lambda d2l, v, g, b1, b2: b1 * v + g,
        lambda d2l, s, g, b1, b2: b2 * s + d2l.square(g),
    ),
    both(
        "past-forgotten",
        lambda d2l, v, g, b1, b2: (1 - b1) * g,
        lambda d2l, s, g, b1, b2: (1 - b2) * d2l.square(g),
    ),
)

ADAM_CHANGES = (*CORRECTIONS, *RATIO, *MEAN, *SQUARE, *BOTH)

ADAM = Family(
    Moments,
    (*ADAM_CHANGES, *(other_eps(eps) for eps in EPS if eps != 1e-6)),
    accepted=(FOLDED,),
    states=2,
)
