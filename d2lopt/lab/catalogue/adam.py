"""Wrong versions of Adam, AdamW and Yogi."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .part import Change, Family, change


def _right_square(d2l: Any, s: Any, g: Any, b1: float, b2: float) -> Any:
    return b2 * s + (1 - b2) * d2l.square(g)


@dataclass(frozen=True)
class Moments:
    """Adam in parts; β₁ = b1, β₂ = b2, and t counts the steps from 1.

    v ← mean(v, g);  s ← square(s, g);  (c₁, c₂) = corrections(t);
    p ← ending(p, η ratio(g, v, s, c₁, c₂, ε), η, ε), and before it, decay(p, η, λ).
    `stale` names the averages of which the step uses those before.
    """

    eps: float = 1e-6
    mean: Callable[..., Any] = lambda d2l, v, g, b1, b2: b1 * v + (1 - b1) * g
    square: Callable[..., Any] = _right_square
    corrections: Callable[..., Any] = lambda t, of, b1, b2: (1 - b1**t, 1 - b2**t)
    ratio: Callable[..., Any] = lambda d2l, g, v, s, c1, c2, e: (
        (v / c1) / (d2l.sqrt(s / c2) + e)
    )
    ending: Callable[..., Any] = lambda p, u, lr, e: p - u
    gradient: Callable[..., Any] = lambda g, p, decay: g
    decay: Callable[..., Any] = lambda p, lr, decay: p
    decay_after: bool = False
    stale: str = ""
    corrected_in_place: str = ""
    count: list[int] = field(default_factory=lambda: [0])

    def __call__(self, d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        b1, b2, lr = h["beta1"], h["beta2"], h["lr"]
        eps, weight_decay = h.get("eps", self.eps), h.get("weight_decay", 0.0)
        self.count[0] += 1
        every = zip(params, grads, states, strict=True)
        for i, (p, g, (v, s, *_)) in enumerate(every):
            g = self.gradient(g, p, weight_decay)
            if not self.decay_after:
                d2l.assign(p, self.decay(p, lr, weight_decay) * 1.0)
            new_v = self.mean(d2l, v, g, b1, b2)
            new_s = self.square(d2l, s, g, b1, b2)
            c1, c2 = self.corrections(self.count[0], (i, len(params)), b1, b2)
            if "v" in self.corrected_in_place:
                new_v, c1 = _divided(new_v, c1), 1.0
            if "s" in self.corrected_in_place:
                new_s, c2 = _divided(new_s, c2), 1.0
            if "v" not in self.stale:
                d2l.assign(v, new_v)
            if "s" not in self.stale:
                d2l.assign(s, new_s)
            c1, c2 = _safe(d2l, c1, v), _safe(d2l, c2, v)
            u = lr * self.ratio(d2l, g, v, s, c1, c2, eps)
            if "v" in self.stale:
                d2l.assign(v, new_v)
            if "s" in self.stale:
                d2l.assign(s, new_s)
            d2l.assign(p, self.ending(p, u, lr, eps))
            if self.decay_after:
                d2l.assign(p, self.decay(p, lr, weight_decay) * 1.0)


def _safe(d2l: Any, c: float, like: Any) -> Any:
    """The correction; as a tensor where it is 0, by which Python does not divide."""
    return c if c else like * 0.0


def _divided(x: Any, c: float) -> Any:
    return x / c


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


def _fixed(eps: float) -> Change:
    return change(
        "epsilon-other-value",
        ratio=lambda d2l, g, v, s, c1, c2, e: (v / c1) / (d2l.sqrt(s / c2) + eps),
    )


OTHER_EPS = (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)

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

# ε beside the root of the average that is not corrected: a form of the same paper.
FOLDED = change(
    "epsilon-not-corrected",
    ratio=lambda d2l, g, v, s, c1, c2, e: v * (c2**0.5 / c1) / (d2l.sqrt(s) + e),
)

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


def _both(mistake: str, mean: Callable[..., Any], square: Callable[..., Any]) -> Change:
    return change(mistake, mean=mean, square=square)


BOTH: tuple[Change, ...] = (
    _both(
        "state-not-updated",
        lambda d2l, v, g, b1, b2: v * 1.0,
        lambda d2l, s, g, b1, b2: s * 1.0,
    ),
    _both(
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
    _both(
        "gamma-swapped",
        lambda d2l, v, g, b1, b2: (1 - b1) * v + b1 * g,
        lambda d2l, s, g, b1, b2: (1 - b2) * s + b2 * d2l.square(g),
    ),
    _both(
        "one-minus-gamma-missing",
        lambda d2l, v, g, b1, b2: b1 * v + g,
        lambda d2l, s, g, b1, b2: b2 * s + d2l.square(g),
    ),
    _both(
        "past-forgotten",
        lambda d2l, v, g, b1, b2: (1 - b1) * g,
        lambda d2l, s, g, b1, b2: (1 - b2) * d2l.square(g),
    ),
)

ADAM = (*CORRECTIONS, *RATIO, *MEAN, *SQUARE, *BOTH)

# ------------------------------------------------------------------------------ AdamW


def adamw(**parts: Any) -> Moments:
    """Adam, with a decay of the parameter beside the gradient."""
    return Moments(**{"decay": lambda p, lr, w: p - lr * w * p, **parts})


DECAY: tuple[Change, ...] = (
    change(
        "decay-in-gradient",
        gradient=lambda g, p, w: g + w * p,
        decay=lambda p, lr, w: p,
    ),
    change("decay-missing", decay=lambda p, lr, w: p),
    change("decay-without-learning-rate", decay=lambda p, lr, w: p - w * p),
    change("decay-sign", decay=lambda p, lr, w: p + lr * w * p),
    change("decay-constant", decay=lambda p, lr, w: p - lr * w),
    change("decay-scales-parameter", decay=lambda p, lr, w: lr * w * p),
    change("decay-after-step", decay_after=True),
    change("decay-twice", gradient=lambda g, p, w: g + w * p),
    change("ascent", ending=lambda p, u, lr, e: p + u),
    change("learning-rate-missing", ending=lambda p, u, lr, e: p - u / lr),
    change("learning-rate-twice", ending=lambda p, u, lr, e: p - lr * u),
)

# ------------------------------------------------------------------------------- Yogi


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


YOGI_SQUARE: tuple[Change, ...] = (
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

YOGI_BOTH: tuple[Change, ...] = (
    _both(
        "state-not-updated",
        lambda d2l, v, g, b1, b2: v * 1.0,
        lambda d2l, s, g, b1, b2: s * 1.0,
    ),
    _both(
        "one-minus-gamma-missing",
        lambda d2l, v, g, b1, b2: b1 * v + g,
        lambda d2l, s, g, b1, b2: s + d2l.sign(d2l.square(g) - s) * d2l.square(g),
    ),
    _both(
        "gamma-swapped",
        lambda d2l, v, g, b1, b2: (1 - b1) * v + b1 * g,
        lambda d2l, s, g, b1, b2: s + b2 * d2l.sign(d2l.square(g) - s) * d2l.square(g),
    ),
)

FAMILIES = {
    "adam": Family(
        Moments,
        (*ADAM, *(_fixed(e) for e in OTHER_EPS if e != 1e-6)),
        accepted=(FOLDED,),
        states=2,
    ),
    "adamw": Family(
        adamw,
        (*DECAY, *ADAM, *(_fixed(e) for e in OTHER_EPS if e != 1e-6)),
        accepted=(FOLDED,),
        states=2,
    ),
    "yogi": Family(
        yogi,
        (
            *CORRECTIONS,
            *RATIO,
            *MEAN,
            *YOGI_SQUARE,
            *YOGI_BOTH,
            *(_fixed(e) for e in OTHER_EPS if e != 1e-3),
        ),
        accepted=(FOLDED,),
        states=2,
    ),
}
