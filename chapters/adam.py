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
# # Adam
#
# Momentum averages gradients, so that parts that alternate in sign cancel.
# RMSProp divides by the size of the gradients, so that all coordinates take
# steps of a similar length. Adam (Kingma and Ba, 2015) does both. For each
# parameter it keeps a leaky average $\mathbf{v}$ of the gradient and a leaky
# average $\mathbf{s}$ of its square,
#
# $$\mathbf{v} \leftarrow \beta_1\,\mathbf{v} + (1-\beta_1)\,\mathbf{g},
# \qquad
# \mathbf{s} \leftarrow \beta_2\,\mathbf{s} + (1-\beta_2)\,\mathbf{g}^2,$$
#
# with $\beta_1 = 0.9$ and $\beta_2 = 0.999$ as usual values: the direction
# averages about ten steps, the size about a thousand. Then it steps by
#
# $$\mathbf{x} \leftarrow \mathbf{x} - \eta\,
# \frac{\hat{\mathbf{v}}}{\sqrt{\hat{\mathbf{s}}} + \epsilon}, \qquad
# \hat{\mathbf{v}} = \frac{\mathbf{v}}{1-\beta_1^t}, \qquad
# \hat{\mathbf{s}} = \frac{\mathbf{s}}{1-\beta_2^t},$$
#
# where $t$ is the number of the step, from 1. This page is about the two
# corrections, which are written as hats, about $\epsilon$, and about two
# mistakes that are easily made with them.
#
# It runs on every framework that d2lopt knows. `d2l` is the one that was
# asked for; no line below depends on which.

# %%
import math

import numpy as np

from d2lopt import lesson

d2l = lesson.start("adam")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## Why the hats
#
# Both averages start from zero, although no gradient was zero. Along a
# constant gradient $g$, the first is after $t$ steps
#
# $$v_t = (1-\beta_1) \sum_{k=0}^{t-1} \beta_1^k\,g = (1-\beta_1^t)\,g,$$
#
# which is too small by the factor $c = 1 - \beta_1^t$. The second is too
# small by $1 - \beta_2^t$ in the same way. The hats divide by these factors.
#
# **Look at** how long these factors take to get near 1. With $\beta = 0.9$ it
# takes some thirty steps. With $\beta = 0.999$ the factor is below a tenth
# after a hundred steps: in a short training, the size of the step depends on
# the correction throughout.

# %%
betas = [0.9, 0.99, 0.999]
t = np.arange(1, 301)
d2l.figure("correction")
d2l.plot(
    t,
    [1 - beta**t for beta in betas],
    xlabel="step",
    ylabel="1 − βᵗ",
    legend=[f"β = {beta}" for beta in betas],
)

# %% [markdown]
# This $c$ is a leaky average as well, the leaky average of ones:
#
# $$c \leftarrow \beta\,c + (1-\beta), \qquad
# c_t = 1 - \beta^t \quad \text{from} \quad c_0 = 0.$$
#
# So we keep it as one more state, and need no step count. That is safer. A
# count is a Python number that changes from step to step outside of the
# tensors, and a compiled loop may have taken it for a constant. And for large
# $\beta$ and small $t$, $1 - \beta^t$ subtracts two nearly equal numbers,
# which is inaccurate in float32; the average of ones only adds.
#
# ## A valley, seen from above
#
# $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$ has the gradient
# $(0.2\,x_1,\ 4\,x_2)$. Here are twenty steps with $\eta = 0.4$. (The four
# averages are in `averages`, the two of ones in `ones`.)
#
# **Look at** the first four steps. They are diagonal, about $\eta$ in each
# direction: after the first step $\hat{v} = g$ and $\hat{s} = g^2$, whatever
# $g$ is. Then momentum carries the trace across the valley floor, up the
# other side and back, and past the minimum by 1. After a hundred steps it has
# settled, as the second printed line says.


# %%
def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def trace(corrected=True, steps=20, eta=0.4, beta1=0.9, beta2=0.999):
    averages = np.zeros((2, 2))
    ones = np.zeros(2)

    def adam_2d(x1, x2, s1, s2):
        g = np.array([0.2 * x1, 4 * x2])
        averages[0] = beta1 * averages[0] + (1 - beta1) * g
        averages[1] = beta2 * averages[1] + (1 - beta2) * g**2
        ones[:] = [beta1, beta2] * ones + [1 - beta1, 1 - beta2]
        c1, c2 = ones if corrected else (1, 1)
        v_hat, s_hat = averages[0] / c1, averages[1] / c2
        d1, d2 = eta * v_hat / (np.sqrt(s_hat) + 1e-6)
        return x1 - d1, x2 - d2, 0, 0

    return d2l.train_2d(adam_2d, steps)


