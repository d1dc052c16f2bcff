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
# # Adagrad
#
# Some features occur in every example, and some in one of a thousand: the
# word "the", and the word "preconditioner". A weight learns only from
# examples in which its feature is not zero, so the weights of rare features
# see few gradients. A rate that falls with the number of all steps does not
# suit them: when their example comes, the rate is already small. It would be
# better if the rate of each weight fell with the gradients of that weight
# alone.
#
# Adagrad (Duchi, Hazan and Singer, 2011) does that. It adds up the squares of
# each weight's gradients, in a state $\mathbf{s}$ of the parameter's shape,
# and divides by the root:
#
# $$\mathbf{s} \leftarrow \mathbf{s} + \mathbf{g}^2, \qquad
# \mathbf{x} \leftarrow \mathbf{x} -
# \frac{\eta}{\sqrt{\mathbf{s} + \epsilon}} \odot \mathbf{g}.$$
#
# All operations act on each coordinate by itself, and $\epsilon$ keeps the
# quotient finite where there has been no gradient yet. A weight that has seen
# $m$ gradients of about the same size has a rate in proportion to
# $1/\sqrt{m}$, however many the others have seen.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import math

import numpy as np

from d2lopt import lesson

d2l = lesson.start("adagrad")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## Rare features
#
# Eight features are one or zero. The first is one in half of the examples,
# the second in a quarter, the last in one of 256. The target is their sum
# with some noise, so that each weight ought to become 1. We learn from 2000
# examples, one at a time, in three ways: with a constant rate; with one that
# falls as $1/\sqrt{t+1}$; and with Adagrad. NumPy does it a hundred times at
# once, each time with other examples, and we average the results, so that
# they do not depend on chance.

# %%
frequency = 1 / 2.0 ** np.arange(1, 9)


def learn(rate, steps=2000, runs=100):
    """The distance of each weight from 1, averaged over the runs."""
    rng = np.random.default_rng(0)
    w, s = np.zeros((2, runs, 8))
    for t in range(steps):
        x = (rng.random((runs, 8)) < frequency).astype(float)
        y = x.sum(1) + rng.normal(0, 0.5, runs)
        g = ((x * w).sum(1) - y)[:, None] * x
        s += g**2
        w -= rate(t, s) * g
    return np.abs(w - 1).mean(0)


ways = {
    "constant, 0.1": lambda t, s: 0.1,
    "falling, 1/√(t+1)": lambda t, s: 1 / math.sqrt(t + 1),
    "Adagrad, 0.3": lambda t, s: 0.3 / np.sqrt(s + 1e-6),
}
distances = {way: learn(rate) for way, rate in ways.items()}
for way, distance in distances.items():
    print(f"{way:>18}:", " ".join(f"{d:.2f}" for d in distance))

# %% [markdown]
# **Look at** the two ends. On the left are the frequent features. There the
# constant rate is the worst, as it keeps following the noise, and the two
# that fall are equally good. On the right are the rare ones, with about eight
# examples in all for the last. The falling rate has left its weight at a
# distance of 0.7 from 1, and the constant one at 0.45. Adagrad's rate for
# this weight has fallen with its own eight gradients only, and the distance
# is 0.24.

# %%
d2l.figure("sparse")
d2l.plot(
    1 / frequency,
    list(distances.values()),
    xlabel="one example in so many has the feature",
    ylabel="distance of its weight from 1",
    xscale="log",
    legend=list(distances),
    fmts=("C0s--", "C1^--", "C2o-"),
)

# %% [markdown]
# ## A valley, seen from above
#
# For $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$ the gradient is
# $(0.2\,x_1,\ 4\,x_2)$. Here are the equations for two numbers, with
# $\eta = 0.4$.
#
# **Look at** the first step: $\mathbf{s}$ is then the square of the first
# gradient, and both coordinates move by $\eta$, the steep one and the flat
# one. But each step is shorter than the one before. After twenty steps $x_1$
# has gone half of the way, and after a hundred, as the second printed line
# says, it has not arrived.


# %%
eta, eps = 0.4, 1e-6


def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def adagrad_2d(x1, x2, s1, s2):
    g1, g2 = 0.2 * x1, 4 * x2
    ### BEGIN SOLUTION
    s1 += g1**2
    s2 += g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    ### END SOLUTION
    return x1, x2, s1, s2


