"""Wrong versions of gradient descent, momentum and Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .family import Change, Family, change

# ------------------------------------------------------------------- gradient descent


@dataclass(frozen=True)
class Plain:
    """Gradient descent in one part: p ← move(p, g, η)."""

    move: Callable[..., Any] = lambda p, g, lr: p - lr * g

    def __call__(self, d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        for p, g in zip(params, grads, strict=True):
            d2l.assign(p, self.move(p, g, h["lr"]))


SGD_CHANGES: tuple[Change, ...] = (
    change("gradient-missing", move=lambda p, g, lr: p - lr * (0 * g + 1)),
    change("parameter-multiplied", move=lambda p, g, lr: p * (1 - lr * g)),
    change("parameter-multiplied", move=lambda p, g, lr: p - lr * g * p),
    change("parameter-multiplied", move=lambda p, g, lr: p * lr * g),
    change("parameter-scaled", move=lambda p, g, lr: lr * (p - g)),
    change("parameter-scaled", move=lambda p, g, lr: (1 - lr) * p - lr * g),
    change("leaky-average", move=lambda p, g, lr: (1 - lr) * p + lr * g),
    change("learning-rate-subtracted", move=lambda p, g, lr: p - lr - g),
    change("learning-rate-subtracted", move=lambda p, g, lr: p - (lr + g)),
)

SGD = Family(Plain, SGD_CHANGES, states=0)


# --------------------------------------------------------------------------- momentum


@dataclass(frozen=True)
class Velocity:
    """Momentum in parts: v ← average(v, g, μ);  p ← p − η move(g, v, μ).

    With `stale`, the step uses v as it was before this gradient.
    """

    average: Callable[..., Any] = lambda d2l, v, g, mu: mu * v + g
    move: Callable[..., Any] = lambda g, v, mu: v
    stale: bool = False

    def __call__(self, d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        lr, mu = h["lr"], h["momentum"]
        for p, g, v in zip(params, grads, states, strict=True):
            if self.stale:
                d2l.assign(p, p - lr * self.move(g, v, mu))
                d2l.assign(v, self.average(d2l, v, g, mu))
            else:
                d2l.assign(v, self.average(d2l, v, g, mu))
                d2l.assign(p, p - lr * self.move(g, v, mu))


AVERAGE_CHANGES: tuple[Change, ...] = (
    change("state-not-updated", average=lambda d2l, v, g, mu: v * 1.0),
    change("momentum-missing", average=lambda d2l, v, g, mu: g * 1.0),
    change("gamma-swapped", average=lambda d2l, v, g, mu: (1 - mu) * v + g),
    change("gamma-swapped", average=lambda d2l, v, g, mu: (1 - mu) * v + mu * g),
    change("leaky-average", average=lambda d2l, v, g, mu: mu * v + (1 - mu) * g),
    change("gamma-missing", average=lambda d2l, v, g, mu: v + g),
    change("momentum-scales-gradient", average=lambda d2l, v, g, mu: mu * (v + g)),
    change("momentum-scales-gradient", average=lambda d2l, v, g, mu: v + mu * g),
    change("momentum-sign", average=lambda d2l, v, g, mu: g - mu * v),
    change("momentum-twice", average=lambda d2l, v, g, mu: mu * mu * v + g),
    change(
        "gradient-squared",
        average=lambda d2l, v, g, mu: mu * v + d2l.square(g),
    ),
)

MOMENTUM_CHANGES: tuple[Change, ...] = (
    *AVERAGE_CHANGES,
    change("momentum-missing", move=lambda g, v, mu: g),
    change("looks-ahead", move=lambda g, v, mu: g + mu * v),
    change("gradient-added-twice", move=lambda g, v, mu: g + v),
    change("momentum-twice", move=lambda g, v, mu: mu * v),
    change("stale-state", stale=True),
)

MOMENTUM = Family(Velocity, MOMENTUM_CHANGES)

# ----------------------------------------------------------------- Nesterov's momentum


def nesterov(**parts: Any) -> Velocity:
    """Momentum whose step looks ahead: p ← p − η (g + μ v)."""
    return Velocity(**{"move": lambda g, v, mu: g + mu * v, **parts})


NESTEROV_CHANGES: tuple[Change, ...] = (
    *AVERAGE_CHANGES,
    change("looks-ahead-missing", move=lambda g, v, mu: v),
    change("momentum-missing", move=lambda g, v, mu: g),
    change("gradient-missing-in-step", move=lambda g, v, mu: mu * v),
    change("momentum-missing-in-step", move=lambda g, v, mu: g + v),
    change("momentum-sign", move=lambda g, v, mu: g - mu * v),
    change("momentum-twice", move=lambda g, v, mu: g + mu * mu * v),
    change("stale-state", stale=True),
)

NESTEROV = Family(nesterov, NESTEROV_CHANGES)
