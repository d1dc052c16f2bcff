"""The problem that every harness solves: linear regression on minibatches.

The loss is ½·MSE, with its gradient written by hand beside it. `pose` draws the start
and the order of the minibatches with NumPy from one seed, the same for every framework.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..backend.arrays import number
from ..backend.contract import Backend, State, Tensor
from ..errors import InputError
from ..rules.hyperparams import HYPERPARAMS, Hyperparameter
from ..rules.schedules import Schedule
from .batches import Arrays, chunked, epochs_of, rows


def half_mse(d2l: Backend, y_hat: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """½ Σ weight · (ŷ − y)²: ½·MSE, as the weights of a batch's n rows are 1/n.

    All three have shape (n, 1), or ŷ (n, K): then it is the sum over K models. A short
    last batch is filled up with rows of weight 0, so that every batch has one shape.
    """
    return d2l.sum(weight * d2l.square(y_hat - y)) / 2


class LinearLoss:
    """½·MSE of the linear model Xw + b, with its gradient written by hand.

    Called with params [w (d, 1), b (1,)] and a batch X (n, d), y (n, 1), weight (n, 1).
    With w (d, K) and b (1, K) it is the sum of the losses of K models, so that each
    one's gradient is its own. b may be left out, where X has a column of ones for it.
    """

    def __init__(self, d2l: Backend) -> None:
        self.d2l = d2l

    def __call__(self, params: State, X: Tensor, y: Tensor, weight: Tensor) -> Tensor:
        w, *b = params
        return half_mse(self.d2l, sum(b, self.d2l.matmul(X, w)), y, weight)

    def value_and_grad(
        self, params: State, X: Any, y: Any, weight: Any
    ) -> tuple[Tensor, list[Tensor]]:
        """The loss and [∂/∂w, ∂/∂b], for NumPy arrays."""
        w, *b = params
        r = sum(b, X @ w) - y  # the residuals
        # ∂/∂w = Xᵀ (weight · r),  ∂/∂b = Σ weight · r
        weighted = weight * r
        by_b = [weighted.sum(0).reshape(x.shape) for x in b]
        return np.vdot(weighted, r) / 2, [X.T @ weighted, *by_b]


def with_ones(X: Any) -> Any:
    """X (…, d) with a column of ones, whose weight is the bias: (…, d + 1)."""
    return np.concatenate([X, np.ones_like(X[..., :1])], axis=-1)


@dataclass
class Problem:
    """One run's start and data: every batch in its order, and all rows at once."""

    start: Arrays  # w (d, 1), b (1,); once packed, one array with b below w
    chunks: Iterator[Arrays]  # as `batches.chunked` gives them; they come once
    full: Arrays  # X (n, d), y (n, 1), weight (n, 1): all rows
    dtype: str
    num_epochs: int
    num_steps: int

    def pack(self) -> None:
        """Make the bias one more weight, of a column of ones.

        A rule that acts on each element by itself gives the same numbers for one
        parameter of d + 1 rows as for two, and takes half as many operations.
        """
        self.start = (np.vstack(self.start),)
        self.chunks = ((with_ones(X), *rest) for X, *rest in self.chunks)
        X, *rest = self.full
        self.full = (with_ones(X), *rest)

    def follow(self, schedules: Mapping[str, Schedule]) -> None:
        """Put the value of each schedule at each step behind the batches.

        The batches raise an InputError at a value out of its hyperparameter's range.
        """
        if schedules:
            self.chunks = _with_values(schedules, self.chunks, self.dtype)


def _with_values(
    schedules: Mapping[str, Schedule], chunks: Iterator[Arrays], dtype: str
) -> Iterator[Arrays]:
    """The chunks, each array of a batch followed by one for each schedule."""
    done = 0
    for arrays in chunks:
        shape = arrays[0].shape[:2]  # chunks, steps in a chunk
        steps = range(done, done + shape[0] * shape[1])
        done = steps.stop
        of_schedules = []
        for name, schedule in schedules.items():
            values = [_value(name, schedule, t) for t in steps]
            for value in {repr(v): v for v in values}.values():  # each value once
                about = HYPERPARAMS.get(name, Hyperparameter(name, -math.inf))
                about.check(f"the schedule's {name}", value)
            of_schedules.append(np.array(values, dtype).reshape(shape))
        yield (*arrays, *of_schedules)


def _value(name: str, schedule: Schedule, t: int) -> float:
    """The schedule's value at step t; one in an array or a tensor is a number too."""
    try:
        value = schedule(t)
    except TypeError as error:
        raise InputError(
            f"the schedule of {name} must be a function of the step: {error}."
        ) from error
    one = getattr(value, "size", 0) == 1 or getattr(value, "shape", None) == ()
    return number(value) if one else value


def pose(
    d2l: Backend, data_iter: Any, feature_dim: int, num_epochs: int, seed: int
) -> Problem:
    """Draw the start, then the minibatches, from one seed.

    It is the seed of `data_iter`, or `seed` where that has none. Raises an InputError
    for epochs that are no whole number, and for data of another width.
    """
    if not isinstance(num_epochs, int | np.integer) or num_epochs < 1:
        raise InputError(
            f"epochs must be a whole number from 1 up; got {num_epochs!r}."
        )
    rng = np.random.default_rng(getattr(data_iter, "seed", seed))
    start = rng.normal(0.0, 0.01, (feature_dim, 1)), np.zeros(1)
    epochs = epochs_of(d2l, data_iter, num_epochs, rng)
    first = next(epochs)
    if first[0].shape[-1] != feature_dim:
        raise InputError(
            f"feature_dim is {feature_dim}; data_iter has {first[0].shape[-1]} columns."
        )
    X, y = rows(data_iter, first)
    full = (X, y, np.full_like(y, 1 / len(y)))
    chunks = chunked(itertools.chain([first], epochs))
    num_steps = num_epochs * len(first[0])
    return Problem(start, chunks, full, X.dtype.name, num_epochs, num_steps)