d2l.figure("valley")
d2l.show_trace_2d(f_2d, trace())
_ = trace(steps=100)

# %% [markdown]
# **Look at** the same without the corrections. Both averages are too small
# now, but $\mathbf{s}$ is too small by far more and for longer, and divides.
# The first step is $(1-\beta_1)/\sqrt{1-\beta_2} = 3.2$ times too long, the
# next ones are longer still, and the trace swings widely across the valley.

# %%
d2l.figure("uncorrected")
d2l.show_trace_2d(f_2d, trace(corrected=False))

# %% [markdown]
# ## From scratch
#
# The states of a parameter are $\mathbf{v}$ and $\mathbf{s}$, of its shape,
# and the two averages of ones, which are single numbers.


# %%
def init_adam_states(feature_dim):
    ### BEGIN SOLUTION
    def zeros(shape):
        return d2l.variable(d2l.zeros(shape))

    shapes = [(feature_dim, 1), 1]
    return [
        (zeros(shape), zeros(shape), zeros(()), zeros(())) for shape in shapes
    ]
    ### END SOLUTION


def adam(params, grads, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    ### BEGIN SOLUTION
    for p, g, (v, s, c1, c2) in zip(params, grads, states):
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(g))
        d2l.assign(c1, beta1 * c1 + (1 - beta1))
        d2l.assign(c2, beta2 * c2 + (1 - beta2))
        step = hyperparams["lr"] * (v / c1) / (d2l.sqrt(s / c2) + eps)
        d2l.assign(p, p - step)
    ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss is half the mean squared error, and its least
# value on these rows is 0.2417. `train_ch11` takes ten rows at a time, and
# evaluates the loss on all of them every 20 steps.
#
# **Look at** how little the loss changes after the first half epoch. RMSProp
# with the same $\eta = 0.01$ comes down a little sooner and ends a little
# higher: its steps are always about $\eta$ long. Adam averages the gradients
# first. Near the minimum they point in all directions, so their average is
# short, and the steps are, too.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)


def train(rule, lr=0.01):
    return d2l.train_ch11(
        rule,
        init_adam_states(feature_dim),
        {"lr": lr},
        data_iter,
        feature_dim,
    )[1]


d2l.figure("scratch")
losses = train(adam)

# %% [markdown]
# ## The framework's own
#
# Most frameworks compute what we did. Some of them move the corrections into
# the learning rate, $\eta\,\sqrt{c_2}/c_1$ in front of
# $\mathbf{v}/(\sqrt{\mathbf{s}} + \epsilon)$. That saves two divisions of
# tensors, and in comparison makes $\epsilon$ larger by $1/\sqrt{c_2}$: about
# thirty times at the first step.
#
# **Look at** the difference that is printed. As $\epsilon$ is so much smaller
# than the gradients here, even that difference is no more than rounding.

# %%
builtin = lesson.builtin(
    d2l, "adam", {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-6}
)
if builtin is None:
    print(f"{d2l.name} has no Adam of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Two mistakes
#
# Both of these have been published in versions of Adam from scratch, and the
# loss falls with both. So a loss that falls does not prove that the formula
# is right.
#
# **ε beside the quotient.** Because of a missing bracket, the line does not
# divide by $\sqrt{\hat{\mathbf{s}}} + \epsilon$ but reads
#
# $$\mathbf{x} \leftarrow \mathbf{x} -
# \frac{\eta\,\hat{\mathbf{v}}}{\sqrt{\hat{\mathbf{s}}}} + \epsilon.$$
#
# Now $\epsilon$ is added to the parameter, at every step and whatever the
# gradient. Nor does it do what it was there for: a weight whose gradient has
# always been zero gets zero divided by zero. Here is one step of both, on a
# parameter with two entries, of which the second has no gradient.


# %%
def slip_eps(params, grads, states, hyperparams):
    beta1, beta2 = 0.9, 0.999
    eps = hyperparams.get("eps", 1e-6)
    for p, g, (v, s, c1, c2) in zip(params, grads, states):
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(g))
        d2l.assign(c1, beta1 * c1 + (1 - beta1))
        d2l.assign(c2, beta2 * c2 + (1 - beta2))
        step = hyperparams["lr"] * (v / c1) / d2l.sqrt(s / c2)
        d2l.assign(p, p - step + eps)


