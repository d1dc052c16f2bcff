# ruff: noqa
"""Cells in the manner of the Chinese PyTorch edition, chapter 7."""

# %% introduction
import time

import numpy as np
import torch
from mpl_toolkits import mplot3d
from torch import nn, optim

from d2lopt import torch as d2l


def f(x):
    return x * np.cos(np.pi * x)


d2l.set_figsize((4.5, 2.5))
x = np.arange(-1.0, 2.0, 0.1)
(fig,) = d2l.plt.plot(x, f(x))
fig.axes.annotate(
    "here", xy=(-0.3, -0.25), xytext=(-0.77, -1.0), arrowprops=dict(arrowstyle="->")
)
d2l.plt.xlabel("x")
d2l.plt.ylabel("f(x)")
x, y = np.mgrid[-1:1:31j, -1:1:31j]
z = x**2 - y**2
d2l.set_figsize((6, 4))
ax = d2l.plt.figure().add_subplot(111, projection="3d")
ax.plot_wireframe(x, y, z, **{"rstride": 2, "cstride": 2})


# %% gradient descent
def show_trace(res):
    f_line = np.arange(-10, 10, 0.1)
    d2l.set_figsize()
    d2l.plt.plot(f_line, [x * x for x in f_line])
    d2l.plt.plot(res, [x * x for x in res], "-o")


show_trace([10, 6, 3.6])


def gd_2d(x1, x2, s1, s2):
    return x1 - 0.1 * 2 * x1, x2 - 0.1 * 4 * x2, 0, 0


d2l.show_trace_2d(lambda x1, x2: x1**2 + 2 * x2**2, d2l.train_2d(gd_2d))
# %% minibatch stochastic gradient descent
features, labels = d2l.get_data_ch7()
assert features.shape == torch.Size([1500, 5])
assert labels.shape == torch.Size([1500])


def sgd(params, states, hyperparams):
    for p in params:
        p.data -= hyperparams["lr"] * p.grad.data


def train_ch7(
    optimizer_fn, states, hyperparams, features, labels, batch_size=10, num_epochs=2
):
    net, loss = d2l.linreg, d2l.squared_loss
    w = torch.nn.Parameter(
        torch.tensor(
            np.random.normal(0, 0.01, size=(features.shape[1], 1)), dtype=torch.float32
        )
    )
    b = torch.nn.Parameter(torch.zeros(1, dtype=torch.float32), requires_grad=True)

    def eval_loss():
        return loss(net(features, w, b), labels).mean().item()

    ls = [eval_loss()]
    data_iter = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(features, labels), batch_size, shuffle=True
    )
    for _ in range(num_epochs):
        start = time.time()
        for batch_i, (X, y) in enumerate(data_iter):
            l = loss(net(X, w, b), y).mean()
            if w.grad is not None:
                w.grad.data.zero_()
                b.grad.data.zero_()
            l.backward()
            optimizer_fn([w, b], states, hyperparams)
            if (batch_i + 1) * batch_size % 100 == 0:
                ls.append(eval_loss())
    print("loss: %f, %f sec per epoch" % (ls[-1], time.time() - start))
    d2l.set_figsize()
    d2l.plt.plot(np.linspace(0, num_epochs, len(ls)), ls)


train_ch7(sgd, None, {"lr": 1}, features, labels, 1500, 6)
train_ch7(sgd, None, {"lr": 0.05}, features, labels, 10)
d2l.train_ch7(sgd, None, {"lr": 0.05}, features, labels, 10)
d2l.train_pytorch_ch7(optim.SGD, {"lr": 0.05}, features, labels, 10)


# %% momentum
def init_momentum_states():
    v_w = torch.zeros((features.shape[1], 1), dtype=torch.float32)
    v_b = torch.zeros(1, dtype=torch.float32)
    return v_w, v_b


def sgd_momentum(params, states, hyperparams):
    for p, v in zip(params, states):
        v.data = hyperparams["momentum"] * v.data + hyperparams["lr"] * p.grad.data
        p.data -= v.data


numbers = {"lr": 0.004, "momentum": 0.9}
d2l.train_ch7(sgd_momentum, init_momentum_states(), numbers, features, labels)
d2l.train_pytorch_ch7(torch.optim.SGD, numbers, features, labels)


# %% adam
def init_adam_states():
    v, s = init_momentum_states(), init_momentum_states()
    return (v[0], s[0]), (v[1], s[1])


def adam(params, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s) in zip(params, states):
        v[:] = beta1 * v + (1 - beta1) * p.grad.data
        s[:] = beta2 * s + (1 - beta2) * p.grad.data**2
        v_hat = v / (1 - beta1 ** hyperparams["t"])
        s_hat = s / (1 - beta2 ** hyperparams["t"])
        p.data -= hyperparams["lr"] * v_hat / (torch.sqrt(s_hat) + eps)
    hyperparams["t"] += 1


d2l.train_ch7(adam, init_adam_states(), {"lr": 0.01, "t": 1}, features, labels)
d2l.train_pytorch_ch7(torch.optim.Adam, {"lr": 0.01}, features, labels)
