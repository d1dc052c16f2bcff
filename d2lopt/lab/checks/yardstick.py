"""Whether two runs of a rule are the same, as far as rounding lets one tell.

What is compared is where each coordinate of each parameter is after each step. The
measure is how far the coordinate has come, not where it is, so that a small step shows
beside a large parameter.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .probes import Array, Probe

# How far two ways to write one rule may part, as a share of the way gone so far.
TOLERANCE = {"float64": 1e-7, "float32": 1e-4}


class Yardstick:
    """Holds one run's parameters against another's, step by step."""

    def __init__(self, probe: Probe, dtype: str) -> None:
        self.start = probe.start
        self.tolerance = TOLERANCE[dtype]
        self.rounding = 16 * float(np.finfo(dtype).eps)
        self.gone = [np.zeros_like(p) for p in probe.start]
        self.largest = [np.abs(p) for p in probe.start]

    def apart(self, found: list[Array], expected: list[Array]) -> list[Any]:
        """For each parameter, which coordinates differ after this step."""
        differs = []
        for i, (a, b) in enumerate(zip(found, expected, strict=True)):
            both = np.stack([np.abs(a - self.start[i]), np.abs(b - self.start[i])])
            way = np.where(np.isfinite(both), both, 0).min(0)
            self.gone[i] = np.maximum(self.gone[i], way)
            size = np.where(np.isfinite(a), np.abs(a), 0)
            self.largest[i] = np.maximum(self.largest[i], size)
            allowed = self.tolerance * self.gone[i] + self.rounding * self.largest[i]
            same = (a == b) | (np.isnan(a) & np.isnan(b))
            with np.errstate(invalid="ignore"):
                differs.append(~(same | (np.abs(a - b) <= allowed)))
        return differs

    def same(self, found: list[Array], expected: list[Array]) -> bool:
        """Whether no coordinate differs after this step."""
        return not any(d.any() for d in self.apart(found, expected))
