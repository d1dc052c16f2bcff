"""Learning-rate schedules: functions of the number of steps done, 0 at the first.

Each function here takes the settings and returns such a function, which every harness
accepts wherever a hyperparameter may stand: {"lr": schedules.cosine(0.3, 20)}. Times
are in steps; multiply by the number of steps in an epoch to think in epochs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from ..errors import InputError

Schedule = Callable[[int], float]


def constant(lr: float) -> Schedule:
    """η(t) = η₀."""
    return lambda t: lr


def factor(lr: float, by: float = 0.9, every: int = 1, least: float = 1e-7) -> Schedule:
    """η(t) = max(η_least, η₀ · by^⌊t / every⌋)."""
    _positive("every", every)
    return lambda t: max(least, lr * by ** (t // every))


def multi_factor(lr: float, milestones: Sequence[int], by: float = 0.5) -> Schedule:
    """η(t) = η₀ · by^(number of milestones that t has reached)."""
    return lambda t: lr * by ** sum(t >= milestone for milestone in milestones)


def square_root(lr: float) -> Schedule:
    """η(t) = η₀ / √(t + 1)."""
    return lambda t: lr / math.sqrt(t + 1)


def polynomial(
    lr: float, steps: int, power: float = 2.0, least: float = 0.0
) -> Schedule:
    """η(t) = η_T + (η₀ − η_T) · (1 − t/T)^power up to T = `steps`, then η_T."""
    _positive("steps", steps)
    return lambda t: least + (lr - least) * max(0.0, 1 - t / steps) ** power


def cosine(lr: float, steps: int, least: float = 0.0) -> Schedule:
    """η(t) = η_T + ½ (η₀ − η_T) · (1 + cos(π t/T)) up to T = `steps`, then η_T.

    Source: Loshchilov and Hutter, SGDR, 2017, equation 5.
    """
    _positive("steps", steps)
    return lambda t: (
        least + (lr - least) * (1 + math.cos(math.pi * min(t, steps) / steps)) / 2
    )


def warm_up(schedule: Schedule, steps: int, start: float = 0.0) -> Schedule:
    """Rise in a line from `start` to schedule(0) over `steps`, then follow `schedule`.

    The schedule behind it begins when the warm-up ends.
    """
    _positive("steps", steps)

    def warmed(t: int) -> float:
        if t < steps:
            return start + (schedule(0) - start) * t / steps
        return schedule(t - steps)

    return warmed


def _positive(name: str, value: int) -> None:
    if not value >= 1:
        raise InputError(f"{name} must be a number of steps from 1 up; got {value!r}.")
