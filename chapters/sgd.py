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
# # Stochastic gradient descent
#
# The loss of a model is an average over its $n$ training examples, and so is
# the gradient:
#
# $$f(\mathbf{x}) = \frac{1}{n} \sum_{i=1}^n f_i(\mathbf{x}), \qquad
# \nabla f(\mathbf{x}) = \frac{1}{n} \sum_{i=1}^n \nabla f_i(\mathbf{x}).$$
#
# One step of gradient descent reads all of them. With twice the data a step
# costs twice as much, and is still one step. Stochastic gradient descent
# (Robbins and Monro, 1951) draws one example $i$ at random and uses its
# gradient instead:
#
# $$\mathbf{x} \leftarrow \mathbf{x} - \eta\,\nabla f_i(\mathbf{x}).$$
#
# The gradient of a single example may be far from the average. But every
# example is equally likely to be drawn, so that on average over the draws
#
# $$\mathbb{E}_i\,\nabla f_i(\mathbf{x}) = \nabla f(\mathbf{x}):$$
#
# the direction is right, up to noise of mean zero, at a cost that does not
# depend on $n$. This page is about that noise: what it does, and how to
# reduce it.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import math

import numpy as np

from d2lopt import lesson

d2l = lesson.start("sgd")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## A noisy valley
#
# To see the effect of the noise alone, take
# $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$ again, and add to each entry of its
# gradient $(0.2\,x_1,\ 4\,x_2)$ a random number of mean 0 and variance 1.
# NumPy draws these numbers from one seed, so that the walk is the same on
# every framework. The rate is a function of $t$, the number of steps done; at
# first it is constant.


# %%
def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def noisy_walk(rate, steps=1000):
    rng = np.random.default_rng(0)
    ts = iter(range(steps))

    def sgd_2d(x1, x2, s1, s2):
        eta = rate(next(ts))
        g1 = 0.2 * x1 + rng.normal()
        g2 = 4 * x2 + rng.normal()
        return x1 - eta * g1, x2 - eta * g2, 0, 0

    walk = d2l.train_2d(sgd_2d, steps)
    d2l.show_trace_2d(f_2d, walk)
    height = np.mean([f_2d(*point) for point in walk[-500:]])
    print(f"f, on average over the last 500 steps: {height:.4f}")


# %% [markdown]
# **Look at** the cloud of points. The way to the valley floor is short and
# fairly straight. Then the walk moves along the floor to the minimum, and
# does not stop there: the true gradient is almost zero, and every step
# follows the noise. The cloud is wider in the flat direction, where the
# gradient that pulls $x_1$ back is weaker.

# %%
d2l.figure("constant")
noisy_walk(lambda t: 0.1)

# %% [markdown]
# How large is the cloud? In one direction of curvature $h$, with noise of
# variance $\sigma^2$, a step makes $x$ into $(1 - \eta h)\,x - \eta\,e$. The
# variance $v$ of $x$ stays the same from step to step if
# $v = (1 - \eta h)^2\,v + \eta^2 \sigma^2$, and then the average height above
# the minimum is
#
# $$\frac{h v}{2} = \frac{\eta\,\sigma^2}{2\,(2 - \eta h)}
# \approx \frac{\eta\,\sigma^2}{4},$$
#
# whatever the curvature, if $\eta h$ is small. For $\eta = 0.1$ and the two
# directions of the valley that is 0.025 + 0.031 = 0.056. (The walk above
# gives 0.076, a third more. In the flat direction it takes some 50 steps to
# forget a position, so its last 500 steps are few independent samples.) Half
# the rate leaves half the height, and needs twice as many steps to get there.
#
# ## Rates that fall
#
# So it is good to begin with long steps and to end with short ones. The
# question is how fast the rate should fall. Two common answers are
#
# $$\eta(t) = \eta_0\,e^{-\lambda t} \quad \text{(exponential)}, \qquad
# \eta(t) = \eta_0\,(1 + \beta t)^{-\alpha} \quad \text{(polynomial)}.$$
#
# **Look at** where the exponential walk ends, with $\lambda = 0.1$. There is
# no cloud, but it is far from the minimum. The rates add up to a finite sum,
# however many steps follow: here $\sum_t \eta(t)$ is about 1. The walk stops
# on the valley floor, with most of the way left.

