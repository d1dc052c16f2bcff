"""The data, the model and the loss of the chapter, under the names of the book."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend.arrays import Array, numpy_of
from ..backend.contract import Backend, Tensor
from ..data import airfoil
from ..errors import InputError
from ..show.figures import STAND_IN
from ..train import batches


def get_data_ch11(
    d2l: Backend,
    batch_size: int = 10,
    n: int = 1500,
    *,
    seed: int = 0,
    source: str = "auto",
    dtype: str = "float32",
    quiet: bool = False,
) -> tuple[Any, int]:
    """The whitened airfoil data in minibatches of `batch_size`, and its feature number.

    The first is a `train.batches.Minibatches`, or the framework's own data set that
    holds one, where cells of the book need that.

    Args:
        batch_size: rows in a minibatch, from 1 to n.
        n: how many of the 1500 rows to use, from the first.
        seed: of the order of the minibatches, and of the initial weights.
        source: "auto", "airfoil", "stand-in" or a path: see `d2lopt.data.load`.
        dtype: "float32" or "float64".

    Unless `quiet`, it says so, in a line, if the numbers are the stand-in's.
    """
    dataset = airfoil.load(source)
    if dtype not in ("float32", "float64"):
        raise InputError(f"dtype must be float32 or float64; got {dtype!r}.")
    if not isinstance(n, int | np.integer) or not 1 <= n <= len(dataset.y):
        raise InputError(f"n must be from 1 to {len(dataset.y)}; got {n!r}.")
    if dataset.note and not quiet:
        print(dataset.note)
    X, y = dataset.X[:n].astype(dtype), dataset.y[:n].astype(dtype)
    note = STAND_IN if dataset.note else None
    made = batches.Minibatches(d2l, X, y, batch_size, seed, note)
    as_dataset = getattr(d2l, "as_dataset", lambda minibatches: minibatches)
    return as_dataset(made), X.shape[1]


def load_array(
    d2l: Backend, data_arrays: Any, batch_size: int, is_train: bool = True
) -> Any:
    """Minibatches of the arrays' rows, shuffled if `is_train`; dtypes are kept.

    Args:
        data_arrays: X (n, d), y (n,) or (n, 1), and others of n rows.
        batch_size: rows in a minibatch; the last one has what is left.
    """
    return RowsOf(d2l, [numpy_of(array) for array in data_arrays], batch_size, is_train)


class RowsOf:
    """Minibatches of the rows of some arrays, for a framework without a data loader.

    Iterate it once an epoch: in the order of the rows, or in a new order each time.
    """

    def __init__(
        self, d2l: Backend, arrays: Sequence[Array], batch_size: int, shuffle: bool
    ) -> None:
        self.d2l, self.arrays, self.batch_size = d2l, arrays, batch_size
        self.order = np.random.default_rng(0) if shuffle else None

    def __len__(self) -> int:
        return -(-len(self.arrays[0]) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        n = len(self.arrays[0])
        rows = np.arange(n) if self.order is None else self.order.permutation(n)
        for start in range(0, n, self.batch_size):
            batch = rows[start : start + self.batch_size]
            yield tuple(
                self.d2l.tensor(array[batch], array.dtype.name) for array in self.arrays
            )


def evaluate_loss(
    d2l: Backend,
    net: Callable[[Tensor], Tensor],
    data_iter: Any,
    loss: Callable[[Tensor, Tensor], Tensor],
) -> float:
    """The mean over `data_iter` of all that loss(net(X), y) gives.

    That is one number for each row, or for each batch if the loss is a mean already.
    """
    total, count = 0.0, 0
    for X, y in data_iter:
        y_hat = net(X)
        losses = numpy_of(loss(y_hat, d2l.reshape(y, y_hat.shape)))
        total, count = total + float(losses.sum()), count + losses.size
    return total / count


# What cells of the book read of the published files: where they are, and their SHA-1.
DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"
_PUBLISHED = airfoil.description()
DATA_HUB = {"airfoil": (DATA_URL + _PUBLISHED["name"], _PUBLISHED["sha1"]["CRLF"])}


def download(name: str, folder: str | None = None, sha1_hash: str | None = None) -> str:
    """The path of the airfoil file, verified; downloaded if it is not here yet.

    It is looked for as `get_data_ch11` does, so that `folder` and `sha1_hash`, which
    cells of the book may give, are not needed.
    """
    file = airfoil.description()["name"]
    if name != "airfoil" and not str(name).endswith("/" + file):
        raise InputError(f"d2lopt carries one data set, 'airfoil'; got {name!r}.")
    path = airfoil.locate()
    airfoil.read(path)
    return str(path)


def linreg(d2l: Backend, X: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The linear model Xw + b: X (n, d), w (d, 1), b (1,) → (n, 1)."""
    return d2l.matmul(X, w) + b


def squared_loss(d2l: Backend, y_hat: Tensor, y: Tensor) -> Tensor:
    """½(ŷ − y)² of each row, in the shape of ŷ."""
    return d2l.square(y_hat - d2l.reshape(y, y_hat.shape)) / 2
