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
# gradient descent reads one. Every size between the two is possible: draw a
# batch $\mathcal{B}$ of $B$ examples, and step along the average of their
# gradients,
#
# $$\mathbf{x} \leftarrow \mathbf{x} - \frac{\eta}{B}
# \sum_{i \in \mathcal{B}} \nabla f_i(\mathbf{x}).$$
#
# Which $B$ is best? This page compares two things: how well a batch estimates
# the gradient, and how efficiently a machine works through it.
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
# ## How well a batch estimates the gradient
#
# The average of $B$ independent draws has the same mean as one of them, and a
# variance that is $B$ times smaller. So the error of the gradient, its
# distance from the true one, falls like $1/\sqrt{B}$: a tenth of the error
# needs a hundred times as many rows.
#
# The data are NASA's measurements of the noise of an airfoil: 1500 rows of
# five features and the sound pressure, each column with mean 0 and
# variance 1. For the linear model and half the squared error, at weights 0,
# the gradient of row $i$ is $-y_i\,\mathbf{x}_i$. We average it over random
# batches of each size, 200 times, and print the typical distance (the root of
# the mean square) from the average over all rows.

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
# error falls with the root. Beyond that it falls faster, because a batch has
# each row at most once and then holds a good part of them all; with all 1500
# rows there is no error.

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
# So far everything speaks for $B = 1$. A hundred steps along single examples
# read as much as one step along the average of a hundred, and each of them
# can change the direction.
#
# ## What an operation costs
#
# But the rows that are read are only a part of the cost. Each operation on a
# tensor has a cost of its own, whatever the size of the tensor: the
# interpreter looks the function up, and the framework checks shapes and types
# and makes room for the result. Here is the product $\mathbf{X}\mathbf{w}$ of
# all 1500 rows, one row at a time, 10 at a time, 100, and all at once. The
# arithmetic is the same.

# %%
w = d2l.ones((feature_dim, 1))


def seconds_for(size):
    data_iter, _ = d2l.get_data_ch11(batch_size=size)
    batches = [X for X, _ in data_iter]
    d2l.numpy(d2l.matmul(batches[0], w))  # its first use is slower
    start = time.perf_counter()
    for X in batches:
        y_hat = d2l.matmul(X, w)
    d2l.numpy(y_hat)  # waits until it is done
    return time.perf_counter() - start


for size in sizes:
    print(f"batches of {size:4}: {1e3 * seconds_for(size):8.3f} ms")

# %% [markdown]
# **Look at** the first two lines: ten times as many rows to a batch make it
# almost ten times as fast, because the time goes into the number of
# operations and hardly into the rows. For larger batches the arithmetic
# begins to count, and they gain less and less. On a graphics processor, which
# works on many rows at once, that happens later.
#
# ## From scratch
#
# The rule is that of gradient descent. `train_ch11` gives it the gradient of
# the average loss of the batch.


# %%
def sgd(params, grads, states, hyperparams):
    ### BEGIN SOLUTION
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)
    ### END SOLUTION


# %% [markdown]
# We train once with each size. Larger batches have less noise, and so they
# allow a higher rate, up to where gradient descent itself diverges; each size
# has a rate here that suits it. They also need more epochs for the same
# number of steps. The harness evaluates the loss on all rows every 20 steps.
# (With `compile="auto"` the loop is compiled where that shortens the wait, as
# the run with single rows has thousands of steps.)

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
        compile="auto",
    )
    num_steps = num_epochs * len(data_iter)
    steps = np.minimum(20 * np.arange(len(losses)), num_steps)
    runs[size] = steps * num_epochs / num_steps, np.array(times), losses


# %% [markdown]
# **Look at** the whole data at a time first. There are few points, as 60
# epochs are only 60 steps, and the loss does not go up and down. After the
# first 20 steps it is already at its least value, 0.2417.

# %%
train(1500, 0.8, 60)

# %% [markdown]
# **Look at** the epochs for single rows. Within one epoch the loss is within
# a few thousandths of the least value. After that it goes up and down between
# 0.242 and 0.250, and comes no closer.

