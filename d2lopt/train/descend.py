"""The loop of a run: it folds steps over minibatches, and notes the loss every 20."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..backend.contract import Backend, State, Step, Tensor
from ..backend.tools import compile_clock
from ..errors import Diverged
from .problem import Problem


@dataclass
class Curve:
    """What a run leaves: the full-data ½·MSE at `steps`, and the seconds until then.

    A run whose loss becomes inf or NaN stops there: `diverged` says so in a sentence,
    and the lists hold what came before.
    """

    num_epochs: int
    num_steps: int
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    params: list[np.ndarray[Any, Any]] = field(default_factory=list)
    diverged: str | None = None
    seconds_compiling: float = 0.0

    @property
    def epochs(self) -> list[float]:
        """The steps, counted in epochs."""
        return [step * self.num_epochs / self.num_steps for step in self.steps]

    @property
    def seconds_per_epoch(self) -> float:
        """True wall time, evaluation included, tracing and compiling not."""
        return self.times[-1] / self.num_epochs

    def summary(self) -> str:
        """The line that the book prints."""
        loss = math.nan if self.diverged else self.losses[-1]
        return f"loss: {loss:.3f}, {self.seconds_per_epoch:.3f} sec/epoch"


Progress = Callable[[int, int], None]  # (steps done, steps in all)


def became(loss: float, step: int, num_steps: int) -> str:
    """What is said of a run that diverged: its loss, and by which step."""
    return f"the loss became {loss} by step {step} of {num_steps}"


def descend(
    d2l: Backend,
    problem: Problem,
    interval: Step,
    loss_of: Callable[..., Tensor],
    run: State,
    compile: bool | None,
    progress: Progress | None,
) -> Curve:
    """Fold `interval` over the problem's chunks and note every loss in a curve.

    Args:
        interval: the steps of one chunk, which change the variables in `run`, and the
            loss on all data behind them.
        loss_of: that loss, of `run` and the tensors of `problem.full`.
        run: the parameters, and whatever else a step changes.
        compile: as `Backend.fold` has it.
        progress: is told how many steps are done, at each look at the loss.
    """
    curve = Curve(problem.num_epochs, problem.num_steps)
    full = tuple(d2l.tensor(array, problem.dtype) for array in problem.full)
    state = (run, full)
    taken = 0  # steps in a chunk

    def watch(loss: Tensor) -> None:
        value = float(d2l.numpy(loss))
        done = curve.steps[-1] + taken if curve.steps else 0
        if not math.isfinite(value):
            raise Diverged(became(value, done, problem.num_steps))
        curve.steps.append(done)
        curve.losses.append(value)
        curve.times.append(time.perf_counter() - start)
        if progress is not None:
            progress(done, problem.num_steps)

    compiling = compile_clock.seconds
    first = loss_of(run, *full)
    d2l.numpy(first)
    # The clock starts after the first look, which pays for what loads at first use.
    start = time.perf_counter()
    try:
        watch(first)
        for arrays in problem.chunks:
            taken = arrays[0].shape[1]
            known = len(curve.times)
            chunk = tuple(d2l.tensor(array, problem.dtype) for array in arrays)
            before = compile_clock.seconds
            begun = time.perf_counter()
            try:
                d2l.fold(interval, state, chunk, watch, compile=compile)
            finally:  # a run that diverges here has compiled, too
                seconds = compile_clock.seconds - before  # compiling does not count
                start += seconds
                if compile is not False:
                    # A compiled loop may give all losses at its end: their times are
                    # spread evenly over the seconds that it took, without compiling.
                    new = len(curve.times) - known
                    spread = np.linspace(begun + seconds, time.perf_counter(), new + 1)
                    curve.times[known:] = [float(t) for t in spread[1:] - start]
    except Diverged as error:
        curve.diverged = str(error)
        curve.times = curve.times or [time.perf_counter() - start]
    curve.seconds_compiling = compile_clock.seconds - compiling
    return curve
