"""The harnesses under their names in the Chinese edition, where this is chapter 7.

They take the data as two tensors, features (n, d) and labels (n,), and make their own
minibatches of them. All else is as in `train_ch11` and `train_concise_ch11`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..backend.contract import Backend, Tensor
from ..data import airfoil
from ..train import built_in, from_scratch
from ..train.batches import Minibatches
from ..train.descend import Curve
from .training import loss_curves


def get_data_ch7(d2l: Backend) -> tuple[Tensor, Tensor]:
    """The whitened airfoil data: features (1500, 5), labels (1500,), float32.

    A cell of that edition defines a function of this name, which reads
    '../../data/airfoil_self_noise.dat' with NumPy and stops with a FileNotFoundError
    where that file is not. Leave the definition out, or let it read
    `d2l.download("airfoil")`.
    """
    dataset = airfoil.load()
    if dataset.note:
        print(dataset.note)
    return d2l.tensor(dataset.X), d2l.tensor(dataset.y)


def train_ch7(
    d2l: Backend,
    optimizer_fn: Callable[..., Any],
    states: Any,
    hyperparams: Mapping[str, Any],
    features: Tensor,
    labels: Tensor,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train the linear model with a rule; print its last loss and draw the curve."""
    data = _minibatches(d2l, features, labels, batch_size)
    _show(from_scratch(d2l, optimizer_fn, states, hyperparams, *data, num_epochs))


def train_pytorch_ch7(
    d2l: Backend,
    optimizer_fn: Any,
    optimizer_hyperparams: Mapping[str, Any],
    features: Tensor,
    labels: Tensor,
    batch_size: int = 10,
    num_epochs: int = 2,
) -> None:
    """Train the framework's linear layer with its own optimizer, likewise."""
    data = _minibatches(d2l, features, labels, batch_size)
    _show(built_in(d2l, optimizer_fn, optimizer_hyperparams, *data, num_epochs))


def _minibatches(
    d2l: Backend, features: Tensor, labels: Tensor, batch_size: int
) -> tuple[Minibatches, int]:
    X, y = d2l.numpy(features), d2l.numpy(labels)
    return Minibatches(d2l, X, y, batch_size), X.shape[1]


def _show(curve: Curve) -> None:
    loss = curve.diverged or f"{curve.losses[-1]:f}"
    print(f"loss: {loss}, {curve.seconds_per_epoch:f} sec per epoch")
    loss_curves({"": curve})
