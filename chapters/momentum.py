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
# # Momentum
#
# In a narrow valley, gradient descent zigzags: each gradient points across
# the valley far more than along it, and to the other side each time. In a sum
# of a few such gradients the parts across the valley cancel, as their sign
# changes from step to step. The parts along it are small, but have the same
# sign, and add up. Momentum (Polyak, 1964) steps along such a sum. For each
# parameter it keeps a velocity $\mathbf{v}$, and does with each gradient
# $\mathbf{g}$
#
# $$\mathbf{v} \leftarrow \beta\,\mathbf{v} + \mathbf{g}, \qquad
# \mathbf{x} \leftarrow \mathbf{x} - \eta\,\mathbf{v}.$$
#
# This resembles a heavy ball that rolls with friction, and is also called the
# heavy-ball method. $\beta$, from 0 to below 1, is the share of the velocity
# that is kept at each step. With $\beta = 0$ this is gradient descent.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
from d2lopt import lesson

d2l = lesson.start("momentum")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## What the velocity remembers
#
# Written out, the velocity is a sum in which the gradient of $k$ steps ago
# has the weight $\beta^k$. These weights do not add up to one, but to
#
# $$\sum_{k=0}^\infty \beta^k = \frac{1}{1 - \beta}.$$
#
# So the velocity is a sum in which old gradients fade, a leaky sum. Along a
# constant slope it grows to $1/(1-\beta)$ times the gradient, as if the
# learning rate were that many times larger: 2 times for $\beta = 0.5$, 10
# times for 0.9, 20 times for 0.95.
#
# **Look at** how slowly the weights fall for a large $\beta$. With
# $\beta = 0.95$ the gradient of 40 steps ago still has a weight above a
# tenth; with 0.6 that of 5 steps ago is below it.

# %%
betas = [0.95, 0.9, 0.6, 0]
steps_ago = d2l.numpy(d2l.arange(40))
d2l.figure("weights")
d2l.plot(
    steps_ago,
    [beta**steps_ago for beta in betas],
    xlabel="steps ago",
    ylabel="weight",
    legend=[f"β = {beta}" for beta in betas],
)

# %% [markdown]
# ## A valley, seen from above
#
# In $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$ with its gradient
# $(0.2\,x_1,\ 4\,x_2)$, gradient descent converges for rates below 0.5. At
# 0.4 it crosses the valley with every step and moves slowly along it.
#
# **Look at** where it is after twenty steps at this rate: $x_1$ is still at
# −0.94.


# %%
def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def momentum_2d(x1, x2, v1, v2):
    g1, g2 = 0.2 * x1, 4 * x2
    ### BEGIN SOLUTION
    v1 = beta * v1 + g1
    v2 = beta * v2 + g2
    return x1 - eta * v1, x2 - eta * v2, v1, v2
    ### END SOLUTION


eta, beta = 0.4, 0
d2l.figure("plain")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))

# %% [markdown]
# A rate of 0.6 would be faster along the valley, but across it gradient
# descent diverges.
#
# **Look at** the scale of $x_2$: each step multiplies it by −1.4, and after
# eight steps it is at −29.5.

# %%
eta, beta = 0.6, 0
d2l.figure("diverging")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d, steps=8))

# %% [markdown]
# Now with momentum, $\beta = 0.5$, at both rates.
#
# **Look at** the way along the valley at $\eta = 0.4$: after twenty steps
# $x_1$ is fifteen times closer to 0 than without momentum. Across the valley,
# a swing from one side to the other now takes more than one step.

# %%
eta, beta = 0.4, 0.5
d2l.figure("swing")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))

# %% [markdown]
# **Look at** the same with $\eta = 0.6$, where gradient descent diverged. The
# second point is as far up as it was there, but then the swings become
# smaller. After twenty steps both coordinates are within 0.01.

# %%
eta, beta = 0.6, 0.5
d2l.figure("larger")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))

