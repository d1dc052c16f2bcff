# ruff: noqa
"""Cells in the manner of the scheduling chapter's MXNet tab, which train on images."""

# %% a network for images, and a loop of one's own
from mxnet import autograd, gluon, init, lr_scheduler, np, npx
from mxnet.gluon import nn

from d2lopt import mxnet as d2l

npx.set_np()
npx.random.seed(0)

net = nn.HybridSequential()
net.add(
    nn.Conv2D(channels=6, kernel_size=5, padding=2, activation="relu"),
    nn.MaxPool2D(pool_size=2, strides=2),
    nn.Conv2D(channels=16, kernel_size=5, activation="relu"),
    nn.MaxPool2D(pool_size=2, strides=2),
    nn.Dense(60, activation="relu"),
    nn.Dense(10),
)
net.hybridize()
loss, device = gluon.loss.SoftmaxCrossEntropyLoss(), d2l.try_gpu()
train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=16)


def train(net, train_iter, test_iter, num_epochs, loss, trainer, device):
    net.initialize(force_reinit=True, ctx=device, init=init.Xavier())
    animator = d2l.Animator(
        xlabel="epoch",
        xlim=[0, num_epochs],
        legend=["train loss", "train acc", "test acc"],
    )
    for epoch in range(num_epochs):
        metric = d2l.Accumulator(3)
        for i, (X, y) in enumerate(train_iter):
            X, y = X.as_in_ctx(device), y.as_in_ctx(device)
            with autograd.record():
                y_hat = net(X)
                l = loss(y_hat, y)
            l.backward()
            trainer.step(X.shape[0])
            metric.add(l.sum(), d2l.accuracy(y_hat, y), X.shape[0])
            train_loss, train_acc = metric[0] / metric[2], metric[1] / metric[2]
            if (i + 1) % 5 == 0:
                animator.add(epoch + i / len(train_iter), (train_loss, train_acc, None))
        test_acc = d2l.evaluate_accuracy_gpu(net, test_iter)
        animator.add(epoch + 1, (None, None, test_acc))
    print(
        f"train loss {train_loss:.3f}, train acc {train_acc:.3f}, "
        f"test acc {test_acc:.3f}"
    )


# %% a constant rate
lr, num_epochs = 0.1, 2
net.initialize(force_reinit=True, ctx=device, init=init.Xavier())
trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": lr})
train(net, train_iter, test_iter, num_epochs, loss, trainer, device)
trainer.set_learning_rate(0.05)
print(f"learning rate is now {trainer.learning_rate:.2f}")


# %% a schedule of one's own; here it counts minibatches
class SquareRoot:
    def __init__(self, lr=0.1):
        self.lr = lr

    def __call__(self, num_update):
        return self.lr * (num_update + 1.0) ** -0.5


scheduler = SquareRoot(lr=0.3)
d2l.plot(np.arange(num_epochs), [scheduler(t) for t in range(num_epochs)])
trainer = gluon.Trainer(net.collect_params(), "sgd", {"lr_scheduler": scheduler})
train(net, train_iter, test_iter, num_epochs, loss, trainer, device)

# %% the framework's own
scheduler = lr_scheduler.MultiFactorScheduler(step=[40, 60], factor=0.5, base_lr=0.1)
d2l.plot(d2l.arange(100), [scheduler(t) for t in range(100)])
# It keeps count, and has reached its last factor in the picture.
scheduler = lr_scheduler.MultiFactorScheduler(step=[40, 60], factor=0.5, base_lr=0.1)
trainer = gluon.Trainer(net.collect_params(), "sgd", {"lr_scheduler": scheduler})
train(net, train_iter, test_iter, num_epochs, loss, trainer, device)
print(f"learning rate is now {trainer.learning_rate:.3f}")

# %% a cosine, with warm-up
scheduler = lr_scheduler.CosineScheduler(60, warmup_steps=5, base_lr=0.1, final_lr=0.01)
trainer = gluon.Trainer(net.collect_params(), "sgd", {"lr_scheduler": scheduler})
train(net, train_iter, test_iter, num_epochs, loss, trainer, device)

# %% the book's own loop
d2l.train_ch6(net, train_iter, test_iter, num_epochs, 0.1, device)
