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
# # Learning-rate schedules
#
# A high rate makes fast progress, but then the noise of the minibatches keeps
# the loss up. A low rate reaches a lower loss, but slowly. So let the rate be
# a function $\eta(t)$ of the number $t$ of steps done. This page shows the
# usual functions, and then measures what each of them gains on one small
# problem.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import math

import numpy as np

from d2lopt import lesson, schedules
from d2lopt.train import from_scratch

d2l = lesson.start("schedules")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## The shapes
#
# We train for $T = 300$ steps, from $\eta_0 = 0.2$. Each function of
# `schedules` takes the settings, and returns a function of $t$. The first
# three are constant, or constant in parts:
#
# $$\begin{aligned}
# \text{constant:} \quad & \eta(t) = \eta_0 \\
# \text{factor:} \quad &
# \eta(t) = \max(\eta_{\min},\ \eta_0\,\alpha^{\lfloor t/s \rfloor}) \\
# \text{multi-factor:} \quad &
# \eta(t) = \eta_0\,\alpha^{\,\text{milestones reached by } t}
# \end{aligned}$$
#
# The others change with every step; $T$ is the number of steps in all:
#
# $$\begin{aligned}
# \text{square root:} \quad & \eta(t) = \eta_0 / \sqrt{t + 1} \\
# \text{polynomial:} \quad &
# \eta(t) = \eta_T + (\eta_0 - \eta_T)\,(1 - t/T)^{\alpha} \\
# \text{cosine:} \quad & \eta(t) =
# \eta_T + \tfrac{1}{2}\,(\eta_0 - \eta_T)\,(1 + \cos(\pi\,t/T)) \\
# \text{warm-up:} \quad &
# \text{linear from 0 to } \eta_0, \text{ then any of the others.}
# \end{aligned}$$


# %%
T = 300  # two epochs of 150 minibatches


def shapes(lr):
    return {
        "constant": schedules.constant(lr),
        "factor": schedules.factor(lr, by=0.5, every=50),
        "multi-factor": schedules.multi_factor(lr, [150, 225], by=0.1),
        "square root": schedules.square_root(lr),
        "polynomial": schedules.polynomial(lr, T),
        "cosine": schedules.cosine(lr, T),
        "warm-up": schedules.warm_up(schedules.cosine(lr, T - 30), 30),
    }


def show(names):
    t = np.arange(T)
    drawn = shapes(0.2)
    d2l.plot(
        t,
        [[drawn[name](step) for step in range(T)] for name in names],
        xlabel="step",
        ylabel="learning rate",
        legend=names,
    )


# %% [markdown]
# **Look at** the first half: the factor has halved the rate three times by
# step 150, where the multi-factor only begins. They end at similar rates, at
# 0.006 and 0.002.

# %%
d2l.figure("stairs")
show(["constant", "factor", "multi-factor"])

# %% [markdown]
# **Look at** when each of these is high. The square root is below a tenth of
# the start after 100 steps, and falls slowly from there. The polynomial (here
# with $\alpha = 2$) falls more and more slowly. The cosine falls slowly at
# both ends and fastest in the middle. The warm-up is the cosine after a
# linear rise.

# %%
d2l.figure("smooth")
show(["square root", "polynomial", "cosine", "warm-up"])

# %% [markdown]
# ## From scratch
#
# A rule needs no change. Where a hyperparameter is a function, the harness
# calls it before each step and gives the rule a number.


# %%
def sgd(params, grads, states, hyperparams):
    ### BEGIN SOLUTION
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)
    ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss is half the mean squared error, and its least
# value on these rows is 0.2417. With ten rows to a batch, 300 steps are two
# epochs; `train_ch11` evaluates the loss on all rows every 20 steps.
#
# **Look at** the constant rate of 0.2: the loss falls quickly, and then goes
# up and down without end.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.figure("constant")
_ = d2l.train_ch11(
    sgd, None, {"lr": schedules.constant(0.2)}, data_iter, feature_dim
)

# %% [markdown]
# **Look at** the same start with a cosine. In the first epoch there is hardly
# a difference. In the second the rate falls, and the noise with it.

# %%
d2l.figure("cosine")
_ = d2l.train_ch11(
    sgd, None, {"lr": schedules.cosine(0.2, T)}, data_iter, feature_dim
)

# %% [markdown]
# ## All of them, measured
#
# On this scale the ends cannot be told apart. So from here on we draw the
# distance from the least loss, on a logarithmic scale, and print what is left
# of it at the end, in thousandths. `from_scratch` is the part of `train_ch11`
# that trains; it prints and draws nothing. (With `compile="auto"` the loop is
# compiled where that shortens the wait, as there are many runs.)

# %%
all_rows, _ = d2l.get_data_ch11(batch_size=1500)
X, y = (d2l.numpy(array) for array in next(iter(all_rows)))
A = np.hstack([X, np.ones((len(X), 1))])
least = np.linalg.lstsq(A, y, rcond=None)[1].item() / len(y) / 2


STYLE = {
    "constant": "k:",
    "factor": "C0-",
    "multi-factor": "C1-",
    "square root": "C2-",
    "polynomial": "C3--",
    "cosine": "C4--",
    "warm-up": "C5-.",
}


