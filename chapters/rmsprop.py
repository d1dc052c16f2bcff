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
# # RMSProp
#
# Gradient descent takes a step in proportion to the gradient. Where a
# function is steep in one direction and flat in another, no single learning
# rate suits both: a rate that is safe in the steep direction makes slow
# progress in the flat one. Adagrad divides each coordinate's step by the root
# of the sum of its squared gradients. That makes the directions alike, but
# the sum only ever grows, so the steps become shorter and shorter, whether
# the minimum has been reached or not.
#
# RMSProp (Tieleman and Hinton, 2012) replaces the sum by a leaky average, in
# which old gradients fade. For each parameter it keeps a state $\mathbf{s}$,
# of the parameter's shape, and does with each gradient $\mathbf{g}$
#
# $$\mathbf{s} \leftarrow \gamma\,\mathbf{s} + (1-\gamma)\,\mathbf{g}^2,
# \qquad
# \mathbf{x} \leftarrow \mathbf{x} -
# \frac{\eta}{\sqrt{\mathbf{s} + \epsilon}} \odot \mathbf{g}.$$
#
# All operations act on each coordinate by itself. The learning rate $\eta$
# now sets the length of a step, almost whatever the size of the gradients;
# $\gamma$ sets how many past gradients the average covers; and $\epsilon$, a
# small number, keeps the quotient finite where a gradient stays at zero.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import math

from d2lopt import lesson
from d2lopt.lab import digits

d2l = lesson.start("rmsprop")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## How far back does the average look?
#
# Written out, $\mathbf{s}$ is a sum in which the squared gradient of $k$
# steps ago has the weight
#
# $$(1-\gamma)\,\gamma^k, \qquad \sum_{k=0}^\infty (1-\gamma)\,\gamma^k = 1,$$
#
# as if the average were taken over about $1/(1-\gamma)$ steps: 20 of them for
# $\gamma = 0.95$, 10 for 0.9, 5 for 0.8, a bit over 3 for 0.7.
#
# **Look at** where the curves cross. With a small $\gamma$ the last few
# gradients have most of the weight; with a large one the weight is spread
# over many. With $\gamma = 1$ the new gradient would have no weight at all.

# %%
gammas = [0.95, 0.9, 0.8, 0.7]
steps_ago = d2l.numpy(d2l.arange(40))
d2l.figure("weights")
d2l.plot(
    steps_ago,
    [(1 - gamma) * gamma**steps_ago for gamma in gammas],
    xlabel="steps ago",
    ylabel="weight",
    legend=[f"γ = {gamma}" for gamma in gammas],
)

# %% [markdown]
# ## A valley, seen from above
#
# Take $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$, whose curvature across the
# valley is twenty times that along it. Its gradient is $(0.2\,x_1,\ 4\,x_2)$.
# With two numbers there is no need for tensors, so here are the equations for
# each of the two coordinates, with $\eta = 0.4$ and $\gamma = 0.9$.
#
# **Look at** the first step: it is equally long in both directions, although
# one slope is 8 and the other 1. As $\mathbf{s}$ starts from zero and is
# still small, the first steps are longer than $\eta$, and after a few of them
# $x_2$ is near 0. Then the trace follows the valley floor to the minimum.
# Adagrad's steps become too short on the way; here $\mathbf{s}$ falls when
# the slope falls.

# %%
eta, gamma, eps = 0.4, 0.9, 1e-6


def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def rmsprop_2d(x1, x2, s1, s2):
    g1, g2 = 0.2 * x1, 4 * x2
    ### BEGIN SOLUTION
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    ### END SOLUTION
    return x1, x2, s1, s2


d2l.figure("valley")
d2l.show_trace_2d(f_2d, d2l.train_2d(rmsprop_2d))

# %% [markdown]
# ## From scratch
#
# For a model, `params` is a list of parameters, and `states` holds one
# $\mathbf{s}$ for each of them. The rule changes both in place, with
# `d2l.assign`, so that all code that holds a parameter sees its new value. It
# has five lines, and the last two are the two equations above.


