"""Many configurations of one rule at once, each as a run of its own would have it.

The parameters carry a trailing axis of K configurations, and a hyperparameter that
varies is a tensor (1, K); the rule is the same. All configurations see the start and
the minibatches of a single run with that seed. The bias is the last row of w, for which
the data has a column of ones: that halves the operations of a step.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..backend.contract import Backend, State, Step, Tensor
from ..backend.operators import Operation, Operators
from ..errors import Diverged
from ..rules.hyperparams import HYPERPARAMS
from ..rules.rule import Rule
from .batches import Array, Minibatches
from .descend import became
from .problem import LinearLoss, pose

MALLOC_LIMIT = 2**25 - 2**16  # bytes, just below the greatest that glibc learns from


class Share(Operators):
    """A share of the past γ (1, K), with 1 − γ beside it.

    1 − γ is rounded once, from float64, as it is for a Python float: in float32, 1 − γ
    of a rounded γ = 0.999 is wrong by 3e-5.
    """

    def __init__(self, value: Tensor, complement: Tensor) -> None:
        self.value, self.complement = value, complement

    def operate(self, operation: Operation, *operands: Any) -> Tensor:
        first = operands[0]
        if operation is operator.sub and isinstance(first, int | float) and first == 1:
            return self.complement
        return operation(*(x.value if isinstance(x, Share) else x for x in operands))


class Outcome(NamedTuple):
    """One configuration's run: the losses at `steps`, up to where it diverged."""

    steps: list[int]
    losses: list[float]
    num_steps: int  # that the run was to take
    diverged: str | None


@lru_cache(maxsize=64)  # a framework compiles a function once: so it is the same one
def _interval(
    d2l: Backend, rule: Callable[..., None], shares: frozenset[str], size: int
) -> Step:
    """Some steps of `size` configurations, then their weights (d + 1, K)."""
    loss_and_grads = d2l.value_and_grad(LinearLoss(d2l))

    def step(run: State, batch: tuple[Tensor, ...]) -> None:
        params, states, fixed, varied = run
        _, grads = loss_and_grads(params, *batch)
        rows = {n: Share(*v) if n in shares else v for n, v in varied.items()}
        rule(d2l, params, grads, states, {**fixed, **rows})

    def interval(run: State, chunk: tuple[Tensor, ...]) -> Tensor:
        d2l.fold(step, run, chunk)
        return run[0][0] * 1

    return interval


def run_many(
    d2l: Backend,
    rule: Rule,
    configurations: Sequence[Mapping[str, float]],
    varied: Sequence[str],
    minibatches: Minibatches,
    num_epochs: int = 2,
) -> list[Outcome]:
    """Train the linear model with each of the configurations, all at once.

    Args:
        rule: one of `rules.RULES`: elementwise, so that one tensor may hold w and b.
        configurations: for each, every hyperparameter of the rule.
        varied: the names that may differ among them; the others are those of the first.
        minibatches: their seed draws the start and the order.
        num_epochs: passes over the data, from 1 up.

    A loss that becomes inf or NaN ends the run of its own configuration, and no other.
    """
    feature_dim = minibatches.X.shape[1]
    problem = pose(d2l, minibatches, feature_dim, num_epochs, minibatches.seed)
    dtype, size = problem.dtype, len(configurations)
    _keep_freed_memory()

    def tensor(value: Any) -> Tensor:
        with np.errstate(over="ignore"):  # a rate beyond float32 is inf: it diverges
            return d2l.tensor(value, dtype)

    problem.pack()
    (weights,) = problem.start
    start = np.repeat(weights, size, axis=1)
    params = [d2l.variable(tensor(start))]
    states = _widened(d2l, rule.init_states(d2l, params), tensor(np.zeros((1, size))))
    rows = {n: np.array([[c[n] for c in configurations]], np.float64) for n in varied}
    shares = frozenset(n for n in varied if HYPERPARAMS[n].greatest == 1)
    tensors = {
        n: (tensor(row), tensor(1 - row)) if n in shares else tensor(row)
        for n, row in rows.items()
    }
    fixed = {n: float(v) for n, v in configurations[0].items() if n not in rows}
    interval = _interval(d2l, rule.step, shares, size)
    X, y, _ = problem.full
    look = Look(X, y)
    steps, losses = [0], [look(start.astype(dtype))]
    taken = 0  # steps in a chunk

    def watch(weights: Tensor) -> None:
        steps.append(steps[-1] + taken)
        losses.append(look(d2l.numpy(weights)))
        if not look.finite.any():
            raise Diverged("no configuration is left")

    try:
        for arrays in problem.chunks:
            taken = arrays[0].shape[1]
            chunk = tuple(tensor(array) for array in arrays)
            d2l.fold(interval, (params, states, fixed, tensors), chunk, watch)
    except Diverged:
        pass
    columns = np.stack(losses, axis=1).tolist()
    return [_outcome(steps, column, problem.num_steps) for column in columns]


def _keep_freed_memory() -> None:
    """Let the C library keep the memory of arrays that are gone, for those to come.

    glibc gives blocks from 128 KB up back to the system, and each operation then waits
    for new pages, zeroed one by one: without this, an epoch of 1024 configurations with
    minibatches of 64 takes NumPy 2.5 times as long. Once it has freed a greater block,
    it keeps all up to that size (mallopt(3), M_MMAP_THRESHOLD). Where the C library is
    another, this does nothing.
    """
    np.empty(MALLOC_LIMIT, np.uint8)


class Look:
    """The ½·MSE of K models over all of X (n, d + 1) and y (n, 1), from their weights.

    The last column of X is of ones.

    With [X y] = QR, the sum of squares is that of R [w; b; −1], d + 2 numbers in the
    place of n. Where that comes near the greatest number of the dtype, all n squares
    are added in the dtype: so it becomes inf when it does for a single run.
    """

    def __init__(self, X: Array, y: Array) -> None:
        self.X, self.y = X, y
        self.finite = np.ones(1, bool)  # then (K,): whose losses were finite so far
        table = np.hstack([self.X, y]).astype(np.float64)
        R: Any = np.linalg.qr(table / math.sqrt(len(X)), mode="r")
        self.R: Array = R
        # The square of one row is at most 2n times the loss.
        self.safe = np.finfo(X.dtype).max / (4 * len(X))

    def __call__(self, weights: Array) -> Array:
        """The losses (K,) for weights (d + 1, K), in which the bias is the last row."""
        with np.errstate(over="ignore", invalid="ignore"):
            residuals: Array = self.R[:, :-1] @ weights - self.R[:, -1:]
            losses: Array = np.square(residuals).sum(axis=0) / 2
            close = np.flatnonzero(self.finite & ~(losses < self.safe))
            for k in close:
                squares = np.square(self.X @ weights[:, k, None] - self.y)
                losses[k] = (squares / len(squares)).sum() / 2
        self.finite = self.finite & np.isfinite(losses)
        return losses


def _widened(d2l: Backend, states: Any, zero: Tensor) -> Any:
    """The states, those of shape () as (1, K): each configuration has its own."""
    if isinstance(states, list | tuple):
        return type(states)(_widened(d2l, entry, zero) for entry in states)
    return states if tuple(states.shape) else d2l.variable(zero)


def _outcome(steps: list[int], losses: list[float], num_steps: int) -> Outcome:
    """The run up to its first loss that is inf or NaN."""
    for i, loss in enumerate(losses):
        if not math.isfinite(loss):
            said = became(loss, steps[i], num_steps)
            return Outcome(steps[:i], losses[:i], num_steps, said)
    return Outcome(steps, losses, num_steps, None)