d2l.figure("valley")
d2l.show_trace_2d(f_2d, d2l.train_2d(adagrad_2d))
_ = d2l.train_2d(adagrad_2d, steps=100)

# %% [markdown]
# **Look at** $\eta = 2$, a rate at which gradient descent diverges in the
# steep direction. The first step has the length $\eta$, and takes $x_2$ to
# the valley floor, because it started at a distance of exactly 2. The rest
# goes straight along the floor, and arrives. As the steps become shorter by
# themselves, a large $\eta$ is less of a risk than in gradient descent: it is
# the length of the first step.

# %%
eta = 2
d2l.figure("larger")
d2l.show_trace_2d(f_2d, d2l.train_2d(adagrad_2d))

# %% [markdown]
# ## From scratch
#
# The rule keeps one $\mathbf{s}$ for each parameter, of its shape, and starts
# it from zero.


# %%
def init_adagrad_states(feature_dim):
    ### BEGIN SOLUTION
    s_w = d2l.variable(d2l.zeros((feature_dim, 1)))
    s_b = d2l.variable(d2l.zeros(1))
    return s_w, s_b
    ### END SOLUTION


def adagrad(params, grads, states, hyperparams):
    eps = 1e-6
    for p, g, s in zip(params, grads, states):
        ### BEGIN SOLUTION
        d2l.assign(s, s + d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))
        ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss is half the mean squared error, and its least
# value on these rows is 0.2417. `train_ch11` takes ten rows at a time, and
# evaluates the loss on all of them every 20 steps.
#
# **Look at** the first twenty steps, which bring nine tenths of the decrease,
# and at the smooth curve after them. The minibatches are as noisy as ever,
# but the rate has become so small that the loss hardly shows it.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.figure("scratch")
_, losses = d2l.train_ch11(
    adagrad,
    init_adagrad_states(feature_dim),
    {"lr": 0.1},
    data_iter,
    feature_dim,
)

# %% [markdown]
# **Look at** a rate that is too small, 0.01. In gradient descent a rate that
# is too small only needs more steps. Here the steps become shorter as well,
# long before the minimum: twice the distance takes four times as many of
# them.

# %%
d2l.figure("small")
_ = d2l.train_ch11(
    adagrad,
    init_adagrad_states(feature_dim),
    {"lr": 0.01},
    data_iter,
    feature_dim,
)

# %% [markdown]
# ## The framework's own
#
# Frameworks differ in where $\epsilon$ stands, and in what the sum
# $\mathbf{s}$ starts from: 0 with some, 0.1 with others, which makes the
# first steps shorter. Here it starts from 0 on all of them.
#
# **Look at** the difference that is printed. Frameworks with $\epsilon$
# outside the root give almost the same numbers here, because the sum is soon
# so much larger than $\epsilon$.

# %%
builtin = lesson.builtin(d2l, "adagrad", {"lr": 0.1, "eps": 1e-6, "start": 0})
if builtin is None:
    print(f"{d2l.name} has no Adagrad of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * Adagrad divides each coordinate's step by the root of the sum of its
#   squared gradients: each weight has a rate of its own, which falls with the
#   gradients that this weight has seen.
# * Weights of rare features keep a high rate until their examples come.
# * It makes directions of different steepness more alike, as a preconditioner
#   does that uses only the diagonal.
# * The sum never shrinks, so the steps become shorter and shorter, whether
#   the minimum has been reached or not. RMSProp, the next chapter, replaces
#   the sum by an average in which old gradients fade.
#
# ## Exercises
#
# 1. Along a constant gradient of any size, how far has Adagrad come after $t$
#    steps? How many does it need to go twice as far?
# 2. Turn the valley by 45 degrees, as in the chapter on RMSProp, and follow
#    Adagrad from the same start. Why does a method that works on each
#    coordinate by itself do worse now?
# 3. In the experiment with rare features, make the rare ones large instead:
#    let feature $k$ be $2^k$ where it is not zero, with a true weight of
#    $2^{-k}$. Which of the three ways depends on the units of the features?
# 4. Let $\mathbf{s}$ start from 0.1. By what factor is the first step of the
#    airfoil run shorter? Can you tell the difference after an epoch?
# 5. Replace the sum of squares by the sum of absolute values, with and
#    without the root. What does each do in the valley, and how fast do its
#    steps fall?
