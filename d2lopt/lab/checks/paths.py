"""The paths that the versions of a rule take over a probe, each computed once.

They do not depend on the student, so a process that checks many functions computes them
for the first; and step by step as they are asked for, as most versions part from the
student's rule within a step or two.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from ..catalogue.versions import Make
from .probes import Array, Probe
from .settings import settings
from .trial import Trial


class Path:
    """Where a version of a rule is after each step, computed as far as was asked."""

    def __init__(
        self, d2l: Any, rule: str, make: Make, probe: Probe, dtype: str
    ) -> None:
        usual = settings(rule, dtype)[0]
        step = partial(make(), d2l)
        self._begin = partial(Trial, d2l, step, probe, usual)
        self._trial: Trial | None = None  # while it is at work
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
    """The path of that version of the rule over the probe, begun or known already.

    The cache keeps every path: a rule has at most some thousand versions, which are
    tried on a handful of probes, and a path is a few small arrays.
    """
    return Path(d2l, rule, make, probe, dtype)
