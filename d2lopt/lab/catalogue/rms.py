"""Wrong versions of Adagrad, RMSProp and Adadelta."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .part import Change, Family, change

# ------------------------------------------------------------------- one average


@dataclass(frozen=True)
class Rms:
    """s ← average(s, g, γ);  p ← p − η move(g, s, ε). `stale`: with the s before."""

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


def _fixed(eps: float) -> Change:
    return change(
        "epsilon-other-value", move=lambda d2l, g, s, e: g / d2l.sqrt(s + eps)
    )


OTHER_EPS = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)

MOVE: tuple[Change, ...] = (
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

ADAGRAD: tuple[Change, ...] = (
    *MOVE,
    *(_fixed(eps) for eps in OTHER_EPS if eps != 1e-6),
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

LEAKY: tuple[Change, ...] = (
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

RMSPROP: tuple[Change, ...] = (
    *MOVE,
    *(_fixed(eps) for eps in OTHER_EPS if eps != 1e-6),
    *LEAKY,
)


def adagrad(**parts: Any) -> Rms:
    """The sum of all squares in the place of a leaky average."""
    return Rms(**{"average": lambda d2l, s, g, c: s + d2l.square(g), **parts})


# ------------------------------------------------------------------- two averages


@dataclass(frozen=True)
class TwoRms:
    """s ← average(s, g, ρ);  d = ratio(g, s, x, ε);  x ← moved(x, d, g, ρ);  p ← p − d.

    `stale`: d with the s before.
    """

    average: Callable[..., Any] = lambda d2l, s, g, c: c * s + (1 - c) * d2l.square(g)
    ratio: Callable[..., Any] = lambda d2l, g, s, x, e: (
        d2l.sqrt(x + e) / d2l.sqrt(s + e) * g
    )
    moved: Callable[..., Any] = lambda d2l, x, d, g, c: c * x + (1 - c) * d2l.square(d)
    stale: bool = False

    def __call__(self, d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        rho, eps = h["rho"], h.get("eps", 1e-5)
        for p, g, (s, x) in zip(params, grads, states, strict=True):
            new = self.average(d2l, s, g, rho)
            if not self.stale:
                d2l.assign(s, new)
            d = self.ratio(d2l, g, s, x, eps)
            if self.stale:
                d2l.assign(s, new)
            d2l.assign(x, self.moved(d2l, x, d, g, rho))
            d2l.assign(p, p - d)


def _ratio(mistake: str, ratio: Callable[..., Any]) -> Change:
    return change(mistake, ratio=ratio)


def _moved(mistake: str, moved: Callable[..., Any]) -> Change:
    return change(mistake, moved=moved)


def _both_fixed(eps: float) -> Change:
    return _ratio(
        "epsilon-other-value",
        lambda d2l, g, s, x, e: d2l.sqrt(x + eps) / d2l.sqrt(s + eps) * g,
    )


def _both(mistake: str, wrong: Callable[..., Any]) -> Change:
    """The same mistake in both averages."""
    return change(
        mistake,
        average=lambda d2l, s, g, c: wrong(d2l, s, g, c),
        moved=lambda d2l, x, d, g, c: wrong(d2l, x, d, c),
    )


ADADELTA: tuple[Change, ...] = (
    *LEAKY,
    _both("gamma-swapped", lambda d2l, s, g, c: (1 - c) * s + c * d2l.square(g)),
    _both("one-minus-gamma-missing", lambda d2l, s, g, c: c * s + d2l.square(g)),
    _both("gamma-missing", lambda d2l, s, g, c: s + (1 - c) * d2l.square(g)),
    _both("sum-for-average", lambda d2l, s, g, c: s + d2l.square(g)),
    _both("gradient-not-squared", lambda d2l, s, g, c: c * s + (1 - c) * g),
    _both("past-forgotten", lambda d2l, s, g, c: (1 - c) * d2l.square(g)),
    _both("state-not-updated", lambda d2l, s, g, c: s * 1.0),
    _moved("delta-state-missing", lambda d2l, x, d, g, c: x * 1.0),
    _moved("delta-state-forgets", lambda d2l, x, d, g, c: (1 - c) * d2l.square(d)),
    _moved("delta-not-squared", lambda d2l, x, d, g, c: c * x + (1 - c) * d),
    _moved("delta-not-squared", lambda d2l, x, d, g, c: c * x + (1 - c) * d2l.abs(d)),
    _moved(
        "delta-state-of-gradient",
        lambda d2l, x, d, g, c: c * x + (1 - c) * d2l.square(g),
    ),
    _moved("gamma-swapped", lambda d2l, x, d, g, c: (1 - c) * x + c * d2l.square(d)),
    _moved("one-minus-gamma-missing", lambda d2l, x, d, g, c: c * x + d2l.square(d)),
    _moved("gamma-missing", lambda d2l, x, d, g, c: x + (1 - c) * d2l.square(d)),
    _ratio(
        "epsilon-outside-root",
        lambda d2l, g, s, x, e: (d2l.sqrt(x) + e) / (d2l.sqrt(s) + e) * g,
    ),
    _ratio(
        "epsilon-outside-root",
        lambda d2l, g, s, x, e: d2l.sqrt(x + e) / (d2l.sqrt(s) + e) * g,
    ),
    _ratio(
        "epsilon-outside-root",
        lambda d2l, g, s, x, e: (d2l.sqrt(x) + e) / d2l.sqrt(s + e) * g,
    ),
    _ratio("epsilon-missing", lambda d2l, g, s, x, e: d2l.sqrt(x) / d2l.sqrt(s) * g),
    _ratio(
        "epsilon-missing", lambda d2l, g, s, x, e: d2l.sqrt(x + e) / d2l.sqrt(s) * g
    ),
    _ratio(
        "epsilon-missing", lambda d2l, g, s, x, e: d2l.sqrt(x) / d2l.sqrt(s + e) * g
    ),
    _ratio("root-missing", lambda d2l, g, s, x, e: (x + e) / (s + e) * g),
    _ratio("root-missing", lambda d2l, g, s, x, e: d2l.sqrt(x + e) / (s + e) * g),
    _ratio("root-missing", lambda d2l, g, s, x, e: (x + e) / d2l.sqrt(s + e) * g),
    _ratio(
        "quotient-inverted",
        lambda d2l, g, s, x, e: d2l.sqrt(s + e) / d2l.sqrt(x + e) * g,
    ),
    _ratio(
        "gradient-missing-in-step",
        lambda d2l, g, s, x, e: d2l.sqrt(x + e) / d2l.sqrt(s + e),
    ),
    _ratio("delta-state-not-used", lambda d2l, g, s, x, e: g / d2l.sqrt(s + e)),
    _ratio("state-not-used", lambda d2l, g, s, x, e: d2l.sqrt(x + e) * g),
    change("stale-state", stale=True),
    *(_both_fixed(eps) for eps in OTHER_EPS if eps != 1e-5),
)

FAMILIES = {
    "adagrad": Family(adagrad, ADAGRAD),
    "rmsprop": Family(Rms, RMSPROP),
    "adadelta": Family(TwoRms, ADADELTA, has_rate=False, states=2),
}
