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
# # A line through a hundred points
#
# Here are a hundred points on a line with a known slope and intercept, each
# with a little noise:
#
# $$y_i = 0.1\,x_i + 0.3 + e_i, \qquad e_i \sim \mathcal{N}(0,\ 0.01^2),
# \qquad i = 1, \dots, n, \quad n = 100.$$
#
# RMSProp is to find $w = 0.1$ and $b = 0.3$ again. This does not need an
# optimizer: least squares gives the best line at once. But that makes it a
# good problem to learn from. There are two parameters and no minibatches, and
# the answer is known, so whatever else we see is caused by the optimizer.
# There is one thing to see: RMSProp never comes to rest.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import numpy as np

from d2lopt import lesson

d2l = lesson.start("linear_regression")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## The data, and the answer
#
# NumPy draws the points from one seed, so that they are the same on every
# framework. It also computes the answer, the line of least squares. Because
# of the noise it differs from the true line by about a thousandth, and it is
# the best that an optimizer can find from these points.

# %%
rng = np.random.default_rng(0)
x_points = rng.random(100)
y_points = 0.1 * x_points + 0.3 + rng.normal(0, 0.01, 100)

w_best, b_best = np.polyfit(x_points, y_points, 1)
least = np.mean((w_best * x_points + b_best - y_points) ** 2) / 2
print(f"least squares: w = {w_best:.4f}, b = {b_best:.4f}")
print(f"the least loss: {least:.2e}")

# %% [markdown]
# ## The loss and its gradient
#
# The loss is half the mean squared error. With the residuals
# $r_i = w\,x_i + b - y_i$,
#
# $$L(w, b) = \frac{1}{2n} \sum_{i=1}^n r_i^2, \qquad
# \frac{\partial L}{\partial w} = \frac{1}{n} \sum_{i=1}^n r_i\,x_i, \qquad
# \frac{\partial L}{\partial b} = \frac{1}{n} \sum_{i=1}^n r_i.$$
#
# The one half is there to cancel the 2 of the derivative. The gradient is so
# short that it is written by hand here; NumPy, which cannot differentiate,
# runs it as well as the others do.

# %%
x, y = d2l.tensor(x_points), d2l.tensor(y_points)


def half_mse(y_hat, y):
    ### BEGIN SOLUTION
    return d2l.mean(d2l.square(y_hat - y)) / 2
    ### END SOLUTION


def gradient(w, b):
    ### BEGIN SOLUTION
    r = w * x + b - y
    return d2l.mean(r * x), d2l.mean(r)
    ### END SOLUTION


# %% [markdown]
# ## From scratch
#
# RMSProp keeps one state $s$ for each parameter, a leaky average of its
# squared gradient $g$, and divides the step by the root of it:
#
# $$s \leftarrow \gamma\,s + (1 - \gamma)\,g^2, \qquad
# p \leftarrow p - \frac{\eta\,g}{\sqrt{s + \epsilon}},$$
#
# where $p$ is $w$ or $b$, and each of them has its own $g$ and $s$. Here
# $\eta = 0.01$, $\gamma = 0.9$ and $\epsilon = 10^{-6}$.


# %%
def rmsprop(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], hyperparams["eps"]
    for p, g, s in zip(params, grads, states):
        ### BEGIN SOLUTION
        d2l.assign(s, gamma * s + (1 - gamma) * d2l.square(g))
        d2l.assign(p, p - hyperparams["lr"] * g / d2l.sqrt(s + eps))
        ### END SOLUTION


# %% [markdown]
# Both parameters start from 0. Every one of the 1000 steps uses all the
# points, so nothing after the data is random. The loop notes $w$, $b$ and the
# loss before the first step and after each one.

# %%
num_steps = 1000
hyperparams = {"lr": 0.01, "gamma": 0.9, "eps": 1e-6}

w, b = params = [d2l.variable(d2l.zeros(())) for _ in range(2)]
states = [d2l.variable(d2l.zeros(())) for _ in range(2)]
path, losses = [], []


def note():
    path.append((d2l.numpy(w).item(), d2l.numpy(b).item()))
    losses.append(d2l.numpy(half_mse(w * x + b, y)).item())


note()
for _ in range(num_steps):
    rmsprop(params, gradient(w, b), states, hyperparams)
    note()

ws, bs = np.array(path).T
print(f"from scratch:  w = {ws[-1]:.4f}, b = {bs[-1]:.4f}")

# %% [markdown]
# **Look at** the line among the points. It is close, and yet not the best
# one: all of it lies below, by 0.005 at $x = 0$ and by 0.01 at $x = 1$. More
# steps would not change that; the figure after the next one shows why.

