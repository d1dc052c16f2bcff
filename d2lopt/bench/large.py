"""What one step costs over many parameters: as written, compiled, the framework's own.

The variants take turns, so that what disturbs the machine disturbs all of them; the
loop of `floor.py` takes its turn beside them.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from .. import rules
from ..backend.contract import Backend, Tensor
from ..backend.tools import compile_clock
from .floor import Floor

HYPERPARAMS = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}

SETTLE = 0.02  # seconds in which a framework's idle threads stop to spin

Turn = Callable[[], None]  # one step, and all that it leaves pending


@dataclass(frozen=True)
class Variant:
    """The median seconds of a step, and those of compiling it, once."""

    seconds: float
    seconds_compiling: float
    seconds_first: float  # the first step, with all that it starts


@dataclass(frozen=True)
class Timings:
    """One step of RMSProp over n parameters on one backend, each variant."""

    n: int
    dtype: str
    floor: float  # seconds
    variants: dict[str, Variant]


def _turn_of(d2l: Backend, rule: Callable[..., None], p: Tensor, g: Tensor) -> Turn:
    """A step of the rule over p."""
    params = [d2l.variable(p)]
    states = rules.find("rmsprop").init_states(d2l, params)

    def turn() -> None:
        rule(params, [g], states, HYPERPARAMS)
        d2l.wait(*params, *states)

    return turn


def variants(d2l: Backend) -> dict[str, Callable[[Tensor, Tensor], Turn]]:
    """For each variant, the function of p and g that gives one step of it, as a turn.

    "plain" is the rule as it is written, "compiled" what `d2l.compiled` makes of it;
    the framework's own follow, from the module `benchmark` of its package.
    """
    rule = rules.find("rmsprop").step
    portable: dict[str, Callable[[Tensor, Tensor], Turn]] = {
        "plain": partial(_turn_of, d2l, partial(rule, d2l)),
        "compiled": partial(_turn_of, d2l, d2l.compiled(rule)),
    }
    try:
        built_in = importlib.import_module(f"d2lopt.{d2l.name}.benchmark").steps
    except ModuleNotFoundError as error:
        if not str(error.name).startswith("d2lopt."):
            raise
        return portable  # it has no optimizer of its own
    return portable | {k: partial(step, HYPERPARAMS) for k, step in built_in.items()}


def measure(d2l: Backend, n: int, repeat: int = 9, dtype: str = "float32") -> Timings:
    """Time a step over n parameters, each variant in its turn, `repeat` times.

    Raises an InputError where Numba, which the floor needs, is not installed.
    """
    rng = np.random.default_rng(0)
    p, g = (d2l.tensor(rng.standard_normal(n), dtype) for _ in range(2))
    first: dict[str, tuple[float, float]] = {}
    turns: dict[str, Turn] = {}
    for name, make in variants(d2l).items():
        turns[name] = make(p, g)
        compiling, start = compile_clock.seconds, time.perf_counter()
        turns[name]()
        seconds = time.perf_counter() - start
        first[name] = compile_clock.seconds - compiling, seconds
    del p  # each variant has a copy of its own
    every: dict[str, Turn] = {"floor": Floor(n, dtype), **turns}
    seconds_of: dict[str, list[float]] = {name: [] for name in every}
    for _ in range(repeat + 1):  # the first round warms up
        for name in rng.permutation(list(every)):  # none always follows the same
            turn = every[name]
            time.sleep(SETTLE)
            start = time.perf_counter()
            turn()
            seconds_of[name].append(time.perf_counter() - start)
    median = {name: statistics.median(s[1:]) for name, s in seconds_of.items()}
    return Timings(
        n,
        dtype,
        median["floor"],
        {name: Variant(median[name], *first[name]) for name in turns},
    )
