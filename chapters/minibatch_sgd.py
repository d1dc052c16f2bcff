# ---
# jupyter:
#   jupytext:
#     formats: py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Minibatches
#
# Gradient descent reads all $n$ examples before it takes one step; stochastic
# gradient descent reads one. There is everything in between: draw a batch
# $\mathcal{B}$ of $B$ examples, and step along their average,
#
# $$\mathbf{x} \leftarrow \mathbf{x} - \frac{\eta}{B}
# \sum_{i \in \mathcal{B}} \nabla f_i(\mathbf{x}).$$
#
# What speaks for which $B$? This page weighs two things against each other:
# what a batch tells about the gradient, and what a machine needs to work
# through it.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import time

import numpy as np

from d2lopt import lesson

d2l = lesson.start("minibatch_sgd")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## What a batch tells
#
# The average of $B$ independent draws has the same mean as one of them, and a
# variance that is $B$ times smaller. The error of the gradient, its distance
# from the true one, falls like $1/\sqrt{B}$: for a tenth of the error, read a
# hundred times as much.
#
# The data are NASA's measurements of the noise of an airfoil: 1500 rows of
# five features and the sound pressure, each column with mean 0 and variance
# 1. For the linear model and half the squared error, at weights 0, the
# gradient of row $i$ is $-y_i\,\mathbf{x}_i$. We take the average over
# batches of each size, again and again, and see how far it is from the
# average over all rows.

# %%
sizes = [1, 10, 100, 1500]
all_rows, feature_dim = d2l.get_data_ch11(batch_size=1500)
X, y = (d2l.numpy(array) for array in next(iter(all_rows)))
gradients = -y.reshape(-1, 1) * X
rng = np.random.default_rng(0)


def error(size, draws=200):
    far = []
    for _ in range(draws):
        rows = rng.choice(1500, size, replace=False)
        far.append(gradients[rows].mean(0) - gradients.mean(0))
    return np.sqrt(np.mean(np.sum(np.square(far), 1)))


several = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
errors = [error(size) for size in several]
off = gradients - gradients.mean(0)
spread = np.sqrt(np.mean(np.sum(np.square(off), 1)))
for size in (1, 10, 100):
    print(f"batches of {size}: {errors[several.index(size)]:.3f} off")

# %% [markdown]
# **Look at** the two lines. Up to two hundred rows they lie together: the
# error falls as the square root says. Beyond that the batch does better than
# the root, as it has a good part of all the rows there are, each of them
# once; with all 1500 there would be no error left.

# %%
d2l.figure("noise")
d2l.plot(
    several,
    [errors, spread / np.sqrt(several)],
    xlabel="rows in a batch",
    ylabel="error of the gradient",
    legend=["measured", "∝ 1/√B"],
    xscale="log",
    yscale="log",
    fmts=("C0o-", "k:"),
)

# %% [markdown]
# So far all is in favour of $B = 1$. A hundred steps along single examples
# cost as much reading as one step along the average of a hundred, and they
# can turn on the way.
#
# ## What a machine needs
#
# But reading is not all. Each operation on a tensor has its own price,
# whatever the size of the tensor: the interpreter finds the function, the
# framework checks shapes and types and makes room for the result. Here is
# the product $\mathbf{X}\mathbf{w}$ of all 1500 rows, taken one row at a
# time, 10, 100, and all at once. The arithmetic is the same.

# %%
w = d2l.ones((feature_dim, 1))


def seconds_for(size):
    data_iter, _ = d2l.get_data_ch11(batch_size=size)
    batches = [X for X, _ in data_iter]
    d2l.numpy(d2l.matmul(batches[0], w))  # what loads at first use, loads now
    start = time.perf_counter()
    for X in batches:
        y_hat = d2l.matmul(X, w)
    d2l.numpy(y_hat)  # waits until it is done
    return time.perf_counter() - start


for size in sizes:
    print(f"batches of {size:4}: {1e3 * seconds_for(size):8.3f} ms")

# %% [markdown]
# Up to a hundred rows, ten times as many to a batch make it several times as
# fast: what costs is the number of operations, and hardly the rows in them.
# Somewhere the rows begin to count, and larger batches gain less and less;
# on wide hardware, such as a graphics processor, that is later.
#
# ## From scratch
#
# The rule is that of gradient descent once more. `train_ch11` gives it the
# gradient of the batch's average loss.


# %%
def sgd(params, grads, states, hyperparams):
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)


# %% [markdown]
# One run for each size. Larger batches have less noise, and so they allow a
# higher rate, up to where gradient descent itself would diverge; each size
# has one here that suits it. They also need more epochs for the same number
# of steps. The harness looks at the loss on all rows every 20 steps. (With
# `compile=True` the loop is compiled where the framework gains from it: the
# runs with single rows have thousands of steps.)

# %%
runs = {}


