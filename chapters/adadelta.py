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
# # Adadelta
#
# Consider units. If $x$ is in metres and $f$ in euros, then a gradient is in
# euros per metre. Gradient descent subtracts $\eta$ times the gradient from
# metres, so $\eta$ must be in square metres per euro, and its best value
# changes with the units. RMSProp divides the gradient by its own size. The
# quotient has no unit, and $\eta$ is in metres: the length of a step. Can the
# method find this length by itself?
#
# Adadelta (Zeiler, 2012) takes it from its own past steps. For each parameter
# it keeps two leaky averages of the parameter's shape: of squared gradients
# in $\mathbf{s}$, and of squared steps in $\Delta\mathbf{x}$:
#
# $$\begin{aligned}
# \mathbf{s} &\leftarrow \rho\,\mathbf{s} + (1-\rho)\,\mathbf{g}^2, \\
# \mathbf{d} &= \frac{\sqrt{\Delta\mathbf{x} + \epsilon}}
# {\sqrt{\mathbf{s} + \epsilon}} \odot \mathbf{g}, \\
# \Delta\mathbf{x} &\leftarrow
# \rho\,\Delta\mathbf{x} + (1-\rho)\,\mathbf{d}^2, \\
# \mathbf{x} &\leftarrow \mathbf{x} - \mathbf{d}.
# \end{aligned}$$
#
# All operations act on each coordinate by itself. The root of
# $\Delta\mathbf{x}$, in metres, stands where $\eta$ was, so there is no
# learning rate to choose. This page shows what has taken its place.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import math

import numpy as np

from d2lopt import lesson

d2l = lesson.start("adadelta")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## A valley, seen from above
#
# Take $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$ with its gradient
# $(0.2\,x_1,\ 4\,x_2)$. Each coordinate has two states, which we keep in a
# list `states` of our own. We begin with $\rho = 0.9$ and
# $\epsilon = 10^{-5}$.
#
# **Look at** how short the trace is. Both averages start from zero, so the
# length of the first step comes from $\epsilon$ alone: it is
# $\sqrt{\epsilon}\,/\sqrt{1-\rho} = 0.01$. The next steps are not much
# longer, because short steps keep the average of the steps small. They grow
# slowly.


# %%
def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def trace(eps, steps=20, rho=0.9):
    states = [(0.0, 0.0), (0.0, 0.0)]

    def adadelta_2d(x1, x2, s1, s2):
        moved = []
        for i, (x, g) in enumerate([(x1, 0.2 * x1), (x2, 4 * x2)]):
            s, dx = states[i]
            s = rho * s + (1 - rho) * g**2
            d = math.sqrt(dx + eps) / math.sqrt(s + eps) * g
            states[i] = s, rho * dx + (1 - rho) * d**2
            moved.append(x - d)
        return *moved, 0, 0

    return d2l.train_2d(adadelta_2d, steps)


d2l.figure("valley")
d2l.show_trace_2d(f_2d, trace(1e-5))

# %% [markdown]
# **Look at** the same with $\epsilon = 0.01$, which makes the first step 0.32
# long. The trace reaches the valley floor and follows it.

# %%
d2l.figure("larger-epsilon")
d2l.show_trace_2d(f_2d, trace(0.01))

# %% [markdown]
# So $\epsilon$ has taken the place of the learning rate. Beside $\mathbf{s}$
# it only keeps the quotient finite; beside $\Delta\mathbf{x}$ it sets the
# length of the first step, and all others grow from that one.
#
# **Look at** the length of the steps along $x_1$, for three values of
# $\epsilon$, each ten times the one before. The first steps differ by factors
# of $\sqrt{10}$. With the smallest $\epsilon$ the steps become longer by only
# a fifth in a hundred steps. With the others they grow a little at first, and
# then fall with the slope, as the trace nears the minimum. After a hundred
# steps the run with the largest $\epsilon$ has arrived, and the one with the
# smallest has come a quarter of the way.

# %%
epsilons = [1e-5, 1e-4, 1e-3]
lengths = []
for eps in epsilons:
    x1 = [point[0] for point in trace(eps, steps=100)]
    lengths.append(np.abs(np.diff(x1)))
d2l.figure("lengths")
d2l.plot(
    lengths,
    xlabel="step",
    ylabel="its length along x1",
    yscale="log",
    legend=[f"ε = {eps:g}" for eps in epsilons],
)

