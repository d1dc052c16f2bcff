"""Wrong versions of Yogi."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .adam import CORRECTIONS, FOLDED, MEAN, RATIO, both, other_eps
from .family import EPS, Change, Family, change
from .moments import Moments


def _yogi_square(d2l: Any, s: Any, g: Any, b1: float, b2: float) -> Any:
    g2 = d2l.square(g)
    return s + (1 - b2) * d2l.sign(g2 - s) * g2


def yogi(**parts: Any) -> Moments:
    """Adam whose s moves by a share of g², in the direction of g²."""
    return Moments(**{"eps": 1e-3, "square": _yogi_square, **parts})


def _by_sign(mistake: str, share: Callable[..., Any]) -> Change:
    """s ← share(s, g², 1 − β₂)."""
    return change(
        mistake,
        square=lambda d2l, s, g, b1, b2: share(d2l, s, d2l.square(g), 1 - b2, g),
    )


SQUARE: tuple[Change, ...] = (
    _by_sign("state-not-updated", lambda d2l, s, g2, c, g: s * 1.0),
    _by_sign("sign-missing", lambda d2l, s, g2, c, g: s + c * g2),
    _by_sign("sign-missing", lambda d2l, s, g2, c, g: s + c * (g2 - s) * g2),
    _by_sign("leaky-average", lambda d2l, s, g2, c, g: s + c * (g2 - s)),
    _by_sign("sign-reversed", lambda d2l, s, g2, c, g: s + c * d2l.sign(s - g2) * g2),
    _by_sign("sign-of-gradient", lambda d2l, s, g2, c, g: s + c * d2l.sign(g) * g2),
    _by_sign("sign-only", lambda d2l, s, g2, c, g: s + c * d2l.sign(g2 - s)),
    _by_sign(
        "gamma-swapped", lambda d2l, s, g2, c, g: s + (1 - c) * d2l.sign(g2 - s) * g2
    ),
    _by_sign(
        "one-minus-gamma-missing",
        lambda d2l, s, g2, c, g: s + d2l.sign(g2 - s) * g2,
    ),
    _by_sign(
        "past-damped",
        lambda d2l, s, g2, c, g: (1 - c) * s + c * d2l.sign(g2 - s) * g2,
    ),
    _by_sign("past-forgotten", lambda d2l, s, g2, c, g: c * d2l.sign(g2 - s) * g2),
    _by_sign(
        "gradient-not-squared", lambda d2l, s, g2, c, g: s + c * d2l.sign(g - s) * g
    ),
    _by_sign(
        "gradient-not-squared", lambda d2l, s, g2, c, g: s + c * d2l.sign(g2 - s) * g
    ),
)

BOTH: tuple[Change, ...] = (
    both(
        "state-not-updated",
        lambda d2l, v, g, b1, b2: v * 1.0,
        lambda d2l, s, g, b1, b2: s * 1.0,
    ),
    both(
        "one-minus-gamma-missing",
        lambda d2l, v, g, b1, b2: b1 * v + g,
        lambda d2l, s, g, b1, b2: s + d2l.sign(d2l.square(g) - s) * d2l.square(g),
    ),
    both(
        "gamma-swapped",
        lambda d2l, v, g, b1, b2: (1 - b1) * v + b1 * g,
        lambda d2l, s, g, b1, b2: s + b2 * d2l.sign(d2l.square(g) - s) * d2l.square(g),
    ),
)

YOGI = Family(
    yogi,
    (
        *(*CORRECTIONS, *RATIO, *MEAN, *SQUARE, *BOTH),
        *(other_eps(eps) for eps in EPS if eps != 1e-3),
    ),
    accepted=(FOLDED,),
    states=2,
)
