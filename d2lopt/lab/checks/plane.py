"""The check of a step in two dimensions: (x1, x2, s1, s2) to the next four numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...backend.arrays import numpy_of
from ..catalogue import versions
from ..catalogue.hints import OF_NUMBERS, hint
from ..catalogue.versions import Make
from .guard import called, guarded
from .result import Result

# From where, and how many steps. In the first, all numbers are positive, so that the
# root of something that is no square has a wrong value, and is not an error only.
STARTS = (
    ((3.0, 2.0, 0.5, 0.7), 1),
    ((0.02, 0.0005, 2e-6, 1e-6), 1),
    ((4.0, 1.0, 40.0, 90.0), 3),
    ((-5.0, -2.0, 0.0, 0.0), 3),
    ((2.0, -0.3, 0.1, 3.0), 3),
)


@dataclass(frozen=True)
class Plane:
    """A step (x1, x2, s1, s2) → the next four, of a rule of RULES on a valley.

    `slope` is the valley's gradient and `constants` what the function reads by name.
    """

    rule: str
    slope: Callable[[float, float], tuple[float, float]]
    hyperparams: Mapping[str, float]
    constants: Mapping[str, float]

    def __call__(self, function: Any, name: str, d2l: Any) -> Result:
        return guarded(
            name, function, self.constants, lambda: self._check(function, name, d2l)
        )

    def _check(self, function: Any, name: str, d2l: Any) -> Result:
        walks: list[Any] = []  # from each start, the points that were reached
        error: BaseException | None = None
        for start, steps in STARTS:
            walk: list[Any] = []
            point: Any = start
            for _ in range(steps):
                try:
                    point = called(function, *point)
                except (ValueError, ArithmeticError, TypeError) as raised:
                    error = error or raised
                    break
                several = isinstance(point, list | tuple) and len(point) == 4
                if not several and tuple(getattr(point, "shape", ())) != (4,):
                    text = "Return the next four numbers: x1, x2, s1, s2."
                    return Result(name, False, "wrong-shape", text)
                if self._used == 2:
                    point = *list(point)[:2], 0.0, 0.0
                point = tuple(_number(x) for x in point)
                walk.append(point)
            walks.append(walk)
        if error is None and any(
            self._follows(make, walks, d2l) for make in versions.right(self.rule)
        ):
            return Result(name, True)
        if any(walks):
            for wrongs in (versions.with_one_mistake, versions.with_two_mistakes):
                for wrong in wrongs(self.rule):
                    if self._follows(wrong.make, walks, d2l):
                        told = hint(*wrong.mistakes, words=OF_NUMBERS)
                        return Result(name, False, wrong.mistakes[0], told)
            if self._used == 4 and self._loses_states(walks, d2l):
                told = hint("state-rebound", words=OF_NUMBERS)
                return Result(name, False, "state-rebound", told)
        if error is not None:
            raise error
        return self._departs(name, walks, d2l)

    @property
    def _used(self) -> int:
        """How many of the four numbers the rule uses."""
        return 4 if versions.FAMILIES[self.rule].states else 2

    def _walk(self, make: Make, start: Any, steps: int, d2l: Any) -> Iterator[Any]:
        """The points that a version of the rule reaches."""
        step = partial(make(), d2l)
        x = [d2l.variable(d2l.tensor([v], "float64")) for v in start[:2]]
        s = [d2l.variable(d2l.tensor([v], "float64")) for v in start[2:]]
        for _ in range(steps):
            at = [float(d2l.numpy(v)[0]) for v in x]
            grads = [d2l.tensor([g], "float64") for g in self.slope(*at)]
            step(x, grads, s, dict(self.hyperparams))
            yield [float(d2l.numpy(v)[0]) for v in (*x, *s)]

    def _follows(self, make: Make, walks: Any, d2l: Any) -> bool:
        """Whether a version of the rule walks as the student's function does."""
        used = self._used
        for (start, steps), walk in zip(STARTS, walks, strict=True):
            expected = self._walk(make, start, min(steps, len(walk)), d2l)
            for point, other in zip(walk, expected, strict=True):
                if not np.allclose(
                    point[:used], other[:used], 1e-7, 1e-12, equal_nan=True
                ):
                    return False
        return True

    def _loses_states(self, walks: Any, d2l: Any) -> bool:
        """Whether the first steps are right, and the states that come back are zero."""
        right = versions.right(self.rule)[0]
        for (start, _), walk in zip(STARTS, walks, strict=True):
            expected = next(self._walk(right, start, 1, d2l))
            if not walk or any(walk[0][2:]):
                return False
            if not np.allclose(walk[0][:2], expected[:2], 1e-7, 1e-12):
                return False
        return True

    def _departs(self, name: str, walks: Any, d2l: Any) -> Result:
        """Where a step of no known mistake first parts from the right one."""
        right = versions.right(self.rule)[0]
        for (start, steps), walk in zip(STARTS, walks, strict=True):
            expected = list(self._walk(right, start, steps, d2l))
            for t, (point, correct) in enumerate(zip(walk, expected, strict=True)):
                for k, of in enumerate(("x1", "x2", "s1", "s2")[: self._used]):
                    if not np.isclose(point[k], correct[k], 1e-7, 1e-12):
                        text = (
                            f"No known mistake fits. From {start}, {of} is "
                            f"{point[k]:.9g} after step {t + 1}, and {correct[k]:.9g} "
                            "is right."
                        )
                        return Result(name, False, None, text)
        return Result(name, False, None, "No known mistake fits.")


def _number(x: Any) -> float:
    return float(numpy_of(x).item())
