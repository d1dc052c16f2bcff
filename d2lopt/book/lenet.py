"""What the frameworks' parts share: accuracy, the loop over epochs, what it prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..backend.arrays import numpy_of
from ..errors import InputError
from .animator import Animator
from .measure import Accumulator, Timer


def get_dataloader_workers() -> int:
    """0: the images are in memory, where a further process costs more than it gains."""
    return 0


def size_of(resize: int | tuple[int, int] | None) -> tuple[int, int] | None:
    """The height and width that `resize` asks for; None if it asks for none."""
    if not resize:
        return None
    size = (resize, resize) if isinstance(resize, int | np.integer) else tuple(resize)
    if len(size) != 2 or min(size) < 1:
        raise InputError(f"resize must be a size or (height, width); got {resize!r}.")
    return int(size[0]), int(size[1])


def accuracy(y_hat: Any, y: Any) -> float:
    """How many predictions are right: a count, not a share.

    y_hat has scores (n, classes), of which the highest counts, or classes (n,); y has
    the classes, (n,) or (n, 1).
    """
    found, classes = numpy_of(y_hat), numpy_of(y).reshape(-1)
    if found.ndim > 1 and found.shape[1] > 1:
        found = found.argmax(1)
    return float((found.reshape(-1).astype(classes.dtype) == classes).sum())


def share_right(predict: Callable[[Any], Any], data_iter: Any) -> float:
    """The share of the examples in `data_iter` that predict(X) gets right."""
    metric = Accumulator(2)
    for X, y in data_iter:
        metric.add(accuracy(predict(X), y), X.shape[0])
    return metric[0] / metric[1]


def train(
    step: Callable[[Any, Any], tuple[Any, Any]],
    evaluate: Callable[[], float],
    train_iter: Any,
    num_epochs: int,
    device: Any,
) -> None:
    """Train for so many epochs, draw the curves and print how it ended.

    step(X, y) updates the network with a minibatch and returns the sum of its losses
    and the scores; evaluate() returns the accuracy on the test data.
    """
    print(f"training on {device}")
    animator = Animator(
        xlabel="epoch",
        xlim=[0, num_epochs],
        legend=["train loss", "train acc", "test acc"],
    )
    timer, batches, seen = Timer(), len(train_iter), 0
    timer.times.clear()
    for epoch in range(num_epochs):
        metric = Accumulator(3)  # the losses, the right predictions, the examples
        for i, (X, y) in enumerate(train_iter, start=1):
            timer.start()
            loss, y_hat = step(X, y)
            metric.add(loss, accuracy(y_hat, y), X.shape[0])
            timer.stop()
            if i % max(1, batches // 5) == 0 or i == batches:
                means = metric[0] / metric[2], metric[1] / metric[2]
                animator.add(epoch + i / batches, (*means, None))
        test_acc = evaluate()
        animator.add(epoch + 1, (None, None, test_acc))
        seen += int(metric[2])
    report(means, test_acc, seen / timer.sum(), device)


def report(means: tuple[float, float], test_acc: float, rate: float, on: Any) -> None:
    """Print the mean loss, both accuracies, and the examples per second."""
    print(
        f"loss {means[0]:.3f}, train acc {means[1]:.3f}, test acc {test_acc:.3f}\n"
        f"{rate:.1f} examples/sec on {on}"
    )
