"""Binds the portable functions to a framework module, under the names of the book.

`bind` gives a module the names that a lesson uses beside the framework's own functions:
the harnesses and the rules with their first argument filled in, the plots, and helpers
for cells that write a harness of their own. A name that there is not says why.

One name has two meanings in the book: `d2l.sgd` here is this chapter's rule, (params,
grads, states, hyperparams), not the function (params, lr, batch_size) of the chapter on
linear regression. A call in that form says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from . import animator, batches, ch7, data, measure, missing, plot, rules, train, words
from .arrays import numpy_of
from .backend import Backend, Tensor
from .errors import InputError


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

    The first is a `batches.Minibatches`, or the framework's own data set that holds
    one, where cells of the book need that.

    Args:
        batch_size: rows in a minibatch, from 1 to n.
        n: how many of the 1500 rows to use, from the first.
        seed: of the order of the minibatches, and of the initial weights.
        source: "auto", "airfoil", "stand-in" or a path: see `data.load`.
        dtype: "float32" or "float64".

    Unless `quiet`, it says so, in a line, if the numbers are the stand-in's.
    """
    dataset = data.load(source)
    if dtype not in ("float32", "float64"):
        raise InputError(f"dtype must be float32 or float64; got {dtype!r}.")
    if not isinstance(n, int | np.integer) or not 1 <= n <= len(dataset.y):
        raise InputError(f"n must be from 1 to {len(dataset.y)}; got {n!r}.")
    if dataset.note and not quiet:
        print(dataset.note)
    X, y = dataset.X[:n].astype(dtype), dataset.y[:n].astype(dtype)
    note = "data: generated stand-in" if dataset.note else None
    made = batches.Minibatches(d2l, X, y, batch_size, seed, note)
    as_dataset = getattr(d2l, "as_dataset", lambda minibatches: minibatches)
    return as_dataset(made), X.shape[1]


def load_array(
    d2l: Backend, data_arrays: Any, batch_size: int, is_train: bool = True
) -> Any:
    """Minibatches of the rows of X (n, d) and y (n,), shuffled if `is_train`."""
    X, y = map(numpy_of, data_arrays)
    shuffled = batches.Minibatches(d2l, X, y, batch_size)
    if is_train:
        return shuffled
    cuts = range(0, len(X), batch_size)
    return [
        (d2l.tensor(X[i : i + batch_size]), d2l.tensor(y[i : i + batch_size]))
        for i in cuts
    ]


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


DATA_URL = "http://d2l-data.s3-accelerate.amazonaws.com/"


def download(name: str, folder: str | None = None, sha1_hash: str | None = None) -> str:
    """The path of the airfoil file, verified; downloaded if it is not here yet.

    It is looked for as `get_data_ch11` does, so that `folder` and `sha1_hash`, which
    cells of the book may give, are not needed.
    """
    file = data.description()["name"]
    if name != "airfoil" and not str(name).endswith("/" + file):
        raise InputError(f"d2lopt carries one data set, 'airfoil'; got {name!r}.")
    path = data.locate()
    data.read(path)
    return str(path)


def linreg(d2l: Backend, X: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The linear model Xw + b: X (n, d), w (d, 1), b (1,) → (n, 1)."""
    return d2l.matmul(X, w) + b


def squared_loss(d2l: Backend, y_hat: Tensor, y: Tensor) -> Tensor:
    """½(ŷ − y)² of each row, in the shape of ŷ."""
    return d2l.square(y_hat - d2l.reshape(y, y_hat.shape)) / 2


class BoundRule(partial[None]):
    """A rule of the library for one framework: (params, grads, states, hyperparams)."""

    def __call__(self, /, *args: Any, **more: Any) -> None:
        if not more and (len(args) != 4 or not isinstance(args[3], Mapping)):
            name = self.func.__name__
            raise InputError(
                f"d2l.{name} takes (params, grads, states, hyperparams), the last a "
                "dict; an sgd(params, lr, batch_size), as in the book's chapter on "
                "linear regression, is to be defined in a cell."
            )
        super().__call__(*args, **more)


def bind(module: ModuleType, home: Any) -> None:
    """Complete the namespace of a framework module with the portable names.

    `home` is where the framework keeps its own functions of tensors.
    """
    portable: list[Callable[..., Any]] = [
        *(get_data_ch11, linreg, squared_loss, evaluate_loss),
        *(train.train_ch11, train.train_concise_ch11),
        *(ch7.get_data_ch7, ch7.train_ch7, ch7.train_pytorch_ch7),
    ]
    free: list[Callable[..., Any]] = [
        *(plot.figure, plot.plot, plot.set_figsize, plot.set_axes, plot.annotate),
        *(plot.use_svg_display, train.train_2d, download),
        *(animator.Animator, measure.Accumulator, measure.Timer),
    ]
    names = vars(module)
    words.complete(module, home)
    names.setdefault("load_array", partial(load_array, module))
    names.update({f.__name__: partial(f, module) for f in portable})
    steps = [rule.step for rule in rules.RULES.values()]
    names.update({f.__name__: BoundRule(f, module) for f in steps})
    names.update({f.__name__: f for f in free})
    names["show_trace_2d"] = partial(plot.show_trace_2d, tensor=module.tensor)
    airfoil = data.description()
    names["DATA_URL"] = DATA_URL
    names["DATA_HUB"] = {
        "airfoil": (DATA_URL + airfoil["name"], airfoil["sha1"]["CRLF"])
    }
    names["__getattr__"] = partial(missing.lookup, module)
