"""What a sweep is to try: how ranges are written, and the grid that they span.

A hyperparameter is one number, `v1,v2,…`, or `a:b:log:n` or `a:b:lin:n`: n numbers from
a to b, both of them included, with equal ratios or equal differences.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np

from ..errors import InputError
from ..rules.checks import check
from ..rules.optimizers import find

FORMS = "a number, v1,v2,…, a:b:log:n or a:b:lin:n"
MOST = 100_000  # runs in a sweep
SLICE = 1024  # configurations that a task trains at once


def values_of(name: str, text: str) -> list[float]:
    """The numbers that `text` stands for, in ascending order.

    Raises an InputError, with the remedy, for anything that has none of the forms, for
    n below 2 and for a number that would be tried twice.

    >>> values_of("lr", "0.01:1:log:3")
    [0.01, 0.1, 1.0]
    """
    option = f"--{name.replace('_', '-')}"
    parts = text.split(":")
    if len(parts) == 1:
        values = [_number(option, part) for part in text.split(",")]
    elif len(parts) == 4 and parts[2].strip() in ("log", "lin"):
        first, last = sorted(_number(option, part) for part in parts[:2])
        spacing, count = parts[2].strip(), _count(option, parts[3])
        if spacing == "log" and first <= 0:
            raise InputError(
                f"{option}: equal ratios need numbers above 0; got {text!r}: write lin "
                "for log, or start above 0."
            )
        values = _spaced(first, last, count, spacing)
        if not all(map(math.isfinite, values)):
            raise InputError(f"{option}: {text!r} spans too much: choose nearer ends.")
    else:
        raise InputError(f"{option} must be {FORMS}; got {text!r}.")
    values.sort()
    for value, following in itertools.pairwise(values):
        if value == following:
            raise InputError(
                f"{option}: {text!r} has {value:g} twice: give each number once."
            )
    return values


def _spaced(first: float, last: float, count: int, spacing: str) -> list[float]:
    """So many numbers from first to last; what overflows is inf or NaN."""
    space = np.geomspace if spacing == "log" else np.linspace
    with np.errstate(over="ignore", invalid="ignore"):
        return [float(value) for value in space(first, last, count)]


def _number(option: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{option} must be {FORMS}; {text!r} is no finite number.")
    return value


def _count(option: str, text: str) -> int:
    count = int(text) if text.strip().isascii() and text.strip().isdigit() else 0
    if not 2 <= count <= MOST:
        raise InputError(
            f"{option}: n, how many numbers, must be a whole number from 2 to {MOST}; "
            f"got {text!r}."
        )
    return count


class Task(NamedTuple):
    """One seed, and the configurations from `start` to before `stop`."""

    seed: int
    start: int
    stop: int


@dataclass(frozen=True)
class Sweep:
    """What a sweep runs: each point of the grid, with each seed from 0 up."""

    optimizer: str
    backend: str
    grid: dict[str, list[float]]  # every hyperparameter of the rule, in its order
    seeds: int = 1
    epochs: int = 2
    batch_size: int = 10
    dtype: str = "float32"
    data: str = "airfoil"  # or "stand-in"

    @property
    def varied(self) -> tuple[str, ...]:
        """The hyperparameters that have more than one value."""
        return tuple(name for name, values in self.grid.items() if len(values) > 1)

    @property
    def configurations(self) -> list[dict[str, float]]:
        """Every point of the grid; the last hyperparameter changes fastest."""
        points = itertools.product(*self.grid.values())
        return [dict(zip(self.grid, point, strict=True)) for point in points]

    @property
    def size(self) -> int:
        """The number of configurations."""
        return math.prod(map(len, self.grid.values()))

    @property
    def slice(self) -> int:
        """How many configurations each task trains at once: all tasks have one shape.

        It follows from the grid alone, so that the same sweep gives the same numbers
        on however many processes.
        """
        return -(-self.size // -(-self.size // SLICE))

    def tasks(self) -> Iterator[Task]:
        """The sweep in pieces, slice by slice and seed by seed."""
        for start in range(0, self.size, self.slice):
            for seed in range(self.seeds):
                yield Task(seed, start, min(start + self.slice, self.size))

    def as_json(self) -> dict[str, Any]:
        """The sweep as a JSON object; `Sweep(**object)` is the sweep again."""
        return asdict(self)


def grid_of(optimizer: str, given: Mapping[str, str]) -> dict[str, list[float]]:
    """The values of each hyperparameter of the rule: those given, else its default.

    Raises an InputError for a name that the rule lacks and a value out of its range.
    """
    rule = find(optimizer)
    defaults = rule.hyperparams
    for name in given:
        if name not in defaults:
            check(rule, {**defaults, name: 1.0})
    grid = {
        name: values_of(name, given[name]) if name in given else [float(default)]
        for name, default in defaults.items()
    }
    for name, values in grid.items():
        for value in (values[0], values[-1]):
            check(rule, {**defaults, name: value})
    return grid


def check_size(sweep: Sweep) -> None:
    """Raise an InputError for more runs than a sweep may have."""
    runs = sweep.size * sweep.seeds
    if runs > MOST:
        raise InputError(
            f"this sweep has {runs} runs; it may have {MOST}: give fewer values or "
            "fewer --seeds."
        )