# %%
def init_rmsprop_states(feature_dim):
    ### BEGIN SOLUTION
    s_w = d2l.variable(d2l.zeros((feature_dim, 1)))
    s_b = d2l.variable(d2l.zeros(1))
    return s_w, s_b
    ### END SOLUTION


def rmsprop(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, g, s in zip(params, grads, states):
        ### BEGIN SOLUTION
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))
        ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss is half the mean squared error, and its least
# value on these rows is 0.2417. `train_ch11` takes ten rows at a time, and
# evaluates the loss on all of them every 20 steps.
#
# **Look at** how quickly the loss falls within the first half epoch, and at
# what it does then. Near the minimum a step is still about $\eta$ long, as
# the noise of the minibatches keeps the quotient
# $\mathbf{g}/\sqrt{\mathbf{s}}$ near one in size. The loss goes up and down a
# little above the least value, and more epochs at this learning rate will not
# change that.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.figure("scratch")
times, losses = d2l.train_ch11(
    rmsprop,
    init_rmsprop_states(feature_dim),
    {"lr": 0.01, "gamma": 0.9},
    data_iter,
    feature_dim,
)

# %% [markdown]
# ## The framework's own
#
# Every framework but NumPy has an RMSProp, and each has its own names for
# $\eta$, $\gamma$ and $\epsilon$; `lesson.builtin` looks them up. The start
# and the minibatches are the same as above, so any difference comes from the
# optimizer.
#
# **Look at** the difference that is printed. Where the framework puts
# $\epsilon$ inside the root, as we do, the two losses agree up to rounding.
# One that computes $\sqrt{\mathbf{s}} + \epsilon$ takes slightly different
# steps while $\mathbf{s}$ is small, which leaves a difference that is small
# but not rounding.