# %% [markdown]
# ## From scratch
#
# The states of a parameter are a pair, $\mathbf{s}$ and $\Delta\mathbf{x}$.


# %%
def init_adadelta_states(feature_dim):
    ### BEGIN SOLUTION
    def zeros(shape):
        return d2l.variable(d2l.zeros(shape))

    shapes = [(feature_dim, 1), 1]
    return [(zeros(shape), zeros(shape)) for shape in shapes]
    ### END SOLUTION


def adadelta(params, grads, states, hyperparams):
    rho, eps = hyperparams["rho"], hyperparams["eps"]
    for p, g, (s, dx) in zip(params, grads, states):
        ### BEGIN SOLUTION
        d2l.assign(s, rho * s + (1 - rho) * d2l.square(g))
        d = d2l.sqrt(dx + eps) / d2l.sqrt(s + eps) * g
        d2l.assign(dx, rho * dx + (1 - rho) * d2l.square(d))
        d2l.assign(p, p - d)
        ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss is half the mean squared error, and its least
# value on these rows is 0.2417. `train_ch11` takes ten rows at a time, and
# evaluates the loss on all of them every 20 steps.
#
# **Look at** the first epoch, with $\epsilon = 10^{-5}$. The loss falls more
# slowly than with the optimizers of the chapters before, which were given a
# rate that suits this problem, but it reaches the same level.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)


def train_adadelta(eps):
    return d2l.train_ch11(
        adadelta,
        init_adadelta_states(feature_dim),
        {"rho": 0.9, "eps": eps},
        data_iter,
        feature_dim,
    )


d2l.figure("scratch")
_, losses = train_adadelta(1e-5)

# %% [markdown]
# **Look at** how far two epochs get with $\epsilon = 10^{-8}$, a usual value
# for other optimizers: a fifth of the way. The root of $\epsilon$ is thirty
# times smaller, and so are the first steps.

# %%
d2l.figure("tiny-epsilon")
_ = train_adadelta(1e-8)

# %% [markdown]
# ## The framework's own
#
# Frameworks multiply the step by a learning rate all the same, and not all of
# them have 1 as its default. Here it is 1. Their default $\epsilon$ differs,
# too; here it is ours.
#
# **Look at** the difference that is printed: it is rounding.

# %%
builtin = lesson.builtin(d2l, "adadelta", {"rho": 0.9, "eps": 1e-5})
if builtin is None:
    print(f"{d2l.name} has no Adadelta of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * Adadelta is RMSProp with the root of a leaky average of its own squared
#   steps in place of the learning rate. A step has the units of the
#   parameter.
# * It keeps two states for each parameter.
# * Its first steps have a length that $\epsilon$ sets, and in a short run all
#   depends on that. So it has no learning rate to choose, but an $\epsilon$.
#
# ## Exercises
#
# 1. Work out the second step along a constant gradient, after a first one of
#    $\sqrt{\epsilon}/\sqrt{1-\rho}$, for $\rho = 0.9$ and a squared gradient
#    far above $\epsilon$. Is it longer or shorter than the first, and how
#    does the ratio of one step to the next go on?
# 2. Multiply the airfoil loss by 1000. Which of gradient descent, RMSProp and
#    Adadelta take almost the same path as before? Then give the targets in
#    other units, and answer again.
# 3. Try $\rho$ = 0.5, 0.95 and 0.99 on the airfoil. What happens to the first
#    step, and what to the noise at the end?
# 4. Give the two $\epsilon$ different values. Which of the two may be
#    $10^{-8}$ without harm?
# 5. Start $\Delta\mathbf{x}$ from 0.01 instead of 0, with
#    $\epsilon = 10^{-8}$. How many steps does it take until the steps are
#    short again?
#
# ### The first step
#
# Both states start from zero. Write `first_step(g, rho, eps)`: the distance
# by which Adadelta's first step changes a parameter, $x$ before minus $x$
# after, for the slope `g`, $\rho$ and $\epsilon$, three numbers. Which of its
# two $\epsilon$ matters?


# %%
def first_step(g, rho, eps):
    ### BEGIN SOLUTION
    s = (1 - rho) * g**2
    return math.sqrt(eps) / math.sqrt(s + eps) * g
    ### END SOLUTION


for g in (0.001, 0.1, 10):
    print(f"slope {g}: a first step of {first_step(g, 0.9, 1e-5):.4f}")