# %%
ends = np.array([0.0, 1.0])
d2l.figure("line")
d2l.plot(
    [x_points, ends, ends],
    [y_points, w_best * ends + b_best, ws[-1] * ends + bs[-1]],
    xlabel="x",
    ylabel="y",
    legend=["points", "least squares", "RMSProp"],
    fmts=("C0.", "k:", "C1-"),
)

# %% [markdown]
# **Look at** the first ten steps: the two curves rise together, although the
# gradient of $b$ starts almost twice as large as that of $w$. RMSProp divides
# each one by its own size, so both parameters move at the same speed. $w$
# goes past 0.1, to twice that value: as long as $b$ is too low, a steeper
# line fits better. As $b$ rises further, $w$ comes down again, and after some
# 85 steps both have arrived. They do not stay. There is a burst of jumps to
# and fro, a pause, a second burst that is weaker than the first, and a third;
# by step 200 they have become steady jumps that are nearly all alike.

# %%
first = 200
d2l.figure("path")
d2l.plot(
    np.arange(first + 1),
    [
        ws[: first + 1],
        bs[: first + 1],
        np.full(first + 1, w_best),
        np.full(first + 1, b_best),
    ],
    xlabel="step",
    ylabel="parameter",
    legend=["w", "b", "least squares"],
    fmts=("C0-", "C1-", "k:", "k:"),
)

# %% [markdown]
# ## Why it does not settle
#
# **Look at** the last dozen steps, as distances from least squares. With
# every step both parameters jump from one side to the other, up and down by
# the same length: $\eta$, less one or two per cent. They are off by half of
# that, 0.005, on either side. Nothing is random here, and nothing wears off:
# each step undoes the one before it.

# %%
last = 12
d2l.figure("hover")
d2l.plot(
    np.arange(num_steps - last + 1, num_steps + 1),
    [ws[-last:] - w_best, bs[-last:] - b_best],
    xlabel="step",
    ylabel="distance from least squares",
    ylim=(-0.006, 0.009),
    legend=["w", "b"],
    fmts=("C0o-", "C1x--"),
)
print(f"the last step: {ws[-1] - ws[-2]:+.5f} in w", end=", ")
print(f"{bs[-1] - bs[-2]:+.5f} in b")

# %% [markdown]
# Take one parameter alone, at the distance $d$ from the minimum of a loss
# with the curvature $h$: its gradient is $g = h\,d$. The steps of gradient
# descent become shorter as $g$ shrinks. RMSProp divides by $\sqrt{s}$, and
# $s$ shrinks along with $g^2$. So the smaller the gradients are, the larger
# is $\eta/\sqrt{s}$, the factor in front of them, until a step crosses the
# minimum and ends farther away on the other side. That is a burst. It makes
# the gradients larger, $s$ grows with them, and the factor falls: a pause. In
# the end the two are in balance, and each step leads exactly from $d$ to
# $-d$. Then $g^2$ is always the same, $s$ is equal to it, and the length of
# the step, which is $2\,|d|$, determines $d$:
#
# $$2\,|d| = \frac{\eta\,|g|}{\sqrt{g^2 + \epsilon}}
# \qquad\Longrightarrow\qquad
# |d| = \sqrt{\left(\frac{\eta}{2}\right)^2 - \frac{\epsilon}{h^2}}
# \approx \frac{\eta}{2}.$$
#
# As long as $\epsilon$ is small, the result does not depend on the curvature,
# nor on $\gamma$, which only affects how long the bursts go on. What can
# prevent the balance is $\epsilon$. Where $\sqrt{\epsilon} > \eta\,h / 2$
# there is no such $d$; the factor in front of $g$, which is never more than
# $\eta/\sqrt{\epsilon}$, then stays below $2/h$, and below this limit
# gradient descent converges. With our two parameters, $h$ in this condition
# is the largest eigenvalue of the matrix of second derivatives. It is 1.32
# for these points, and $\eta\,h/2 = 0.0066$ is well above
# $\sqrt{\epsilon} = 0.001$.
#
# **Look at** the loss. It is at its lowest when the parameters arrive, and
# each burst raises it again. Then it becomes flat, well above its least
# value. From a flat loss one might conclude that the parameters are at rest.
# But the two ends of a jump are equally high, so the loss does not show the
# jumps.

