# ruff: noqa
"""Cells in the manner of the scheduling chapter's PyTorch tab, which train on images."""

# %% a network for images, and a loop of one's own
import math

import torch
from torch import nn
from torch.optim import lr_scheduler

from d2lopt import torch as d2l

torch.manual_seed(0)
torch.set_num_threads(1)  # other tests run beside this one


def net_fn():
    return nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=2),
        nn.Conv2d(6, 16, kernel_size=5),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 60),
        nn.ReLU(),
        nn.Linear(60, 10),
    )


loss, device = nn.CrossEntropyLoss(), d2l.try_gpu()
train_iter, test_iter = d2l.load_data_fashion_mnist(batch_size=16)


def train(
    net, train_iter, test_iter, num_epochs, loss, trainer, device, scheduler=None
):
    net.to(device)
    animator = d2l.Animator(
        xlabel="epoch",
        xlim=[0, num_epochs],
        legend=["train loss", "train acc", "test acc"],
    )
    for epoch in range(num_epochs):
        metric = d2l.Accumulator(3)
        for i, (X, y) in enumerate(train_iter):
            net.train()
            trainer.zero_grad()
            X, y = X.to(device), y.to(device)
            y_hat = net(X)
            l = loss(y_hat, y)
            l.backward()
            trainer.step()
            with torch.no_grad():
                metric.add(l * X.shape[0], d2l.accuracy(y_hat, y), X.shape[0])
            train_loss, train_acc = metric[0] / metric[2], metric[1] / metric[2]
            if (i + 1) % 5 == 0:
                animator.add(epoch + i / len(train_iter), (train_loss, train_acc, None))
        test_acc = d2l.evaluate_accuracy_gpu(net, test_iter)
        animator.add(epoch + 1, (None, None, test_acc))
        if scheduler and scheduler.__module__ == lr_scheduler.__name__:
            scheduler.step()
        elif scheduler:
            for group in trainer.param_groups:
                group["lr"] = scheduler(epoch)
    print(
        f"train loss {train_loss:.3f}, train acc {train_acc:.3f}, "
        f"test acc {test_acc:.3f}"
    )


# %% a constant rate
lr, num_epochs = 0.1, 2
net = net_fn()
net.apply(d2l.init_cnn)
trainer = torch.optim.SGD(net.parameters(), lr=lr)
train(net, train_iter, test_iter, num_epochs, loss, trainer, device)
trainer.param_groups[0]["lr"] = 0.05
print(f"learning rate is now {trainer.param_groups[0]['lr']:.2f}")


# %% a schedule of one's own
class SquareRoot:
    def __init__(self, lr=0.1):
        self.lr = lr

    def __call__(self, num_update):
        return self.lr * (num_update + 1.0) ** -0.5


scheduler = SquareRoot(lr=0.1)
d2l.plot(d2l.arange(num_epochs), [scheduler(t) for t in range(num_epochs)])
net = net_fn()
net.apply(d2l.init_cnn)
trainer = torch.optim.SGD(net.parameters(), lr)
train(net, train_iter, test_iter, num_epochs, loss, trainer, device, scheduler)

# %% the framework's own
net = net_fn()
net.apply(d2l.init_cnn)
trainer = torch.optim.SGD(net.parameters(), lr=0.1)
scheduler = lr_scheduler.MultiStepLR(trainer, milestones=[1], gamma=0.5)
train(net, train_iter, test_iter, num_epochs, loss, trainer, device, scheduler)
print(f"learning rate is now {scheduler.get_last_lr()[0]:.3f}")


# %% a cosine
def cosine(epoch):
    return 0.01 + 0.09 * (1 + math.cos(math.pi * epoch / num_epochs)) / 2


net = net_fn()
net.apply(d2l.init_cnn)
trainer = torch.optim.SGD(net.parameters(), lr=0.1)
train(net, train_iter, test_iter, num_epochs, loss, trainer, device, cosine)

# %% the book's own loop
d2l.train_ch6(net_fn(), train_iter, test_iter, num_epochs, 0.1, device)