def train(size, lr, num_epochs):
    data_iter, feature_dim = d2l.get_data_ch11(batch_size=size)
    d2l.figure(f"batch-{size}")
    times, losses = d2l.train_ch11(
        sgd,
        None,
        {"lr": lr},
        data_iter,
        feature_dim,
        num_epochs,
        compile=True,
    )
    num_steps = num_epochs * len(data_iter)
    steps = np.minimum(20 * np.arange(len(losses)), num_steps)
    runs[size] = steps * num_epochs / num_steps, np.array(times), losses


# %% [markdown]
# **Look at** the whole data at a time first. The curve is smooth, and has
# few points, as 60 epochs are only 60 steps. At the first look, after 20 of
# them, the loss is all but at its least value, 0.2417.

# %%
train(1500, 0.8, 60)

# %% [markdown]
# **Look at** the epochs for single rows. Within one of them the loss is
# within a few thousandths of the least value; but then it wavers between
# 0.242 and 0.250, and comes no nearer.

# %%
train(1, 0.005, 2)

# %% [markdown]
# **Look at** ten rows at a time: the same way down in the same half epoch. A
# tenth of the steps, each with ten times the rate, have gone as far as the
# 1500 steps above, and are about as noisy in the end.

# %%
train(10, 0.05, 2)

# %% [markdown]
# **Look at** a hundred rows at a time. Ten times ten times the rate would be
# 0.5; with 0.2 the way down takes an epoch and a half, and what comes after
# is calmer.

# %%
train(100, 0.2, 6)

# %% [markdown]
# Here they are together.
#
# **Look at** the order of the curves over the epochs, which count the rows
# that were read. Single rows and tens go down together, hundreds behind them,
# and the whole data comes last. This order is that of statistics, and the
# same on every framework.


# %%
def together(x, xlabel):
    kept = slice(1, None)  # the start is at 0, which has no logarithm
    d2l.plot(
        [run[x][kept] for run in runs.values()],
        [run[2][kept] for run in runs.values()],
        xlabel=xlabel,
        ylabel="loss (½·MSE)",
        xscale="log",
        ylim=(0.235, 0.35),
        legend=[f"B = {size}" for size in runs],
        fmts=("C0o-", "C1-", "C2-", "C3o-"),
    )


d2l.figure("epochs")
together(0, "epoch")

# %% [markdown]
# **Look at** the same curves over the seconds that they took. This order is
# the machine's. On most frameworks single rows have moved to the back or near
# it: a step with one row costs about as much as one with ten. They keep up
# only where the loop has been compiled so well that a step costs little
# beside its arithmetic; then most of the time is what it takes to get going,
# and that all of them pay alike.

# %%
d2l.figure("seconds")
together(1, "seconds")
for size, (epochs, times, losses) in runs.items():
    there = np.argmax(np.array(losses) < 0.25)
    print(f"B = {size:4} is below 0.25", end=" ")
    print(f"after {epochs[there]:.2f} epochs, {1e3 * times[there]:.2f} ms")

# %% [markdown]
# A few thousandths of a second are nothing to decide on. But models are
# larger than this one, and what these curves say of them holds: too small a
# batch leaves the machine idle, too large a one reads more than it learns,
# and there is a wide range between the two in which it matters little.
#
# ## The framework's own
#
# Every framework but NumPy brings SGD. From the same start, with the same ten
# rows at a time as above, it is to find the same loss.
#
# **Look at** the printed difference, and then for the curve of batches of 10
# above: this is the same one.

# %%
builtin = lesson.builtin(d2l, "sgd", {"lr": 0.05})
if builtin is None:
    print(f"{d2l.name} has no SGD of its own.")
else:
    trainer, hyperparams = builtin
    print(trainer, hyperparams)
    data_iter, _ = d2l.get_data_ch11(batch_size=10)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - runs[10][2][-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * The average gradient of $B$ rows is off by $1/\sqrt{B}$ of what a single
#   row's is, and costs $B$ times the reading.
# * An operation on a tensor has a price of its own, so that $B$ rows at once
#   are much cheaper than $B$ times one row, up to some $B$ that depends on
#   the machine.
# * Minibatches are where the two meet. With a rate that grows along with $B$,
#   moderate batches go as far per row as single rows do.
#
# ## Exercises
#
# 1. Rows are drawn without replacement here. Show that the variance is then
#    $(n - B)/(n - 1)$ of that of independent draws, and put the curve into
#    the first figure.
# 2. Train with $B = 1500$ and $\eta = 1$, and with $B = 1$ and
#    $\eta = 0.4$. Which of the two failures is about curvature, and which is
#    about noise?
# 3. Give all four sizes the rate 0.05. What does the picture over epochs look
#    like now, and would you conclude the same from it?
# 4. Time `seconds_for` with 1, 2, 4, …, 1024 rows, and find the size from
#    which on doubling it gains less than a fifth. Then do the same with a
#    matrix of 256 columns in the place of $\mathbf{w}$.
# 5. Take the first 1000 rows in the order of the file, without shuffling, ten
#    at a time (give `train_ch11` a list of pairs). What does the loss do, and
#    what do the neighbours of a row have to do with it?
# 6. Begin with $B = 1$ and double it every tenth of an epoch at a constant
#    rate. Compare with a constant $B$ and a falling rate, row for row.
