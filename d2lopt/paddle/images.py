"""PaddlePaddle: Fashion-MNIST as DataLoaders, and the book's training of LeNet."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import nn

from ..book import lenet
from ..data import fashion

accuracy, get_dataloader_workers = lenet.accuracy, lenet.get_dataloader_workers


class _Images(paddle.io.Dataset):  # type: ignore[misc]  # it has no types
    """Kept as bytes, X (1, 28, 28) and y (1,); `_Batch` makes numbers of them."""

    def __init__(self, images: fashion.Images) -> None:
        super().__init__()
        self.X, self.y = images.X[:, None], images.y[:, None]

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, row: int) -> tuple[Any, Any]:
        return self.X[row], self.y[row]


class _Batch:
    """Makes a minibatch of rows; a class, as a process for reading has to pickle it."""

    def __init__(self, size: tuple[int, int] | None) -> None:
        self.size = size

    def __call__(self, rows: list[Any]) -> list[Any]:
        X, y = (np.stack(column) for column in zip(*rows, strict=True))
        images = paddle.to_tensor(X.astype("float32") / 255)
        if self.size:
            images = nn.functional.interpolate(images, self.size, mode="bilinear")
        return [images, paddle.to_tensor(y.astype("int64"))]


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[Any, Any]:
    """DataLoaders of the training images, shuffled, and of the test images.

    X is float32 (n, 1, 28, 28) between 0 and 1, or of the height and width that
    `resize` asks for; y is int64 (n, 1), as in Paddle's own data set. Raises an
    InputError if the data cannot be had.
    """
    size = lenet.size_of(resize)
    train, test = (
        paddle.io.DataLoader(
            _Images(images),
            batch_size=batch_size,
            shuffle=shuffle,
            num_workers=get_dataloader_workers(),
            collate_fn=_Batch(size),
        )
        for images, shuffle in zip(fashion.load(), (True, False), strict=True)
    )
    return train, test


def init_cnn(module: Any) -> None:
    """For net.apply: Xavier's uniform weights in linear and convolutional layers."""
    if type(module) in (nn.Linear, nn.Conv2D):
        nn.initializer.XavierUniform()(module.weight)


def evaluate_accuracy_gpu(net: Any, data_iter: Any, device: Any = None) -> float:
    """The share of `data_iter` that net gets right, on `device`, or where net is.

    A paddle.nn.Layer is left in evaluation mode.
    """
    if isinstance(net, nn.Layer):
        net.eval()
        weights = net.parameters()
        device = weights[0].place if device is None and weights else device
    with paddle.no_grad():
        return lenet.share_right(lambda X: net(_on(X, device)), data_iter)


def _on(x: Any, device: Any) -> Any:
    return x if device is None else x.to(device)


def train_ch6(
    net: Any, train_iter: Any, test_iter: Any, num_epochs: int, lr: float, device: Any
) -> None:
    """Train net on `device` by SGD, from Xavier's weights; draw and print how."""
    net.apply(init_cnn)
    net.to(device)
    loss = nn.CrossEntropyLoss()
    trainer = paddle.optimizer.SGD(learning_rate=lr, parameters=net.parameters())

    def step(X: Any, y: Any) -> tuple[Any, Any]:
        net.train()
        trainer.clear_grad()
        y_hat = net(_on(X, device))
        value = loss(y_hat, _on(y, device))
        value.backward()
        trainer.step()
        return value.detach() * X.shape[0], y_hat

    evaluate = lambda: evaluate_accuracy_gpu(net, test_iter)
    lenet.train(step, evaluate, train_iter, num_epochs, device)
