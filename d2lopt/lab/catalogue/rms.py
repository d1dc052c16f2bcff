"""Wrong versions of Adagrad and RMSProp, which differ in their average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .family import EPS, Change, Family, change


@dataclass(frozen=True)
class Rms:
    """RMSProp in parts: s ← average(s, g, γ);  p ← p − η move(g, s, ε).

    With `stale`, the step uses s as it was before this gradient.
    """

    eps: float = 1e-6
    average: Callable[..., Any] = lambda d2l, s, g, c: c * s + (1 - c) * d2l.square(g)
    move: Callable[..., Any] = lambda d2l, g, s, e: g / d2l.sqrt(s + e)
    stale: bool = False

    def __call__(self, d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        lr, gamma, eps = h["lr"], h.get("gamma", 0.9), h.get("eps", self.eps)
        for p, g, s in zip(params, grads, states, strict=True):
            new = self.average(d2l, s, g, gamma)
            if not self.stale:
                d2l.assign(s, new)
            d2l.assign(p, p - lr * self.move(d2l, g, s, eps))
            if self.stale:
                d2l.assign(s, new)


def _other_eps(eps: float) -> Change:
    return change(
        "epsilon-other-value", move=lambda d2l, g, s, e: g / d2l.sqrt(s + eps)
    )


MOVE_CHANGES: tuple[Change, ...] = (
    change("epsilon-outside-root", move=lambda d2l, g, s, e: g / (d2l.sqrt(s) + e)),
    change("epsilon-missing", move=lambda d2l, g, s, e: g / d2l.sqrt(s)),
    change("root-missing", move=lambda d2l, g, s, e: g / (s + e)),
    change("gradient-missing-in-step", move=lambda d2l, g, s, e: 1 / d2l.sqrt(s + e)),
    change(
        "gradient-squared-in-step",
        move=lambda d2l, g, s, e: d2l.square(g) / d2l.sqrt(s + e),
    ),
    change("quotient-inverted", move=lambda d2l, g, s, e: g * d2l.sqrt(s + e)),
    change("quotient-inverted", move=lambda d2l, g, s, e: d2l.sqrt(s + e) / g),
    change("state-not-used", move=lambda d2l, g, s, e: g),
    change("epsilon-outside-quotient", move=lambda d2l, g, s, e: g / d2l.sqrt(s) + e),
    change("epsilon-sign", move=lambda d2l, g, s, e: g / d2l.sqrt(s - e)),
    change("square-for-root", move=lambda d2l, g, s, e: g / d2l.square(s + e)),
    change("stale-state", stale=True),
)

ADAGRAD_CHANGES: tuple[Change, ...] = (
    *MOVE_CHANGES,
    *(_other_eps(eps) for eps in EPS if eps != 1e-6),
    change("state-not-updated", average=lambda d2l, s, g, c: s * 1.0),
    change("past-forgotten", average=lambda d2l, s, g, c: d2l.square(g)),
    change("gradient-not-squared", average=lambda d2l, s, g, c: s + g),
    change("gradient-not-squared", average=lambda d2l, s, g, c: s + d2l.abs(g)),
    change(
        "leaky-average",
        average=lambda d2l, s, g, c: c * s + (1 - c) * d2l.square(g),
    ),
    change("square-outside", average=lambda d2l, s, g, c: d2l.square(s + g)),
    change("state-squared", average=lambda d2l, s, g, c: d2l.square(s) + d2l.square(g)),
    change(
        "not-elementwise",
        average=lambda d2l, s, g, c: s + 0 * g + d2l.sum(d2l.square(g)),
    ),
    change(
        "not-elementwise",
        average=lambda d2l, s, g, c: s + 0 * g + d2l.mean(d2l.square(g)),
    ),
    change("gradient-subtracted", average=lambda d2l, s, g, c: s - d2l.square(g)),
)

AVERAGE_CHANGES: tuple[Change, ...] = (
    change("state-not-updated", average=lambda d2l, s, g, c: s * 1.0),
    change("past-forgotten", average=lambda d2l, s, g, c: (1 - c) * d2l.square(g)),
    change("past-forgotten", average=lambda d2l, s, g, c: d2l.square(g)),
    change(
        "gamma-swapped", average=lambda d2l, s, g, c: (1 - c) * s + c * d2l.square(g)
    ),
    change(
        "one-minus-gamma-missing", average=lambda d2l, s, g, c: c * s + d2l.square(g)
    ),
    change("gamma-on-both", average=lambda d2l, s, g, c: c * s + c * d2l.square(g)),
    change(
        "gamma-on-both",
        average=lambda d2l, s, g, c: (1 - c) * s + (1 - c) * d2l.square(g),
    ),
    change("gamma-missing", average=lambda d2l, s, g, c: s + (1 - c) * d2l.square(g)),
    change("sum-for-average", average=lambda d2l, s, g, c: s + d2l.square(g)),
    change("gradient-not-squared", average=lambda d2l, s, g, c: c * s + (1 - c) * g),
    change(
        "gradient-not-squared",
        average=lambda d2l, s, g, c: c * s + (1 - c) * d2l.abs(g),
    ),
    change(
        "square-outside",
        average=lambda d2l, s, g, c: d2l.square(c * s + (1 - c) * g),
    ),
    change(
        "square-outside",
        average=lambda d2l, s, g, c: c * s + d2l.square((1 - c) * g),
    ),
    change(
        "state-squared",
        average=lambda d2l, s, g, c: c * d2l.square(s) + (1 - c) * d2l.square(g),
    ),
    change(
        "gradient-subtracted",
        average=lambda d2l, s, g, c: c * s - (1 - c) * d2l.square(g),
    ),
    change(
        "not-elementwise",
        average=lambda d2l, s, g, c: c * s + 0 * g + (1 - c) * d2l.sum(d2l.square(g)),
    ),
    change(
        "not-elementwise",
        average=lambda d2l, s, g, c: c * s + 0 * g + (1 - c) * d2l.mean(d2l.square(g)),
    ),
)

RMSPROP_CHANGES: tuple[Change, ...] = (
    *MOVE_CHANGES,
    *(_other_eps(eps) for eps in EPS if eps != 1e-6),
    *AVERAGE_CHANGES,
)


def adagrad(**parts: Any) -> Rms:
    """Adagrad: RMSProp with the sum of all squares in the place of the average."""
    return Rms(**{"average": lambda d2l, s, g, c: s + d2l.square(g), **parts})


ADAGRAD = Family(adagrad, ADAGRAD_CHANGES)
RMSPROP = Family(Rms, RMSPROP_CHANGES)