# %%
train(1, 0.005, 2)

# %% [markdown]
# **Look at** ten rows at a time: the loss comes down within the same half
# epoch. A tenth of the steps, each with ten times the rate, have gone as far
# as the single rows did, and are about as noisy at the end.

# %%
train(10, 0.05, 2)

# %% [markdown]
# **Look at** a hundred rows at a time. In proportion to the batch the rate
# would be 0.5; with 0.2 the loss is down after an epoch and a third, and
# varies less after that.

# %%
train(100, 0.2, 6)

# %% [markdown]
# Here they are together.
#
# **Look at** the order of the curves over the epochs, that is, over the
# number of rows read. Single rows and batches of ten come down together,
# batches of a hundred after them, and the whole data comes last. This order
# is a property of the data and the rule, and the same on every framework.


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
# **Look at** the same curves over seconds. Now the order depends on the
# framework and the machine. On most frameworks single rows are last, or near
# the end: a step with one row takes about as long as one with ten, and there
# are ten times as many. Where a framework compiles the whole loop, single
# rows can be as fast as the others: most of the time is then what each run
# needs before its first step.

# %%
d2l.figure("seconds")
together(1, "seconds")
for size, (epochs, times, losses) in runs.items():
    there = np.argmax(np.array(losses) < 0.25)
    print(f"B = {size:4} is below 0.25", end=" ")
    print(f"after {epochs[there]:.2f} epochs, {1e3 * times[there]:.2f} ms")

# %% [markdown]
# Differences of a few milliseconds do not matter by themselves. But the same
# holds for larger models: a batch that is too small spends the time on the
# cost of operations, one that is too large reads more rows than it needs, and
# between the two there is a wide range in which the size makes little
# difference.
#
# ## The framework's own
#
# Every framework but NumPy has SGD. We give it the same start and the same
# batches of ten rows as above.
#
# **Look at** the difference that is printed, and compare the curve with that
# of batches of ten above: they are the same.

# %%
builtin = lesson.builtin(d2l, "sgd", {"lr": 0.05})
if builtin is None:
    print(f"{d2l.name} has no SGD of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    data_iter, _ = d2l.get_data_ch11(batch_size=10)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - runs[10][2][-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * The average gradient of $B$ rows has an error $\sqrt{B}$ times smaller
#   than that of a single row, and reads $B$ times as many rows.
# * An operation on a tensor has a cost of its own, so that $B$ rows at once
#   take much less time than $B$ times one row, up to some $B$ that depends on
#   the machine.
# * Minibatches are a compromise between the two. With a rate that grows along
#   with $B$, batches of moderate size make as much progress per row as single
#   rows do.
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
#    what has it to do with how similar neighbouring rows are?
# 6. Begin with $B = 1$ and double it every tenth of an epoch at a constant
#    rate. Compare it with a constant $B$ and a falling rate, at the same
#    number of rows read.
#
# ### Counting steps
#
# Write `num_steps(n, batch_size, num_epochs)`: how many steps a training
# takes, if each epoch visits all `n` rows and its last batch may be smaller
# than the others.


# %%
def num_steps(n, batch_size, num_epochs):
    ### BEGIN SOLUTION
    return num_epochs * -(-n // batch_size)
    ### END SOLUTION


for size in (1, 7, 100):
    print(f"batches of {size:3}: {num_steps(1500, size, 2)} steps")

# %% [markdown]
# ### The variance of a batch's mean
#
# Write `batch_variance(n, size)`: the variance of the mean over `size` rows
# that are drawn without replacement from `n`, where the variance of single
# rows is 1 (exercise 1 derives the formula).


# %%
def batch_variance(n, size):
    ### BEGIN SOLUTION
    return (n - size) / (n - 1) / size
    ### END SOLUTION


for size, measured in zip(several, errors):
    predicted = spread * np.sqrt(batch_variance(1500, size))
    print(
        f"{size:4} rows: {predicted:.3f} predicted, {measured:.3f} measured"
    )
