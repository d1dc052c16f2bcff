"""Learning-rate schedules: functions of the number of steps done, 0 at the first.

Each function here takes the settings and returns such a function, which every harness
accepts wherever a hyperparameter may stand: {"lr": schedules.cosine(0.3, 20)}. Times
are in steps; multiply by the number of steps in an epoch to think in epochs.

The step may be a number or a tensor, in a program that is traced, say: there is no
branch on its value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

from ..errors import InputError

Schedule = Callable[[Any], Any]  # of a number, a float; of a tensor, a tensor


def constant(lr: float) -> Schedule:
    """η(t) = η₀."""
    return lambda t: lr


def factor(lr: float, by: float = 0.9, every: int = 1, least: float = 1e-7) -> Schedule:
    """η(t) = max(η_least, η₀ · by^⌊t / every⌋)."""
    _positive("every", every)
    return lambda t: _greater(least, lr * by ** _periods(t, every))


def multi_factor(lr: float, milestones: Sequence[int], by: float = 0.5) -> Schedule:
    """η(t) = η₀ · by^(number of milestones that t has reached)."""
    return lambda t: lr * by ** sum(_reached(t, m) for m in milestones)


def square_root(lr: float) -> Schedule:
    """η(t) = η₀ / √(t + 1)."""
    return lambda t: lr / _root(_steps(t) + 1)


def polynomial(
    lr: float, steps: int, power: float = 2.0, least: float = 0.0
) -> Schedule:
    """η(t) = η_T + (η₀ − η_T) · (1 − t/T)^power up to T = `steps`, then η_T."""
    _positive("steps", steps)
    return lambda t: (
        least + (lr - least) * _greater(0.0, 1 - _steps(t) / steps) ** power
    )


def cosine(lr: float, steps: int, least: float = 0.0) -> Schedule:
    """η(t) = η_T + ½ (η₀ − η_T) · (1 + cos(π t/T)) up to T = `steps`, then η_T.

    Source: Loshchilov and Hutter, SGDR, 2017, equation 5.
    """
    _positive("steps", steps)
    return lambda t: (
        least + (lr - least) * (1 + _cos(math.pi * _lesser(t, steps) / steps)) / 2
    )


def warm_up(schedule: Schedule, steps: int, start: float = 0.0) -> Schedule:
    """Rise in a line from `start` to schedule(0) over `steps`, then follow `schedule`.

    The schedule behind it begins when the warm-up ends.
    """
    _positive("steps", steps)

    def warmed(t: Any) -> Any:
        # η₀ + (η(0) − η₀) · t/T before T = `steps`, then η(t − T)
        rising = start + (schedule(0) - start) * _steps(t) / steps
        behind = schedule(_greater(_steps(t) - steps, 0))
        over = _reached(t, steps)
        return rising * (1 - over) + behind * over

    return warmed


def _positive(name: str, value: int) -> None:
    if not value >= 1:
        raise InputError(f"{name} must be a number of steps from 1 up; got {value!r}.")


# ------------------------------------------------------- of a step of either kind

# For a number, Python's own functions; for a tensor, what its operators alone can do,
# so that it may be any framework's.


def _is_number(x: Any) -> bool:
    return isinstance(x, Real)


def _steps(t: Any) -> Any:
    """t steps; a tensor of whole numbers as floats, with which all operators work."""
    return t if _is_number(t) else t / 1


def _periods(t: Any, every: float) -> Any:
    """⌊t / every⌋."""
    if _is_number(t):
        return t // every
    return (_steps(t) - _steps(t) % every) / every  # not every tensor knows //


def _lesser(t: Any, bound: float) -> Any:
    """min(t, bound), exact for whole numbers."""
    if _is_number(t):
        return min(t, bound)
    return (_steps(t) + bound - abs(_steps(t) - bound)) / 2


def _greater(x: Any, y: Any) -> Any:
    """max(x, y), exact for whole numbers."""
    if _is_number(x) and _is_number(y):
        return max(x, y)
    return (x + y + abs(x - y)) / 2


def _reached(t: Any, milestone: float) -> Any:
    """1 if the step t is at the milestone or behind it, else 0."""
    if _is_number(t):
        return int(t >= milestone)
    return _lesser(_greater(_steps(t) - math.ceil(milestone) + 1, 0), 1)


def _root(x: Any) -> Any:
    return math.sqrt(x) if _is_number(x) else x**0.5


def _cos(x: Any) -> Any:
    """cos x, for x from 0 to π."""
    if _is_number(x):
        return math.cos(x)
    # cos x = sin y with y = π/2 − x; Taylor: sin y = y (1 − y²/(2·3) (1 − y²/(4·5) (…
    y, series = math.pi / 2 - x, 1.0
    for k in range(20, 0, -2):  # what is left is below 1e-17
        series = 1 - y * y / (k * (k + 1)) * series
    return y * series