with np.errstate(invalid="ignore"):
    for rule in (adam, slip_eps):
        p = d2l.variable(d2l.ones(2))
        g = d2l.tensor([0.5, 0.0])
        shapes = [2, 2, (), ()]  # of v, s and the two averages of ones
        state = [d2l.variable(d2l.zeros(shape)) for shape in shapes]
        rule([p], [g], [state], {"lr": 0.01})
        print(rule.__name__, d2l.numpy(p))

# %% [markdown]
# On the airfoil no gradient is exactly zero, and 300 steps add 0.0003 to each
# weight, which the gradient of the loss mostly undoes. The printed difference
# in the loss is far below what a curve can show, and so the mistake can
# remain unnoticed. A weight that never gets a gradient would have moved by 1
# after a million steps.

# %%
d2l.figure("slip-epsilon")
slipped = train(slip_eps)
print(f"with the mistake − without: {slipped[-1] - losses[-1]:+.1e}")

# %% [markdown]
# **A step count that never moves.** Another way to write Adam keeps $t$ among
# the hyperparameters and adds 1 to it at every step. If that line is missing,
# or a compiler has taken the number for a constant, the corrections stay
# those of the first step: $v$ is divided by 0.1 and $s$ by 0.001. The steps
# are then too long by the factor
#
# $$\frac{1-\beta_1^t}{1-\beta_1} \bigg/
# \sqrt{\frac{1-\beta_2^t}{1-\beta_2}}.$$
#
# **Look at** this factor: it is 1 at the first step, 2 around the tenth, 1
# again after about a hundred, and in the long run it goes to 0.32. It acts as
# a learning-rate schedule that nobody has chosen.

# %%
t = np.arange(1, 1001)
first = (1 - 0.9**t) / (1 - 0.9)
second = (1 - 0.999**t) / (1 - 0.999)
d2l.figure("frozen")
d2l.plot(
    t,
    [first / np.sqrt(second), np.ones(len(t))],
    xlabel="step",
    ylabel="length of a step, against Adam's",
    fmts=("C0-", "k:"),
)

# %% [markdown]
# **Look at** the loss: it falls faster than Adam's, and ends a little lower.
# On this problem the accidental schedule is a good one, so the loss gives no
# reason to search for a mistake.


# %%
def slip_count(params, grads, states, hyperparams):
    beta1, beta2, eps, t = 0.9, 0.999, 1e-6, 1
    for p, g, (v, s, _, _) in zip(params, grads, states):
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(g))
        v_hat, s_hat = v / (1 - beta1**t), s / (1 - beta2**t)
        step = hyperparams["lr"] * v_hat / (d2l.sqrt(s_hat) + eps)
        d2l.assign(p, p - step)


d2l.figure("slip-count")
frozen = train(slip_count)
print(f"after 20 steps: {frozen[1]:.3f}, and {losses[1]:.3f} with Adam")

# %% [markdown]
# What finds both mistakes is a comparison, step by step, with another version
# of the same formula, such as the framework's own above. If all is well, the
# two differ by no more than about the seventh digit.
#
# ## Yogi: forget more slowly
#
# After one large gradient, $\mathbf{s}$ is large. If small ones follow, it
# falls by a fixed share of itself at every step, and the rate
# $\eta/\sqrt{\mathbf{s}}$ soon grows back. Adam's average moves by
# $(1-\beta_2)\,(\mathbf{g}^2 - \mathbf{s})$, a share of its distance from
# $\mathbf{g}^2$. Yogi (Zaheer, Reddi, Sachan, Kale and Kumar, 2018) keeps the
# direction of that move, and makes its length a share of $\mathbf{g}^2$:
#
# $$\mathbf{s} \leftarrow \mathbf{s} + (1-\beta_2)\,
# \operatorname{sgn}(\mathbf{g}^2 - \mathbf{s}) \odot \mathbf{g}^2.$$
#
# Upwards the two are alike as long as $\mathbf{s}$ is small beside
# $\mathbf{g}^2$. Downwards Yogi is slower: small gradients change
# $\mathbf{s}$ by little.
#
# **Look at** two hundred gradients of size 1, followed by eight hundred of
# size 0.1, with $\beta_2 = 0.99$. Adam's average is close to the new square,
# 0.01, after some four hundred of the small ones. Yogi's rises in a line
# until it meets the square, and then falls by a ten-thousandth at each step.

# %%
gradients = np.where(np.arange(1000) < 200, 1.0, 0.1)
beta2 = 0.99
paths = {"Adam": [0.0], "Yogi": [0.0]}
for g2 in gradients**2:
    s = paths["Adam"][-1]
    paths["Adam"].append(s + (1 - beta2) * (g2 - s))
    s = paths["Yogi"][-1]
    paths["Yogi"].append(s + (1 - beta2) * math.copysign(g2, g2 - s))