# %% [markdown]
# How large may the rate be? In one direction of curvature $h$, the step from
# the last point to this one is $-\eta\,v$, so the last two points determine
# the next:
#
# $$x_{t+1} = (1 + \beta - \eta h)\,x_t - \beta\,x_{t-1}.$$
#
# Its solutions are powers $z^t$ with
# $z^2 - (1 + \beta - \eta h)\,z + \beta = 0$, and both roots are smaller than
# one in size as long as
#
# $$0 < \eta h < 2 + 2\beta.$$
#
# With $\beta = 0.5$ that is a rate of 0.75 for the steep direction, instead
# of 0.5. And as the product of the two roots is $\beta$, neither direction
# can converge faster than $\sqrt{\beta}^{\,t}$: a large $\beta$ has a price,
# too.
#
# ## From scratch
#
# The rule keeps one $\mathbf{v}$ for each parameter, of its shape, from zero.


# %%
def init_momentum_states(feature_dim):
    ### BEGIN SOLUTION
    v_w = d2l.variable(d2l.zeros((feature_dim, 1)))
    v_b = d2l.variable(d2l.zeros(1))
    return v_w, v_b
    ### END SOLUTION


def momentum(params, grads, states, hyperparams):
    beta = hyperparams["momentum"]
    for p, g, v in zip(params, grads, states):
        ### BEGIN SOLUTION
        d2l.assign(v, beta * v + g)
        d2l.assign(p, p - hyperparams["lr"] * v)
        ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss is half the mean squared error, and its least
# value on these rows is 0.2417. `train_ch11` takes ten rows at a time, and
# evaluates the loss on all of them every 20 steps.
#
# **Look at** a small $\beta$ first: $\eta = 0.02$ and $\beta = 0.5$. In the
# long run this amounts to a rate of 0.04.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)


def train_momentum(lr, beta):
    return d2l.train_ch11(
        momentum,
        init_momentum_states(feature_dim),
        {"lr": lr, "momentum": beta},
        data_iter,
        feature_dim,
    )


d2l.figure("half")
_ = train_momentum(0.02, 0.5)

# %% [markdown]
# **Look at** the same $\eta$ with $\beta = 0.9$, in the long run a rate of
# 0.2. The loss falls faster, and then goes up and down by a few hundredths:
# momentum averages the noise of the minibatches over about ten steps, but its
# steps are ten times as long.

# %%
d2l.figure("nine-tenths")
_ = train_momentum(0.02, 0.9)

# %% [markdown]
# **Look at** $\eta = 0.005$ with $\beta = 0.9$, in the long run 0.05. The
# curve is about as smooth as the first one, and just as low. So a larger
# $\beta$ needs a smaller $\eta$: two settings are comparable if
# $\eta/(1-\beta)$ is about the same.

# %%
d2l.figure("scratch")
_, losses = train_momentum(0.005, 0.9)

# %% [markdown]
# ## The framework's own
#
# Momentum is a setting of SGD in some frameworks, and an optimizer of its own
# in others. Some have $\eta$ inside the buffer,
# $\mathbf{v} \leftarrow \beta\,\mathbf{v} + \eta\,\mathbf{g}$ and
# $\mathbf{x} \leftarrow \mathbf{x} - \mathbf{v}$. With a constant $\eta$ that
# is the same; with a schedule it is not.
#
# **Look at** the difference that is printed: it is rounding, and nothing
# else.


# %%
def train_builtin(name, lr, beta):
    builtin = lesson.builtin(d2l, name, {"lr": lr, "momentum": beta})
    if builtin is None:
        print(f"{d2l.name} has no {name} of its own.")
        return None
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure(f"built-in-{name}")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    return concise


concise = train_builtin("momentum", 0.005, 0.9)
if concise:
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Nesterov: the gradient one step ahead
#
# Whatever the next gradient is, the velocity will move the parameters by
# $-\eta\,\beta\,\mathbf{v}$. Nesterov (1983) therefore takes the gradient at
# the place where they will be after that move, and not where they are.
# Written for a gradient that is taken where the parameters are (Sutskever et
# al., 2013), the update has one more term:
#
# $$\mathbf{v} \leftarrow \beta\,\mathbf{v} + \mathbf{g}, \qquad
# \mathbf{x} \leftarrow \mathbf{x} - \eta\,(\mathbf{g} + \beta\,\mathbf{v}).$$
#
# Here are both in the valley, at $\eta = 0.2$ and $\beta = 0.8$.
#
# **Look at** how the heavy ball swings from side to side for most of the way.