# %%
d2l.figure("exponential")
noisy_walk(lambda t: 0.1 * math.exp(-0.1 * t))

# %% [markdown]
# **Look at** the polynomial one, with $\alpha = 0.5$ and $\beta = 0.1$. It
# arrives, and the cloud around the minimum is smaller and still shrinks. The
# rates add up to infinity, $\sum_t \eta(t) = \infty$, so that no minimum is
# too far away; and they go to zero, so that the noise does, too. With an
# $\alpha$ above ½, and up to 1, the sum of the squares $\sum_t \eta(t)^2$ is
# finite besides. These two sums are the conditions under which Robbins and
# Monro proved that the walk converges to the minimum.

# %%
d2l.figure("polynomial")
noisy_walk(lambda t: 0.1 * (1 + 0.1 * t) ** -0.5)

# %% [markdown]
# ## From scratch
#
# The rule is that of gradient descent. It is stochastic because of the
# gradient that it is given.


# %%
def sgd(params, grads, states, hyperparams):
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: 1500 rows of
# five features and the sound pressure, each column with mean 0 and
# variance 1. The model is linear, the loss is half the mean squared error,
# and its least value on these rows is 0.2417. With `batch_size=1` a step uses
# one row, and an epoch has 1500 steps. (As there are so many steps, we pass
# `compile="auto"`: the loop is compiled where that shortens the wait. The
# rule is the same.)
#
# **Look at** how noisy the curve stays after the first hundred steps or so,
# and how far above 0.2417 it is. The second epoch is about as high as the
# first.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=1)
d2l.figure("scratch")
_, losses = d2l.train_ch11(
    sgd, None, {"lr": 0.05}, data_iter, feature_dim, compile="auto"
)
print(f"on average over the second epoch: {np.mean(losses[76:]):.3f}")

# %% [markdown]
# A hyperparameter may be a function of the number of steps done, here a
# polynomial decay from the same 0.05. By the end of the run it has come down
# to 0.003.
#
# **Look at** the second half: the noise has become smaller with the rate, and
# the loss is close to its least value.


# %%
def falling(t):
    return 0.05 * (1 + 0.1 * t) ** -0.5


d2l.figure("falling")
_, falling_losses = d2l.train_ch11(
    sgd, None, {"lr": falling}, data_iter, feature_dim, compile="auto"
)
print(f"on average over the second epoch: {np.mean(falling_losses[76:]):.3f}")

# %% [markdown]
# ## The framework's own
#
# This is the constant rate again, from the same start, one row at a time in
# the same order.
#
# **Look at** the curve: it has every jump of the first one, because the rows,
# and with them the noise, are the same.

# %%
builtin = lesson.builtin(d2l, "sgd", {"lr": 0.05})
if builtin is None:
    print(f"{d2l.name} has no SGD of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * The gradient of one example, drawn at random, is the true gradient plus
#   noise of mean zero. A step costs the same however many examples there are.
# * With a constant rate the noise keeps the loss above its least value, by an
#   amount roughly in proportion to the rate.
# * A falling rate makes the noise smaller and smaller. If it falls too fast,
#   the walk stops before it has arrived.
#
# ## Exercises
#
# 1. Measure the average height of the constant walk for $\eta$ = 0.02, 0.05,
#    0.1, 0.2 and 0.4, over enough steps, and compare it with the formula.
#    Where does the approximation $\eta\,\sigma^2/4$ fail?
# 2. How far along the floor can the exponential walk get without noise? For
#    which $\lambda$ would it halve its distance from the minimum?
# 3. Try $\alpha$ = 0.25, 0.75 and 1 in the polynomial decay, in the valley
#    and on the airfoil. Which would you use for 1000 steps, and which for 100
#    000?
# 4. Average the last half of the points of the constant walk instead of
#    taking the last one (Polyak and Ruppert). How high above the minimum is
#    the average?
# 5. Here each epoch visits every row once, in a new order. Draw rows with
#    replacement instead: give `train_ch11` a list of pairs of your own. What
#    share of the rows does an epoch then miss on average? Does it change the
#    loss?
# 6. Is the noise of the airfoil's gradients as large at the minimum as it is
#    at the start? Compute the variance of $\nabla f_i$ at both.
