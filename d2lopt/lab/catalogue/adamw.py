"""Wrong versions of AdamW."""

from __future__ import annotations

from typing import Any

from .adam import ADAM_CHANGES, FOLDED, other_eps
from .family import EPS, Change, Family, change
from .moments import Moments


def adamw(**parts: Any) -> Moments:
    """Adam, with a decay of the parameter beside the gradient."""
    return Moments(**{"decay": lambda p, lr, w: p - lr * w * p, **parts})


# In the decay, and in the step beside it.
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

ADAMW = Family(
    adamw,
    (*DECAY, *ADAM_CHANGES, *(other_eps(eps) for eps in EPS if eps != 1e-6)),
    accepted=(FOLDED,),
    states=2,
)