# %%
def nesterov_2d(x1, x2, v1, v2):
    g1, g2 = 0.2 * x1, 4 * x2
    ### BEGIN SOLUTION
    v1 = beta * v1 + g1
    v2 = beta * v2 + g2
    return x1 - eta * (g1 + beta * v1), x2 - eta * (g2 + beta * v2), v1, v2
    ### END SOLUTION


eta, beta = 0.2, 0.8
d2l.figure("heavy-ball")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d, steps=30))

# %% [markdown]
# **Look at** Nesterov's form: after one swing it is on the valley floor.
# Along the floor the two are much alike: both pass the minimum and come back.

# %%
d2l.figure("nesterov")
d2l.show_trace_2d(f_2d, d2l.train_2d(nesterov_2d, steps=30))

# %% [markdown]
# The cost is a lower limit for the rate. The condition is now
# $\eta h < (2 + 2\beta)/(1 + 2\beta)$, which is 1.5 for $\beta = 0.5$, and
# less than gradient descent's 2 for any $\beta > 0$. At $\eta = 0.4$ and
# $\beta = 0.5$, where the steep direction has $\eta h = 1.6$, the heavy ball
# converges and Nesterov's form diverges. It is made for moderate rates and
# large $\beta$.


# %%
def nesterov(params, grads, states, hyperparams):
    beta = hyperparams["momentum"]
    for p, g, v in zip(params, grads, states):
        ### BEGIN SOLUTION
        d2l.assign(v, beta * v + g)
        d2l.assign(p, p - hyperparams["lr"] * (g + beta * v))
        ### END SOLUTION


# %% [markdown]
# **Look at** how little changes on the airfoil, at $\eta = 0.005$ and
# $\beta = 0.9$. No curvature of this problem is above 2.1, so
# $\eta h \le 0.011$, and the gradient one step ahead hardly differs from the
# gradient here.

# %%
d2l.figure("nesterov-scratch")
_, nesterov_losses = d2l.train_ch11(
    nesterov,
    init_momentum_states(feature_dim),
    {"lr": 0.005, "momentum": 0.9},
    data_iter,
    feature_dim,
)
concise = train_builtin("nesterov", 0.005, 0.9)
if concise:
    print(
        f"built-in − from scratch: {concise[-1] - nesterov_losses[-1]:+.1e}"
    )

# %% [markdown]
# ## Summary
#
# * Momentum steps along a leaky sum of gradients. Parts that alternate in
#   sign cancel, and parts that persist grow, up to $1/(1-\beta)$ times.
# * In a narrow valley it moves faster along the floor, and converges at rates
#   at which gradient descent diverges, up to $2 + 2\beta$ over the largest
#   curvature.
# * Compare settings by $\eta/(1-\beta)$. A larger $\beta$ with the same
#   $\eta$ is a larger rate.
# * Nesterov's form reduces the swing, and needs smaller rates.
#
# ## Exercises
#
# 1. For which $\beta$ do the two roots of $z^2 - (1 + \beta - \eta h)\,z +
#    \beta$ become complex? What does the trace do then?
# 2. Choose $\eta$ and $\beta$ for the valley such that both directions have
#    double roots, $\sqrt{\eta h} = 1 \pm \sqrt{\beta}$. How many steps does
#    it take now until both coordinates are within 0.01, and how many does
#    gradient descent take at its best rate?
# 3. Try $\beta = 0.99$ on the airfoil, with an $\eta$ that suits it, for two
#    epochs and for ten.
# 4. Write momentum with the leaky average instead of the sum,
#    $\mathbf{v} \leftarrow \beta\,\mathbf{v} + (1-\beta)\,\mathbf{g}$. Which
#    $\eta$ gives the same steps as before?
# 5. Put $\eta$ inside the buffer, and halve it after the first epoch. How far
#    do the two forms come apart, and for how long?
# 6. Derive Nesterov's condition as the text does for the heavy ball, and find
#    the rate at which the valley's trace begins to grow, in both forms.
