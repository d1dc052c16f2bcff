"""TensorFlow: Fashion-MNIST as a tf.data.Dataset, and the book's training of LeNet."""

from __future__ import annotations

from functools import partial
from typing import Any

import tensorflow as tf

from ..book import lenet
from ..book.animator import Animator
from ..book.measure import Timer
from ..data import fashion

accuracy, get_dataloader_workers = lenet.accuracy, lenet.get_dataloader_workers


def load_data_fashion_mnist(
    batch_size: int, resize: int | tuple[int, int] | None = None
) -> tuple[Any, Any]:
    """Datasets of minibatches: the training images, shuffled, and the test images.

    X is float32 (n, 28, 28, 1) between 0 and 1, or of the height and width that
    `resize` asks for; y is int32 (n,). Raises an InputError if the data cannot be had.
    """
    size = lenet.size_of(resize)

    def numbers(X: Any, y: Any) -> tuple[Any, Any]:
        X = tf.cast(X, tf.float32) / 255
        X = tf.image.resize(X, size, antialias=True) if size else X
        return X, tf.cast(y, tf.int32)

    datasets = []
    for images, shuffle in zip(fashion.load(), (True, False), strict=True):
        rows = tf.data.Dataset.from_tensor_slices((images.X[..., None], images.y))
        rows = rows.shuffle(len(images.y)) if shuffle else rows
        datasets.append(rows.batch(batch_size).map(numbers).prefetch(1))
    train, test = datasets
    return train, test


def evaluate_accuracy_gpu(net: Any, data_iter: Any, device: Any = None) -> float:
    """The share of `data_iter` that net gets right, on `device` if one is given."""
    if isinstance(net, tf.keras.Model):
        net = partial(net, training=False)
    with tf.device(_name(device)):
        return lenet.share_right(net, data_iter)


def _name(device: Any) -> Any:
    """The name of what `d2l.try_gpu` returns; a name stays itself.

    tf.device gives a context manager, which keeps the name in a private attribute;
    Keras' strategy and the report need the name.
    """
    return getattr(device, "_device_name", device)


class TrainCallback(tf.keras.callbacks.Callback):  # type: ignore[misc]  # it has no types
    """Draws loss and accuracies after each epoch of net.fit, and prints the last.

    net must be compiled with metrics=["accuracy"].
    """

    def __init__(
        self,
        net: Any,
        train_iter: Any,
        test_iter: Any,
        num_epochs: int,
        device_name: Any,
    ) -> None:
        super().__init__()
        self.net, self.num_epochs, self.device_name = net, num_epochs, device_name
        self.train_iter, self.test_iter = train_iter, test_iter
        self.timer = Timer()
        self.timer.times.clear()
        self.animator = Animator(
            xlabel="epoch",
            xlim=[0, num_epochs],
            legend=["train loss", "train acc", "test acc"],
        )

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.timer.start()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.timer.stop()
        test = self.net.evaluate(self.test_iter, verbose=0, return_dict=True)
        means, test_acc = (logs["loss"], logs["accuracy"]), test["accuracy"]
        self.animator.add(epoch + 1, (*means, test_acc))
        if epoch == self.num_epochs - 1:
            rows = next(iter(self.train_iter))[0].shape[0] * len(self.train_iter)
            lenet.report(means, test_acc, rows / self.timer.avg(), self.device_name)


def train_ch6(
    net_fn: Any,
    train_iter: Any,
    test_iter: Any,
    num_epochs: int,
    lr: float,
    device: Any,
) -> Any:
    """Train the Keras model net_fn() on `device` by SGD, and return it."""
    name = _name(device)
    with tf.distribute.OneDeviceStrategy(name).scope():
        net = net_fn()
        net.compile(
            optimizer=tf.keras.optimizers.SGD(learning_rate=lr),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
    callback = TrainCallback(net, train_iter, test_iter, num_epochs, name)
    net.fit(
        train_iter, epochs=num_epochs, verbose=0, callbacks=[callback], shuffle=False
    )
    return net
