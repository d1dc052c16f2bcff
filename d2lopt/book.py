"""Binds the portable functions to a framework module, under the names of the book.

`bind` gives a module the names that a lesson uses beside the framework's own functions:
the harnesses and the rules with their first argument filled in, and the plots.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from . import batches, data, plot, rules, train
from .backend import Backend, Tensor


def get_data_ch11(
    d2l: Backend,
    batch_size: int = 10,
    n: int = 1500,
    *,
    seed: int = 0,
    source: str = "auto",
    dtype: str = "float32",
    quiet: bool = False,
) -> tuple[batches.Minibatches, int]:
    """The whitened airfoil data in minibatches of `batch_size`, and its feature number.

    Args:
        batch_size: rows in a minibatch, from 1 to n.
        n: how many of the 1500 rows to use, from the first.
        seed: of the order of the minibatches, and of the initial weights.
        source: "auto", "airfoil", "stand-in" or a path: see `data.load`.
        dtype: "float32" or "float64".

    Unless `quiet`, it says so, in a line, if the numbers are the stand-in's.
    """
    dataset = data.load(source)
    if dataset.note and not quiet:
        print(dataset.note)
    X, y = dataset.X[:n].astype(dtype), dataset.y[:n].astype(dtype)
    note = "data: generated stand-in" if dataset.note else None
    return batches.Minibatches(d2l, X, y, batch_size, seed, note), X.shape[1]


def linreg(d2l: Backend, X: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The linear model Xw + b: X (n, d), w (d, 1), b (1,) → (n, 1)."""
    return d2l.matmul(X, w) + b


def squared_loss(d2l: Backend, y_hat: Tensor, y: Tensor) -> Tensor:
    """½(ŷ − y)² of each row, in the shape of ŷ."""
    return d2l.square(y_hat - d2l.reshape(y, y_hat.shape)) / 2


def bind(module: ModuleType) -> None:
    """Complete the namespace of a framework module with the portable names."""
    portable: list[Callable[..., Any]] = [
        get_data_ch11,
        linreg,
        squared_loss,
        train.train_ch11,
        train.train_concise_ch11,
        *(rule.step for rule in rules.RULES.values()),
    ]
    free: list[Callable[..., Any]] = [
        plot.figure,
        plot.plot,
        plot.set_figsize,
        plot.show_trace_2d,
        train.train_2d,
    ]
    names = vars(module)
    names.update({f.__name__: partial(f, module) for f in portable})
    names.update({f.__name__: f for f in free})