d2l.figure("forgetting")
d2l.plot(list(paths.values()), xlabel="step", ylabel="s", legend=list(paths))


# %%
def yogi(params, grads, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-3
    ### BEGIN SOLUTION
    for p, g, (v, s, c1, c2) in zip(params, grads, states):
        g2 = d2l.square(g)
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, s + (1 - beta2) * d2l.sign(g2 - s) * g2)
        d2l.assign(c1, beta1 * c1 + (1 - beta1))
        d2l.assign(c2, beta2 * c2 + (1 - beta2))
        step = hyperparams["lr"] * (v / c1) / (d2l.sqrt(s / c2) + eps)
        d2l.assign(p, p - step)
    ### END SOLUTION


# %% [markdown]
# **Look at** the airfoil with Yogi, which is hard to tell from Adam: 300
# steps are less than a third of the thousand that $\beta_2 = 0.999$ averages
# over, so $\mathbf{s}$ has forgotten little in either. (No framework here has
# a Yogi of its own.)

# %%
d2l.figure("yogi")
yogi_losses = train(yogi)
print(f"Yogi − Adam: {yogi_losses[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * Adam steps along a leaky average of gradients, divided by the root of a
#   leaky average of their squares.
# * Both start from zero. Dividing by $1-\beta^t$, the leaky average of ones,
#   corrects that; without it the first steps are too long.
# * $\epsilon$ belongs in the denominator, and the correction has to change
#   with the steps. With either of these wrong, the loss falls nevertheless.
# * Yogi raises $\mathbf{s}$ like Adam, and lowers it more slowly.
#
# ## Exercises
#
# 1. Along a gradient that is always $g$, how long is each of Adam's steps?
#    And if it is $g$ and $-g$ in turn?
# 2. Start $\mathbf{v}$ and $\mathbf{s}$ from the first gradient and its
#    square, without the corrections. How do the first five steps differ from
#    Adam's?
# 3. Write Adam with $\eta\,\sqrt{c_2}/c_1$ in front and $\epsilon$ beside
#    $\sqrt{\mathbf{s}}$. From which $\epsilon$ on does its loss on the
#    airfoil differ from ours by more than 1 %?
# 4. Make $\epsilon$ large enough for the first mistake to show in the third
#    digit of the loss. Where do the weights end, and why there?
# 5. Compare Adam and the two mistakes with $\eta$ = 0.001 and 0.1. At which
#    of them would you notice the step count that never moves?
# 6. Add to the loss a weight decay $\frac{\lambda}{2}\|\mathbf{x}\|^2$. What
#    happens to its gradient in Adam? Subtract $\eta\lambda\,\mathbf{x}$ from
#    the parameter instead (AdamW), and find an example in which the two
#    differ.
#
# ### The corrections
#
# Write `corrections(t, beta1, beta2)`: the two numbers by which the averages
# are divided in step $t$, where $t$ begins at 1.


# %%
def corrections(t, beta1, beta2):
    ### BEGIN SOLUTION
    return 1 - beta1**t, 1 - beta2**t
    ### END SOLUTION


for t in (1, 10, 1000):
    c1, c2 = corrections(t, 0.9, 0.999)
    print(f"step {t:4}: {c1:.4f} and {c2:.4f}")

# %% [markdown]
# ### AdamW
#
# Write `adamw(params, grads, states, hyperparams)`, with states and constants
# as in `adam`: the same step, and beside it $\eta\lambda\,\mathbf{x}$
# subtracted from the parameter, with $\lambda$ =
# `hyperparams["weight_decay"]`. Both use $\mathbf{x}$ as it was before.


# %%
def adamw(params, grads, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    ### BEGIN SOLUTION
    decay = hyperparams["lr"] * hyperparams["weight_decay"]
    for p, g, (v, s, c1, c2) in zip(params, grads, states):
        d2l.assign(v, beta1 * v + (1 - beta1) * g)
        d2l.assign(s, beta2 * s + (1 - beta2) * d2l.square(g))
        d2l.assign(c1, beta1 * c1 + (1 - beta1))
        d2l.assign(c2, beta2 * c2 + (1 - beta2))
        step = hyperparams["lr"] * (v / c1) / (d2l.sqrt(s / c2) + eps)
        d2l.assign(p, p - step - decay * p)
    ### END SOLUTION


d2l.figure("adamw")
_ = d2l.train_ch11(
    adamw,
    init_adam_states(feature_dim),
    {"lr": 0.01, "weight_decay": 0.1},
    data_iter,
    feature_dim,
)