# %%
d2l.figure("loss")
d2l.plot(
    np.arange(first + 1),
    [losses[: first + 1], np.full(first + 1, least)],
    xlabel="step",
    ylabel="loss (½·MSE)",
    yscale="log",
    legend=["RMSProp", "the least loss"],
    fmts=("C0-", "k:"),
)
lowest = int(np.argmin(losses))
print(f"the loss: {losses[lowest]:.2e} after {lowest} steps", end=", ")
print(f"{losses[-1]:.2e} after {num_steps}")

# %% [markdown]
# ## The framework's own
#
# Now we use the framework's own linear layer, automatic gradient and RMSProp.
# `native_step` makes one step out of the three, and `fold` repeats it,
# compiled where that is faster. The step reads all the points from the
# enclosing scope, so `fold` gives it only its number. (NumPy has no optimizer
# of its own: there, this part says so and does nothing.)
#
# **Look at** the first burst, if the two curves differ anywhere. It grows
# from a distance to the minimum so small that rounding affects when it
# begins. The balance at the end is the same, unless the framework divides by
# $\sqrt{s} + \epsilon$: the jumps are a little longer then. Two runs may also
# be at opposite ends of their jumps after the last step. Their $w$ and $b$
# then differ by $\eta$, and neither is better than the other.

# %%
builtin = lesson.builtin(d2l, "rmsprop", hyperparams)
if builtin is None:
    print(f"{d2l.name} has no RMSProp of its own.")
else:
    trainer, words = builtin
    print(lesson.title(trainer), words)
    net = d2l.linear(
        d2l.variable(d2l.zeros((1, 1))), d2l.variable(d2l.zeros(1))
    )
    X, Y = d2l.reshape(x, (100, 1)), d2l.reshape(y, (100, 1))
    step, state = d2l.native_step(trainer, words, net, half_mse)

    def step_and_loss(state, batch):
        step(state, (X, Y))
        return half_mse(net(X), Y)

    concise = []
    d2l.fold(
        step_and_loss,
        state,
        [d2l.arange(num_steps)],
        watch=lambda loss: concise.append(d2l.numpy(loss).item()),
    )
    w_own, b_own = (d2l.numpy(p).item() for p in d2l.weights(net))
    print(f"built in:      w = {w_own:.4f}, b = {b_own:.4f}")
    d2l.figure("built-in")
    d2l.plot(
        np.arange(1, first + 1),
        [losses[1 : first + 1], concise[:first]],
        xlabel="step",
        ylabel="loss (½·MSE)",
        yscale="log",
        legend=["from scratch", "built in"],
        fmts=("C0-", "C1--"),
    )

# %% [markdown]
# ## Summary
#
# * RMSProp finds the slope and the intercept to within a hundredth, from
#   scratch and built in, and no better than that at this learning rate.
# * At first both parameters move at the same speed, whatever their gradients,
#   as each gradient is divided by its own size.
# * Without any noise in the gradients, a constant learning rate still leaves
#   RMSProp jumping to and fro across the minimum. The jumps are about $\eta$
#   long, $\eta/2$ to either side, because dividing by $\sqrt{s}$ keeps the
#   length of the step while the gradient shrinks.
# * A flat loss does not mean that the parameters have settled, nor that the
#   loss is at its least.
#
# ## Exercises
#
# 1. Run the chapter with $\eta$ = 0.1, 0.003 and 0.001. Predict before each
#    run how long the last jumps will be. One of the three settles: which one,
#    and below which $\eta$ does RMSProp settle?
# 2. Take the mean of the last two values of $w$, and of $b$. How far is it
#    from least squares, and why?
# 3. From $h = 1.32$, work out how large $\epsilon$ must be for RMSProp to
#    settle with $\eta = 0.01$. Try a value 5 % below yours and one 5 % above,
#    with enough steps to be sure. What is RMSProp, once $s$ is far below
#    $\epsilon$?
# 4. Let $\eta$ fall in a straight line, from 0.01 to nothing at the last
#    step. How close to least squares do you get? Then let it fall as
#    $0.01/\sqrt{k}$, where $k$ counts the hundreds of steps.
# 5. Give each step ten of the points, another ten each time, and compare the
#    last 500 distances from least squares with those of full batches. How
#    much of the distance is due to the minibatches?
# 6. Use gradient descent instead of `rmsprop`. How far does it get with a
#    learning rate of 0.01? Which is the largest rate that does not diverge,
#    and how many steps does it take to come within 0.005 of least squares
#    with a rate of 1?
# 7. Do everything in float64 (`d2l.tensor` and `d2l.zeros` take the dtype as
#    their second argument). What happens to the first burst, and what to the
#    balance?