# %%
builtin = lesson.builtin(
    d2l, "rmsprop", {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}
)
if builtin is None:
    print(f"{d2l.name} has no RMSProp of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * RMSProp divides each coordinate's step by the root of a leaky average of
#   its squared gradients. The length of a step is then about $\eta$, whatever
#   the size of the gradient.
# * $\gamma$ is the share of the average that is kept at each step: the
#   average covers about $1/(1-\gamma)$ steps.
# * The learning rate does not fall by itself, as Adagrad's does: use a
#   schedule where it has to.
#
# ## Exercises
#
# 1. What happens in the experiment above with $\gamma = 1$? Work it out
#    before you run it, from the two equations and from where $\mathbf{s}$
#    starts. (Write `gamma_one` below.)
# 2. Rotate the valley: minimise
#    $f(\mathbf{x}) = 0.1\,(x_1 + x_2)^2 + 2\,(x_1 - x_2)^2$ from the same
#    start with the same $\eta$ and $\gamma$. How many steps does it need now?
#    Why does the rotation matter to an optimizer that works on each
#    coordinate by itself, and not to gradient descent? (Write `f_grad`.)
# 3. Let $\eta$ fall while the training goes on, say as $0.01/\sqrt{k}$ in
#    epoch $k$, and let $\gamma$ rise towards 1. How close to 0.2417 do you
#    get in ten epochs, against a constant $\eta$? (Write `gamma_schedule`.)
# 4. Train a softmax classifier on scikit-learn's digits (`load_digits`, 1797
#    images of 8 × 8) with your `rmsprop`: the gradient of the cross-entropy
#    with respect to the scores is the probabilities minus the one-hot labels.
#    Which learning rate does RMSProp need where gradient descent needs 0.1?
#    (Write `softmax_grads`.)
# 5. Set $\epsilon$ to 0.1, and move it out of the root. Which of the two
#    makes the steps shorter for the same $\mathbf{s}$?
#
# ### Exercise 1: $\gamma = 1$
#
# Write `gamma_one(lr, eps, g)`: the distance by which the first step with
# $\gamma = 1$ changes a parameter, $x$ before minus $x$ after, for the
# learning rate `lr`, $\epsilon$ and the slope `g`. All are numbers. For
# $\eta = 0.01$ and $\epsilon = 10^{-6}$, what is $\eta/\sqrt{\epsilon}$?


# %%
def gamma_one(lr, eps, g):
    ### BEGIN SOLUTION
    return lr * g / math.sqrt(eps)
    ### END SOLUTION


print(f"the first step with γ = 1 and slope 2: {gamma_one(0.01, 1e-6, 2)}")

# %% [markdown]
# ### Exercise 2: the rotated valley
#
# Write `f_grad(x1, x2)`: the two slopes of
# $f(\mathbf{x}) = 0.1\,(x_1 + x_2)^2 + 2\,(x_1 - x_2)^2$. The trace below
# goes the way of RMSProp in that valley, with the hyperparameters of the
# first one.


# %%
def f_rotated(x1, x2):
    return 0.1 * (x1 + x2) ** 2 + 2 * (x1 - x2) ** 2


def f_grad(x1, x2):
    ### BEGIN SOLUTION
    along, across = 0.2 * (x1 + x2), 4 * (x1 - x2)
    return along + across, along - across
    ### END SOLUTION


def rmsprop_rotated(x1, x2, s1, s2):
    g1, g2 = f_grad(x1, x2)
    s1 = gamma * s1 + (1 - gamma) * g1**2
    s2 = gamma * s2 + (1 - gamma) * g2**2
    x1 -= eta / math.sqrt(s1 + eps) * g1
    x2 -= eta / math.sqrt(s2 + eps) * g2
    return x1, x2, s1, s2


d2l.figure("rotated")
d2l.show_trace_2d(f_rotated, d2l.train_2d(rmsprop_rotated))

# %% [markdown]
# ### Exercise 3: a schedule for $\gamma$
#
# Write `gamma_schedule(t)`: $\gamma$ for the step after $t$ steps, where $t$
# begins at 0. It is to be 0.9 at first, never to fall, to be above 0.99 from
# $t = 1000$ on, and always below 1. A hyperparameter of `train_ch11` may be
# such a function. The run below has a constant $\eta$; let it fall, too.


# %%
def gamma_schedule(t):
    ### BEGIN SOLUTION
    return 1 - 1 / (10 + t)
    ### END SOLUTION


d2l.figure("schedule")
_ = d2l.train_ch11(
    rmsprop,
    init_rmsprop_states(feature_dim),
    {"lr": 0.01, "gamma": gamma_schedule},
    data_iter,
    feature_dim,
    10,
)

# %% [markdown]
# ### Exercise 4: handwritten digits
#
# The scores of the ten classes are $\mathbf{X}\mathbf{W} + \mathbf{b}$, and
# softmax makes probabilities of them, the share of each one's exponential in
# the sum. Write `softmax_grads(W, b, X, Y)`: the gradients
# $[\partial\mathbf{W},\ \partial\mathbf{b}]$ of the mean cross-entropy, for
# weights `W` of shape $(d, k)$, `b` of $(k,)$, images `X` of $(n, d)$ and
# one-hot labels `Y` of $(n, k)$. `d2l.reduce_sum(x, axis)` sums over an axis.


# %%
def softmax_grads(W, b, X, Y):
    ### BEGIN SOLUTION
    e = d2l.exp(d2l.matmul(X, W) + b)
    probabilities = e / d2l.reshape(d2l.reduce_sum(e, 1), (-1, 1))
    off = (probabilities - Y) / X.shape[0]
    return [d2l.matmul(d2l.transpose(X), off), d2l.reduce_sum(off, 0)]
    ### END SOLUTION


# %% [markdown]
# **Look at** the share of test images that are recognised after 100 steps,
# each with all training images, and try other learning rates.

# %%
images = digits.load(d2l)
if images is not None:
    X, Y, X_test, labels = images
    shapes = [(64, 10), 10]
    W, b = params = [d2l.variable(d2l.zeros(shape)) for shape in shapes]
    states = [d2l.variable(d2l.zeros(shape)) for shape in shapes]
    for _ in range(100):
        grads = softmax_grads(W, b, X, Y)
        rmsprop(params, grads, states, {"lr": 0.01, "gamma": 0.9})
    guesses = d2l.numpy(d2l.matmul(X_test, W) + b).argmax(1)
    print(f"recognised: {(guesses == labels).mean():.1%}")
