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
# A high rate covers ground, and the noise of the minibatches then keeps it
# from settling. A low rate settles, and takes its time to get there. One
# number cannot be both; so let the rate be a function $\eta(t)$ of the number
# $t$ of steps done. This page looks at the shapes that are in use, and then
# measures on one small problem what each of them is good for.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import numpy as np

from d2lopt import lesson, schedules
from d2lopt.train import from_scratch

d2l = lesson.start("schedules")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## The shapes
#
# We shall train for 600 steps, from $\eta_0 = 0.2$. Each function of
# `schedules` takes the settings, and returns a function of $t$. The first
# three go in stairs, or not at all:
#
# $$\begin{aligned}
# \text{constant:} \quad & \eta(t) = \eta_0 \\
# \text{factor:} \quad &
# \eta(t) = \max(\eta_{\min},\ \eta_0\,\alpha^{\lfloor t/s \rfloor}) \\
# \text{multi-factor:} \quad &
# \eta(t) = \eta_0\,\alpha^{\,\text{milestones reached by } t}
# \end{aligned}$$
#
# The others fall, or rise, all the time; $T$ is the number of steps in all:
#
# $$\begin{aligned}
# \text{square root:} \quad & \eta(t) = \eta_0 / \sqrt{t + 1} \\
# \text{polynomial:} \quad &
# \eta(t) = \eta_T + (\eta_0 - \eta_T)\,(1 - t/T)^{\alpha} \\
# \text{cosine:} \quad & \eta(t) =
# \eta_T + \tfrac{1}{2}\,(\eta_0 - \eta_T)\,(1 + \cos(\pi\,t/T)) \\
# \text{warm-up:} \quad &
# \text{in a line from 0 to } \eta_0, \text{ then any of the others.}
# \end{aligned}$$


# %%
T = 600


def shapes(lr):
    return {
        "constant": schedules.constant(lr),
        "factor": schedules.factor(lr, by=0.5, every=100),
        "multi-factor": schedules.multi_factor(lr, [300, 450], by=0.1),
        "square root": schedules.square_root(lr),
        "polynomial": schedules.polynomial(lr, T),
        "cosine": schedules.cosine(lr, T),
        "warm-up": schedules.warm_up(schedules.cosine(lr, T - 60), 60),
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
# **Look at** how the stairs treat the first half: the factor has come down
# to an eighth by step 300, where the multi-factor only begins. Both end in
# the same region, at 0.006 and 0.002.

# %%
d2l.figure("stairs")
show(["constant", "factor", "multi-factor"])

# %% [markdown]
# **Look at** where each of the smooth ones spends its time. The square root
# is below a tenth of the start after 100 steps, and falls hardly any more.
# The polynomial (here with $\alpha = 2$) lets go evenly. The cosine holds on
# to the high rate, and to the low one, and hurries in between. The warm-up is
# the cosine with a ramp before it.

# %%
d2l.figure("smooth")
show(["square root", "polynomial", "cosine", "warm-up"])

# %% [markdown]
# ## From scratch
#
# The rule need not know. Where a hyperparameter is a function, the harness
# calls it before each step and hands the rule a number.


# %%
def sgd(params, grads, states, hyperparams):
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss half the mean squared error, and its least
# value on these rows is 0.2417. With ten rows to a batch, 600 steps are four
# epochs.
#
# **Look at** the constant rate of 0.2: quickly down, and up and down ever
# after.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.figure("constant")
_ = d2l.train_ch11(
    sgd, None, {"lr": schedules.constant(0.2)}, data_iter, feature_dim, 4
)

# %% [markdown]
# **Look at** the same start with a cosine. For two epochs it is hardly
# better. Then the rate falls, and the noise with it.

# %%
d2l.figure("cosine")
_ = d2l.train_ch11(
    sgd, None, {"lr": schedules.cosine(0.2, T)}, data_iter, feature_dim, 4
)

# %% [markdown]
# ## All of them, measured
#
# At this scale nothing more can be seen, so from here on we look at the
# distance from the least loss, on a logarithmic scale, and print what is left
# of it at the end, in thousandths. `from_scratch` is what `train_ch11` does
# before it prints and draws. (We have the loop compiled where the framework
# gains from that, as there are many runs.)

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
            num_epochs=4,
            compile=True,
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
# **Look at** the dotted line, at $\eta_0 = 0.2$. It stays half a hundredth to
# six hundredths above the least loss. Every schedule that falls is below a
# thousandth in the end, twenty times closer than the constant or better, and
# among these the order is a matter of luck: with another seed it is another
# one. What differs is when they get there. The square root is soon down;
# those that hold on to the high rate are as noisy as the constant until they
# let go.

# %%
d2l.figure("sgd")
compare(sgd, 0.2, list(STYLE))

# %% [markdown]
# **Look at** a start that is ten times lower, 0.02. The constant rate is low
# enough to settle within a few thousandths, and there is little to gain: the
# cosine does slightly better, and the factor, which lets go too soon,
# slightly worse. And the square root is lost. It had used up its rate before
# it had got anywhere: the steep part of its fall is over after a few dozen
# steps, however long the training is going to be.

# %%
d2l.figure("sgd-low")
compare(sgd, 0.02, ["constant", "factor", "square root", "cosine"])

# %% [markdown]
# RMSProp divides by the size of the gradients, so that its steps are about
# $\eta$ long however near it is. It needs a falling rate as much as SGD does.
#
# **Look at** the same picture once more, at $\eta_0 = 0.05$: the constant
# rate stays a hundredth and more above the least loss, and those that fall
# end below two thousandths, most of them below a half.


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
# **Letting the rate fall** helped wherever the start was high, by a factor of
# eight and more. **Which way** it falls mattered little, as long as it is
# high for a good part of the time and low at the end. That is why polynomial
# and cosine are popular: they need to be told $T$, and little else.
#
# **The warm-up** brought nothing: it is the cosine, a little later. It is
# meant for the first steps of deep networks, where the rate that is right
# later on would do damage at the start. Linear regression has the same
# curvature everywhere, so that a rate which diverges in the beginning does so
# at any time. Whoever tells you that warm-up helps, or that it does not, has
# told you of a problem.
#
# **No schedule** makes up for a start that is too low.
#
# Frameworks bring schedules of their own, as objects that are stepped along
# with the optimizer or as functions of the step like these. One difference to
# know: where the rate is inside the momentum buffer, a rate that falls leaves
# the old, long steps in the buffer for a while.
#
# ## Summary
#
# * A schedule is a function of the number of steps; any hyperparameter can
#   have one.
# * High first, low at the end: a good start is one that is too noisy to end
#   with.
# * Compare schedules by what they have reached when the training is over, and
#   with more than one seed.
#
# ## Exercises
#
# 1. Run the comparison at $\eta_0 = 0.2$ with the seeds 1 to 5
#    (`d2l.get_data_ch11(batch_size=10, seed=1)`). Which of the differences
#    between the falling schedules remain?
# 2. Stop after 300 of the 600 steps. Which schedules would you still take,
#    and what does that say about training runs of unknown length?
# 3. Find the highest $\eta_0$ that each schedule survives. Does the warm-up
#    survive more than the cosine?
# 4. Restart the cosine: four times 150 steps, each from 0.2 down to 0. Write
#    it as a function of $t$, and compare the ends of the four parts.
# 5. Schedule $\gamma$ in RMSProp, from 0.9 up to 0.999, at a constant rate.
#    Does it take the place of a falling rate?
# 6. Average the weights of the last 300 steps at the constant rate of 0.2.
#    How many thousandths are left, and which of the schedules does as well?
