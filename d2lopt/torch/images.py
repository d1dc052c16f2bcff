"""PyTorch: Fashion-MNIST as DataLoaders, and the book's training of LeNet."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from ..book import lenet
from ..data import fashion

accuracy, get_dataloader_workers = lenet.accuracy, lenet.get_dataloader_workers


class _Images(torch.utils.data.Dataset):  # type: ignore[misc]
    """Kept as bytes; a minibatch of them becomes float32 when it is read."""

    def __init__(self, images: fashion.Images, size: tuple[int, int] | None) -> None:
        self.X = images.X[:, None]
        self.y = torch.from_numpy(images.y).long()
        self.size = size

    def __len__(self) -> int:
        return len(self.y)

    def __getitems__(self, rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        X = torch.from_numpy(self.X[rows].astype(np.float32) / 255)
        if self.size:
            X = nn.functional.interpolate(
                X, self.size, mode="bilinear", antialias=True, align_corners=False
            )
        return X, self.y[rows]

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        X, y = self.__getitems__([row])
        return X[0], y[0]


def _as_it_is(batch: Any) -> Any:
    return batch


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[Any, Any]:
    """DataLoaders of the training images, shuffled, and of the test images.

    X is float32 (n, 1, 28, 28) between 0 and 1, or of the height and width that
    `resize` asks for; y is int64 (n,). Raises an InputError if the data cannot be had.
    """
    size = lenet.size_of(resize)
    train, test = (
        torch.utils.data.DataLoader(
            _Images(images, size),
            batch_size,
            shuffle=shuffle,
            num_workers=get_dataloader_workers(),
            collate_fn=_as_it_is,
        )
        for images, shuffle in zip(fashion.load(), (True, False), strict=True)
    )
    return train, test


def init_cnn(module: Any) -> None:
    """For net.apply: Xavier's uniform weights in linear and convolutional layers."""
    if type(module) in (nn.Linear, nn.Conv2d):
        nn.init.xavier_uniform_(module.weight)


def evaluate_accuracy_gpu(net: Any, data_iter: Any, device: Any = None) -> float:
    """The share of `data_iter` that net gets right, on `device`, or where net is.

    A torch.nn.Module is left in evaluation mode.
    """
    if isinstance(net, nn.Module):
        net.eval()
        weight = next(net.parameters(), None)
        device = device or (None if weight is None else weight.device)
    with torch.no_grad():
        return lenet.share_right(lambda X: net(X.to(device)), data_iter)


def train_ch6(
    net: Any, train_iter: Any, test_iter: Any, num_epochs: int, lr: float, device: Any
) -> None:
    """Train net on `device` by SGD, from Xavier's weights; draw and print how."""
    net.apply(init_cnn)
    net.to(device)
    trainer, loss = torch.optim.SGD(net.parameters(), lr=lr), nn.CrossEntropyLoss()

    def step(X: torch.Tensor, y: torch.Tensor) -> tuple[Any, Any]:
        net.train()
        trainer.zero_grad()
        y_hat = net(X.to(device))
        value = loss(y_hat, y.to(device))
        value.backward()
        trainer.step()
        return value.detach() * len(y), y_hat

    evaluate = lambda: evaluate_accuracy_gpu(net, test_iter)
    lenet.train(step, evaluate, train_iter, num_epochs, device)
