"""Wrong versions of Adadelta."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .family import EPS, Change, Family, change
from .rms import AVERAGE_CHANGES


@dataclass(frozen=True)
class TwoRms:
    """Adadelta in parts.

    s ← average(s, g, ρ);  d = ratio(g, s, x, ε);  x ← moved(x, d, g, ρ);  p ← p − d.
    With `stale`, d is computed with s as it was before this gradient.
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


def _other_eps(eps: float) -> Change:
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


ADADELTA_CHANGES: tuple[Change, ...] = (
    *AVERAGE_CHANGES,
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
    *(_other_eps(eps) for eps in EPS if eps != 1e-5),
)

ADADELTA = Family(TwoRms, ADADELTA_CHANGES, has_rate=False, states=2)
