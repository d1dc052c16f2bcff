"""The paths that the rules of the catalogue take, each computed once in a process.

They do not depend on the student, and most are looked at for a step or two only.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from ..catalogue.families import Make
from .probes import Array, Probe
from .trial import Trial, settings


class Path:
    """Where a rule of the catalogue is after each step, as far as was asked."""

    def __init__(
        self, d2l: Any, rule: str, make: Make, probe: Probe, dtype: str
    ) -> None:
        usual = settings(rule, dtype)[0]
        step = partial(make(), d2l)
        self._begin = partial(Trial, d2l, step, probe, usual)
        self._trial: Trial | None = None
        self._steps: list[list[Array]] = []
        self._length = len(probe.grads)
        self.touched: tuple[bool, ...] = ()  # which states changed, at the end

    def after(self, steps: int) -> list[Array]:
        """The parameters after so many steps, from 1."""
        while len(self._steps) < steps:
            self._trial = self._trial or self._begin()
            self._steps.append(self._trial.step())
            if len(self._steps) == self._length:
                self.touched, self._trial = self._trial.touched, None
        return self._steps[steps - 1]


@cache
def path(d2l: Any, rule: str, make: Make, probe: Probe, dtype: str) -> Path:
    """The path of that rule over the probe, begun or known already.

    Rules and probes are those of the catalogue and of `probes`, of which there are few.
    """
    return Path(d2l, rule, make, probe, dtype)
