"""Adam in parts, which AdamW and Yogi exchange: the wrong versions are made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


def _average_of_squares(d2l: Any, s: Any, g: Any, b1: float, b2: float) -> Any:
    return b2 * s + (1 - b2) * d2l.square(g)


@dataclass
class Moments:
    """A step of Adam, and how many of them were taken; β₁ = b1, β₂ = b2.

    t ← t + 1;  p ← decay(p, η, λ);  g ← gradient(g, p, λ);
    v ← mean(v, g, β₁, β₂);  s ← square(s, g, β₁, β₂);
    (c₁, c₂) = corrections(t, (which parameter, of how many), β₁, β₂);
    u = η ratio(g, v, s, c₁, c₂, ε);  p ← ending(p, u, η, ε).

    With `decay_after`, the decay comes last. `stale` and `corrected_in_place` name
    averages, "v", "s" or "vs": those that the step uses as they were before this
    gradient, and those that are overwritten by their corrected values.
    """

    eps: float = 1e-6
    mean: Callable[..., Any] = lambda d2l, v, g, b1, b2: b1 * v + (1 - b1) * g
    square: Callable[..., Any] = _average_of_squares
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
    t: int = 0

    def __call__(self, d2l: Any, params: Any, grads: Any, states: Any, h: Any) -> None:
        b1, b2, lr = h["beta1"], h["beta2"], h["lr"]
        eps, weight_decay = h.get("eps", self.eps), h.get("weight_decay", 0.0)
        self.t += 1
        every = zip(params, grads, states, strict=True)
        for i, (p, g, (v, s, *_)) in enumerate(every):
            g = self.gradient(g, p, weight_decay)
            if not self.decay_after:
                d2l.assign(p, self.decay(p, lr, weight_decay) * 1.0)
            new_v = self.mean(d2l, v, g, b1, b2)
            new_s = self.square(d2l, s, g, b1, b2)
            c1, c2 = self.corrections(self.t, (i, len(params)), b1, b2)
            if "v" in self.corrected_in_place:
                new_v, c1 = new_v / c1, 1.0
            if "s" in self.corrected_in_place:
                new_s, c2 = new_s / c2, 1.0
            if "v" not in self.stale:
                d2l.assign(v, new_v)
            if "s" not in self.stale:
                d2l.assign(s, new_s)
            # By 0.0 Python does not divide, but tensors do: the step is infinite then.
            c1, c2 = c1 or v * 0.0, c2 or v * 0.0
            u = lr * self.ratio(d2l, g, v, s, c1, c2, eps)
            if "v" in self.stale:
                d2l.assign(v, new_v)
            if "s" in self.stale:
                d2l.assign(s, new_s)
            d2l.assign(p, self.ending(p, u, lr, eps))
            if self.decay_after:
                d2l.assign(p, self.decay(p, lr, weight_decay) * 1.0)
