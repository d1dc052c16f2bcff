# ruff: noqa
"""Cells in the manner of the scheduling chapter's TensorFlow tab, which train on images."""

# %% a network for images, and a loop of one's own
import math

import tensorflow as tf
from tensorflow.keras.callbacks import LearningRateScheduler

from d2lopt import tensorflow as d2l

tf.keras.utils.set_random_seed(0)


def net():
    return tf.keras.models.Sequential(
        [
            tf.keras.layers.Conv2D(
                filters=6, kernel_size=5, activation="relu", padding="same"
            ),
            tf.keras.layers.AvgPool2D(pool_size=2, strides=2),
            tf.keras.layers.Conv2D(filters=16, kernel_size=5, activation="relu"),
            tf.keras.layers.AvgPool2D(pool_size=2, strides=2),
            tf.keras.layers.Flatten(),
            tf.keras.layers.Dense(60, activation="relu"),
            tf.keras.layers.Dense(10),
        ]
    )


train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=16)


def train(
    net_fn,
    train_iter,
    test_iter,
    num_epochs,
    lr,
    device=d2l.try_gpu(),
    custom_callback=False,
):
    device_name = device._device_name
    strategy = tf.distribute.OneDeviceStrategy(device_name)
    with strategy.scope():
        optimizer = tf.keras.optimizers.SGD(learning_rate=lr)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        net = net_fn()
        net.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
    callback = d2l.TrainCallback(net, train_iter, test_iter, num_epochs, device_name)
    callbacks = [callback, custom_callback] if custom_callback else [callback]
    net.fit(train_iter, epochs=num_epochs, verbose=0, callbacks=callbacks)
    return net


# %% a constant rate
lr, num_epochs = 0.1, 2
trained = train(net, train_iter, test_iter, num_epochs, lr)
X, y = next(iter(test_iter))
print(f"right in a minibatch: {d2l.accuracy(trained(X), y):.0f} of {len(y)}")


# %% a schedule of one's own
class SquareRoot:
    def __init__(self, lr=0.1):
        self.lr = lr

    def __call__(self, epoch):
        return self.lr * (epoch + 1.0) ** -0.5


scheduler = SquareRoot(lr=0.1)
d2l.plot(d2l.arange(num_epochs), [scheduler(t) for t in range(num_epochs)])
trained = train(
    net,
    train_iter,
    test_iter,
    num_epochs,
    lr,
    custom_callback=LearningRateScheduler(scheduler),
)
rate = float(trained.optimizer.learning_rate.numpy())
print(f"learning rate is now {rate:.3f}")


# %% a cosine
def cosine(epoch):
    return 0.01 + 0.09 * (1 + math.cos(math.pi * epoch / num_epochs)) / 2


train(
    net,
    train_iter,
    test_iter,
    num_epochs,
    lr,
    custom_callback=LearningRateScheduler(cosine),
)

# %% the book's own loop
trained = d2l.train_ch6(net, train_iter, test_iter, num_epochs, 0.1, d2l.try_gpu())
print(f"test acc {d2l.evaluate_accuracy_gpu(trained, test_iter):.3f}")
