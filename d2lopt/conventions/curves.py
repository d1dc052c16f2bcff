"""Loss curves over several seeds: their statistics, and how two of them differ.

A run that diverged ends in inf. Whatever statistic that makes infinite or undefined is
None, so that it can be written as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class SeedCurves:
    """The full-data ½·MSE at the recorded steps of a run, one curve for each seed."""

    curves: list[list[float]]

    @property
    def finals(self) -> list[float]:
        """The final loss of each seed; inf where the run diverged."""
        return [curve[-1] for curve in self.curves]

    @property
    def median(self) -> float | None:
        """The median of the final losses; None if too many runs diverged."""
        return finite_or_none(np.median(self.finals))

    @property
    def spread(self) -> float | None:
        """The standard deviation of the final losses; None if a run diverged."""
        with np.errstate(all="ignore"):  # of a run that diverged
            return finite_or_none(np.std(self.finals, ddof=1))

    def band(self) -> list[tuple[float, float, float]]:
        """(least, median, greatest) at each recorded step that all seeds reached."""
        return [
            (min(losses), float(np.median(losses)), max(losses))
            for losses in zip(*self.curves, strict=False)
            if np.isfinite(losses).all()
        ]


# ------------------------------------------------- two settings, with the same seeds


def final_change(before: SeedCurves, after: SeedCurves) -> float | None:
    """By how much the final loss changes: the median over the seeds."""
    pairs = zip(before.finals, after.finals, strict=True)
    return finite_or_none(np.median([_difference(x, y) for x, y in pairs]))


def change_on_the_way(before: SeedCurves, after: SeedCurves) -> float | None:
    """The largest |change| at a step that both recorded: the median over the seeds."""
    largest = [
        max(abs(_difference(x, y)) for x, y in zip(curve, changed, strict=False))
        for curve, changed in zip(before.curves, after.curves, strict=True)
    ]
    return finite_or_none(np.median(largest))


def of_the_spread(change: float | None, spread: float | None) -> float | None:
    """|change| in units of the spread that the seed makes; None without one of them."""
    return abs(change) / spread if change is not None and spread else None


def _difference(before: float, after: float) -> float:
    """after − before; inf if either run diverged."""
    both_finite = math.isfinite(before) and math.isfinite(after)
    return after - before if both_finite else math.inf


# --------------------------------------------------------------- two curves of one seed


def gaps(losses: Sequence[float], others: Sequence[float]) -> list[float]:
    """The relative distance |a / b − 1| at each recorded step that both reached."""
    pairs = zip(losses, others, strict=False)
    return [abs(a / b - 1) for a, b in pairs if np.isfinite([a, b]).all()]


def farthest(losses: Sequence[float], others: Sequence[float]) -> float | None:
    """The largest of the `gaps`; None if one of the two runs diverged."""
    found = gaps(losses, others)
    if not found or not len(found) == len(losses) == len(others):
        return None
    return max(found)


def finite_or_none(x: float | np.floating[Any]) -> float | None:
    """x as a float; None if it is inf or NaN, which JSON cannot have."""
    return float(x) if math.isfinite(x) else None
