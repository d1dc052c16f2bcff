"""MXNet: Fashion-MNIST as Gluon DataLoaders, and the book's training of LeNet."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as onp
from mxnet import autograd, gluon, init, np, npx

from ..book import lenet
from ..data import fashion

accuracy, get_dataloader_workers = lenet.accuracy, lenet.get_dataloader_workers


def _batch(size: tuple[int, int] | None, rows: list[Any]) -> tuple[Any, Any]:
    """A minibatch of images that are kept as bytes."""
    X, y = zip(*rows, strict=True)
    images = np.array(onp.stack(X), dtype="float32") / 255
    if size:  # a width and a height; the channel is the last axis there
        last = npx.image.resize(images.transpose(0, 2, 3, 1), size[::-1], interp=1)
        images = last.transpose(0, 3, 1, 2)
    return images, np.array(y, dtype="int32")


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[Any, Any]:
    """Gluon DataLoaders of the training images, shuffled, and of the test images.

    X is float32 (n, 1, 28, 28) between 0 and 1, or of the height and width that
    `resize` asks for; y is int32 (n,). Raises an InputError if the data cannot be had.
    """
    size = lenet.size_of(resize)
    train, test = (
        gluon.data.DataLoader(
            gluon.data.ArrayDataset(images.X[:, None], images.y),
            batch_size,
            shuffle=shuffle,
            num_workers=get_dataloader_workers(),
            batchify_fn=partial(_batch, size),
        )
        for images, shuffle in zip(fashion.load(), (True, False), strict=True)
    )
    return train, test


def evaluate_accuracy_gpu(net: Any, data_iter: Any, device: Any = None) -> float:
    """The share of `data_iter` that net gets right, on `device`, or where net is."""
    if device is None:
        device = next(iter(net.collect_params().values())).list_ctx()[0]
    return lenet.share_right(lambda X: net(X.as_in_ctx(device)), data_iter)


def train_ch6(
    net: Any, train_iter: Any, test_iter: Any, num_epochs: int, lr: float, device: Any
) -> None:
    """Train net on `device` by SGD, from Xavier's weights; draw and print how."""
    net.initialize(force_reinit=True, ctx=device, init=init.Xavier())
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr})

    def step(X: Any, y: Any) -> tuple[Any, Any]:
        with autograd.record():
            y_hat = net(X.as_in_ctx(device))
            losses = loss(y_hat, y.as_in_ctx(device))
        losses.backward()
        trainer.step(len(y))
        return losses.sum(), y_hat

    evaluate = lambda: evaluate_accuracy_gpu(net, test_iter)
    lenet.train(step, evaluate, train_iter, num_epochs, device)