def compare(rule, lr, names, init_states=lambda: None, **more):
    left = {}
    for name in names:
        curve = from_scratch(
            d2l,
            rule,
            init_states(),
            {"lr": shapes(lr)[name], **more},
            data_iter,
            feature_dim,
            compile="auto",
        )
        left[name] = np.array(curve.losses) - least
        print(f"{name:>12}: {1e3 * left[name][-1]:6.2f} thousandths left")
    d2l.plot(
        curve.steps,
        list(left.values()),
        xlabel="step",
        ylabel="loss above the least",
        yscale="log",
        legend=list(left),
        fmts=[STYLE[name] for name in names],
        figsize=(6.0, 4.0),
    )


# %% [markdown]
# **Look at** the dotted line, the constant rate of 0.2. It goes up and down,
# most of the time one to three hundredths above the least loss. Every
# schedule that falls ends below two thousandths, here sixteen times closer
# than the constant or better. They also differ in when the loss comes down:
# the square root is low early, while those that keep the high rate for long
# are as noisy as the constant until it falls. The factors and the order at
# the end depend on the seed (exercise 1).

# %%
d2l.figure("sgd")
compare(sgd, 0.2, list(STYLE))

# %% [markdown]
# **Look at** a start that is ten times lower, 0.02. This constant rate is low
# enough to get within two thousandths by itself. Each schedule that falls
# ends farther away than the constant, and the sooner it falls, the farther.
# The square root is below a tenth of its start after 100 steps, when most of
# the way is still left.

# %%
d2l.figure("sgd-low")
compare(sgd, 0.02, ["constant", "factor", "square root", "cosine"])

# %% [markdown]
# RMSProp divides by the size of the gradients, so its steps are about $\eta$
# long, however near the minimum is. It needs a falling rate as much as SGD
# does.
#
# **Look at** the same comparison at $\eta_0 = 0.05$: the constant rate ends
# three hundredths above the least loss, and those that fall end below two
# thousandths.


# %%
def init_rmsprop_states():
    s_w = d2l.variable(d2l.zeros((feature_dim, 1)))
    s_b = d2l.variable(d2l.zeros(1))
    return s_w, s_b


def rmsprop(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, g, s in zip(params, grads, states):
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))


d2l.figure("rmsprop")
falling = ["square root", "polynomial", "cosine"]
compare(rmsprop, 0.05, ["constant", *falling], init_rmsprop_states, gamma=0.9)

# %% [markdown]
# ## What helped, and what did not
#
# **A falling rate** helped where the start was high, by a factor of sixteen
# and more. **How** it falls mattered less, if it is high for a good part of
# the steps and low at the end. Polynomial and cosine do that with few
# settings: the start, and the number of steps $T$.
#
# **The warm-up** gained nothing here: it is the cosine, a little later. It is
# meant for the first steps of deep networks, where the rate that is right
# later on can diverge at the start. The loss of linear regression has the
# same curvature everywhere, so a rate that diverges at the start diverges at
# any time. Whether a warm-up helps depends on the problem.
#
# **No schedule** made up for a start that is too low.
#
# Frameworks have schedules of their own, as objects that are stepped along
# with the optimizer or as functions of the step like these. One difference to
# know: where the rate is inside the momentum buffer, the buffer keeps the
# steps of the old, higher rate for a while after the rate falls.
#
# ## Summary
#
# * A schedule is a function of the number of steps; any hyperparameter can
#   have one.
# * Begin with a rate that is high, even too high to end with, and end with a
#   low one.
# * Compare schedules by the loss at the end of the training, and with more
#   than one seed.
#
# ## Exercises
#
# 1. Run the comparison at $\eta_0 = 0.2$ with the seeds 1 to 5
#    (`d2l.get_data_ch11(batch_size=10, seed=1)`). Which of the differences
#    between the falling schedules remain?
# 2. Stop after 150 of the 300 steps. Which schedules are ahead now, and which
#    would you choose if you did not know how long you will train?
# 3. Find the highest $\eta_0$ at which each schedule does not diverge. Is it
#    higher with the warm-up than with the cosine alone?
# 4. Restart the cosine: four times 75 steps, each from 0.2 down to 0. Write
#    it as a function of $t$, and compare the loss at the ends of the four
#    parts.
# 5. Schedule $\gamma$ in RMSProp, from 0.9 up to 0.999, at a constant rate.
#    Does that do the work of a falling rate?
# 6. Average the weights of the last 150 steps at the constant rate of 0.2.
#    How many thousandths are left, and which of the schedules does as well?
#
# ### Three schedules to write
#
# Each is a function of $t$, the number of steps done, which begins at 0.
#
# * `factor(t)`: 0.2 for 100 steps, and half as much after every 100 steps.
# * `cosine(t)`: half a wave of the cosine, 0.2 at $t = 0$ and 0 at $t = 600$.
# * `restarts(t)`: four times half a wave of the cosine, each of them 150
#   steps long and from 0.2 down to 0; at $t = 150$ it is 0.2 again.


# %%
def factor(t):
    ### BEGIN SOLUTION
    return 0.2 * 0.5 ** (t // 100)
    ### END SOLUTION


# %%
def cosine(t):
    ### BEGIN SOLUTION
    return 0.1 * (1 + math.cos(math.pi * t / 600))
    ### END SOLUTION


# %%
def restarts(t):
    ### BEGIN SOLUTION
    return 0.1 * (1 + math.cos(math.pi * (t % 150) / 150))
    ### END SOLUTION


# %% [markdown]
# **Look at** the last step: the two cosines have come to zero, and the factor
# has not.

# %%
ts = np.arange(600)
d2l.figure("written")
d2l.plot(
    ts,
    [[rate(t) for t in ts] for rate in (factor, cosine, restarts)],
    xlabel="step",
    ylabel="learning rate",
    legend=["factor", "cosine", "restarts"],
)
