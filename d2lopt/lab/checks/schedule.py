"""The check of a schedule that is free within limits: it has no values of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...backend.arrays import number
from ..catalogue.hints import hint
from .guard import called, guarded
from .result import Result


@dataclass(frozen=True)
class Rising:
    """A function of t = 0, 1, 2, … that begins at `first` and never falls.

    From t = `at` on it is above `above`, and always below `below`.
    """

    first: float
    at: int
    above: float
    below: float

    def __call__(self, function: Any, name: str, d2l: Any) -> Result:
        return guarded(name, function, {}, lambda: self._check(function, name))

    def _check(self, function: Any, name: str) -> Result:
        steps = [*range(self.at + 1), *(self.at * 2**k for k in range(1, 8))]
        values = []
        for t in steps:
            value = called(function, t)
            if isinstance(value, list | tuple):
                text = f"{name}({t}) is {value!r}: give a number, without a comma."
                return Result(name, False, "wrong-shape", text)
            values.append(number(value))

        def wrong(mistake: str, told: str) -> Result:
            return Result(name, False, mistake, f"{hint(mistake)} {told}")

        if abs(values[0] - self.first) > 1e-6:
            told = f"{name}(0) is {values[0]:.6g}, and {self.first:g} is asked for."
            return wrong("schedule-start", told)
        for t, value in zip(steps, values, strict=True):
            # Much later, a number below it may round to it.
            if not (value < self.below or (value == self.below and t > self.at)):
                told = f"{name}({t}) is {value:.6g}."
                return wrong("schedule-too-high", told)
        for i in range(1, len(values)):
            if values[i] < values[i - 1] - 1e-9:
                told = f"{name}({steps[i]}) is less than {name}({steps[i - 1]})."
                return wrong("schedule-falls", told)
        if max(values[: self.at + 1]) == values[0]:
            return wrong("schedule-constant", f"{name}({self.at}) is {values[0]:.6g}.")
        if not values[self.at] > self.above:
            told = f"{name}({self.at}) is {values[self.at]:.6g}."
            return wrong("schedule-too-slow", told)
        return Result(name, True)
