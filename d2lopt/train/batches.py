"""Minibatches: which rows each step sees, laid out so that a loop can be compiled.

A batch is X (B, d), y (B, 1), weight (B, 1). The weight of a row is one over the number
of rows in its batch; where B does not divide the data, the last batch of an epoch is
filled up with rows of weight 0, so that every batch has the same shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend.contract import Backend, Tensor
from ..errors import InputError

Array = np.ndarray[Any, Any]
Arrays = tuple[Array, ...]

EVERY = 20  # steps between two looks at the loss
SEGMENT = 2_000_000  # numbers that are laid out in memory at a time


class Minibatches:
    """The data set in shuffled minibatches, as tensors of one framework.

    Iterate it once an epoch: it gives pairs X (B, d), y (B,), in an order that follows
    from the seed. The harnesses start from the seed again on every run.

    Args:
        X, y: the rows (n, d) and their targets (n,), of the dtype to compute in.
        batch_size: B, from 1 to n; InputError for any other.
        note: what a figure should say of the data, if they are not the usual ones.
    """

    def __init__(
        self,
        d2l: Backend,
        X: Array,
        y: Array,
        batch_size: int,
        seed: int = 0,
        note: str | None = None,
    ) -> None:
        if not isinstance(batch_size, int | np.integer) or not (
            1 <= batch_size <= len(X)
        ):
            raise InputError(
                f"batch size must be a whole number from 1 to {len(X)}, the number of "
                f"rows; got {batch_size!r}."
            )
        self.d2l = d2l
        self.X, self.y = X, y.reshape(-1, 1)
        self.batch_size, self.seed = batch_size, seed
        self.note = note
        self._rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        """The number of batches in an epoch."""
        return -(-len(self.X) // self.batch_size)

    @property
    def arrays(self) -> tuple[Array, Array]:
        """All rows in their order: X (n, d), y (n,)."""
        return self.X, self.y[:, 0]

    def pairs(self) -> Iterator[tuple[Array, Array]]:
        """The next epoch's pairs X (B, d), y (B,), as NumPy arrays."""
        X, y = self.arrays
        order = self._rng.permutation(len(X))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield X[rows], y[rows]

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        dtype = self.X.dtype.name
        for X, y in self.pairs():
            yield self.d2l.tensor(X, dtype), self.d2l.tensor(y, dtype)

    def epoch(self, rng: np.random.Generator) -> Arrays:
        """One epoch's batches: X (m, B, d), y (m, B, 1), weight (m, B, 1)."""
        m, size, n = len(self), self.batch_size, len(self.X)
        order = np.resize(rng.permutation(n), m * size)  # filled up with any rows
        weight = np.full((m * size, 1), 1 / size, self.X.dtype)
        weight[n - n % size :] = 1 / (n % size or size)
        weight[n:] = 0
        return (
            self.X[order].reshape(m, size, -1),
            self.y[order].reshape(m, size, 1),
            weight.reshape(m, size, 1),
        )


def unwrapped(data_iter: Any) -> Any:
    """The `Minibatches` in the framework's own data set, if it holds one."""
    return getattr(data_iter, "minibatches", data_iter)


def padded(pairs: Sequence[tuple[Array, Array]]) -> Arrays:
    """Pairs X (n, d), y (n,) or (n, 1), laid out as `Minibatches.epoch` does."""
    size = max(len(X) for X, _ in pairs)
    m, d, dtype = len(pairs), pairs[0][0].shape[1], pairs[0][0].dtype
    batches = np.zeros((m, size, d), dtype), *np.zeros((2, m, size, 1), dtype)
    for i, (X, y) in enumerate(pairs):
        n = len(X)
        for laid_out, array in zip(batches, (X, y.reshape(n, 1), 1 / n), strict=True):
            laid_out[i, :n] = array
    return batches


def epochs_of(
    d2l: Backend, data_iter: Any, num_epochs: int, rng: np.random.Generator
) -> Iterator[Arrays]:
    """Each epoch's batches, as `Minibatches.epoch` lays them out.

    `data_iter` is a `Minibatches`, shuffled by `rng`, or anything that gives (X, y)
    pairs each time it is iterated.
    """

    def array(x: Tensor) -> Array:
        return x if isinstance(x, np.ndarray) else d2l.numpy(x)

    if not isinstance(data_iter, Iterable):
        raise InputError(f"data_iter must give (X, y) pairs; got {data_iter!r}.")
    for epoch in range(num_epochs):
        if isinstance(data_iter, Minibatches):
            yield data_iter.epoch(rng)
            continue
        pairs = [(array(X), array(y)) for X, y in data_iter]
        if not pairs:
            raise InputError(
                f"data_iter gave nothing in epoch {epoch + 1}: give a list or a "
                "loader, which can be iterated once an epoch."
            )
        yield padded(pairs)


def rows(data_iter: Any, epoch: Arrays) -> tuple[Array, Array]:
    """All rows of the data, X (n, d) and y (n, 1), each once."""
    if isinstance(data_iter, Minibatches):
        return data_iter.X, data_iter.y
    X, y, weight = (array.reshape(-1, array.shape[-1]) for array in epoch)
    real = weight[:, 0] > 0
    return X[real], y[real]


def chunked(epochs: Iterable[Arrays], every: int = EVERY) -> Iterator[Arrays]:
    """The same batches, `every` at a time: X (chunks, every, B, d), and so on.

    Epochs are strung together, as `every` need not divide one. As many chunks come at
    once as fit into `SEGMENT` numbers; what is left over comes last, as a short chunk.
    """
    held: list[Arrays] = []
    for epoch in epochs:
        held.append(epoch)
        if sum(X.size for X, _, _ in held) >= SEGMENT:
            whole, rest = _cut(held, every)
            held = [rest]
            if len(whole[0]):
                yield whole
    whole, rest = _cut(held, every)
    if len(whole[0]):
        yield whole
    if len(rest[0]):
        yield tuple(array[None] for array in rest)


def _cut(held: Sequence[Arrays], every: int) -> tuple[Arrays, Arrays]:
    """The batches in chunks of `every`, and those that fill no chunk."""
    joined = [np.concatenate(arrays) for arrays in zip(*held, strict=True)]
    end = len(joined[0]) // every * every
    whole = tuple(a[:end].reshape(-1, every, *a.shape[1:]) for a in joined)
    return whole, tuple(a[end:] for a in joined)
