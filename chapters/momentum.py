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
# the valley far more than along it, now to one side, now to the other. Add a
# few of these gradients up. What points across cancels, as it changes its
# sign from step to step; what points along is small, but always the same way,
# and grows. Momentum (Polyak, 1964) steps along such a sum. For each
# parameter it keeps a velocity $\mathbf{v}$, and does with each gradient
# $\mathbf{g}$
#
# $$\mathbf{v} \leftarrow \beta\,\mathbf{v} + \mathbf{g}, \qquad
# \mathbf{x} \leftarrow \mathbf{x} - \eta\,\mathbf{v}.$$
#
# A heavy ball rolls like that, and $\beta$, from 0 to below 1, says how much
# of its speed friction leaves it. With $\beta = 0$ this is gradient descent.
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
# Write the recursion out, and the gradient of $k$ steps ago is in
# $\mathbf{v}$ with the weight $\beta^k$. These weights do not add up to one,
# but to
#
# $$\sum_{k=0}^\infty \beta^k = \frac{1}{1 - \beta}.$$
#
# So the velocity is a leaky sum. Along a constant slope it grows to
# $1/(1-\beta)$ times the gradient, as if the learning rate were that many
# times larger: 2 times for $\beta = 0.5$, 10 times for 0.9, 20 times for
# 0.95.
#
# **Look at** how long the tails are. With $\beta = 0.95$ the gradient of 40
# steps ago still has a weight above a tenth; with 0.6 that of 5 steps ago is
# below it.

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
# $(0.2\,x_1,\ 4\,x_2)$, gradient descent converges for rates below 0.5, and
# at 0.4 it crosses the valley with every step and gets along it slowly.
#
# **Look at** what is left after twenty steps at this rate: $x_1$ is not
# there.


# %%
def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def momentum_2d(x1, x2, v1, v2):
    g1, g2 = 0.2 * x1, 4 * x2
    v1 = beta * v1 + g1
    v2 = beta * v2 + g2
    return x1 - eta * v1, x2 - eta * v2, v1, v2


eta, beta = 0.4, 0
d2l.figure("plain")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))

# %% [markdown]
# A rate of 0.6 would get along faster, if it were not for the other
# direction.
#
# **Look at** the scale of $x_2$: each step multiplies it by −1.4. Eight of
# them are enough to leave the valley.

# %%
eta, beta = 0.6, 0
d2l.figure("diverging")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d, steps=8))

# %% [markdown]
# Now with momentum, $\beta = 0.5$, at both rates.
#
# **Look at** the way along the valley at $\eta = 0.4$: twenty steps bring
# $x_1$ fifteen times closer than without momentum. Across it, the zigzag has
# turned into a swing that takes several steps from one side to the other.

# %%
eta, beta = 0.4, 0.5
d2l.figure("swing")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))

# %% [markdown]
# **Look at** the same with $\eta = 0.6$, where gradient descent diverged. The
# second point is as far up as it was there, and then the swing dies down.
# After twenty steps both coordinates are within 0.01.

# %%
eta, beta = 0.6, 0.5
d2l.figure("larger")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))

# %% [markdown]
# How large may the rate be? In one direction of curvature $h$, the last two
# points tell everything, for $-\eta\,v$ is the step between them:
#
# $$x_{t+1} = (1 + \beta - \eta h)\,x_t - \beta\,x_{t-1}.$$
#
# Its solutions are powers $z^t$ with
# $z^2 - (1 + \beta - \eta h)\,z + \beta = 0$, and both roots are smaller than
# one in size as long as
#
# $$0 < \eta h < 2 + 2\beta.$$
#
# With $\beta = 0.5$ that is a rate of 0.75 for the steep direction, in the
# place of 0.5. And as the product of the two roots is $\beta$, neither
# direction can converge faster than $\sqrt{\beta}^{\,t}$: whoever wants a
# long memory has to wait until it fades.
#
# ## From scratch
#
# The rule keeps one $\mathbf{v}$ for each parameter, of its shape, from zero.


# %%
def init_momentum_states(feature_dim):
    v_w = d2l.variable(d2l.zeros((feature_dim, 1)))
    v_b = d2l.variable(d2l.zeros(1))
    return v_w, v_b


def momentum(params, grads, states, hyperparams):
    beta = hyperparams["momentum"]
    for p, g, v in zip(params, grads, states):
        d2l.assign(v, beta * v + g)
        d2l.assign(p, p - hyperparams["lr"] * v)


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear, the loss half the mean squared error, and its least
# value on these rows is 0.2417. `train_ch11` takes ten rows at a time, and
# looks at the loss on all of them every 20 steps.
#
# **Look at** a short memory first, $\eta = 0.02$ and $\beta = 0.5$. In the
# long run this is a rate of 0.04.

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
# 0.2. The loss falls faster, and then jumps about: momentum averages the
# noise of the minibatches over ten steps, and takes steps that are ten times
# as long.

# %%
d2l.figure("nine-tenths")
_ = train_momentum(0.02, 0.9)

# %% [markdown]
# **Look at** $\eta = 0.005$ with $\beta = 0.9$, in the long run 0.05. The
# curve is about as calm as the first one, and just as low. So a larger
# $\beta$ asks for a smaller $\eta$: what can be compared is
# $\eta/(1-\beta)$.

# %%
d2l.figure("scratch")
_, losses = train_momentum(0.005, 0.9)

# %% [markdown]
# ## The framework's own
#
# Momentum is a setting of SGD, or an optimizer of its own. Some frameworks
# have $\eta$ inside the buffer, $\mathbf{v} \leftarrow \beta\,\mathbf{v} +
# \eta\,\mathbf{g}$ and $\mathbf{x} \leftarrow \mathbf{x} - \mathbf{v}$. With
# a constant $\eta$ that is the same; with a schedule it is not.
#
# **Look at** the difference that is printed: rounding, and nothing else.


# %%
def train_builtin(name, lr, beta):
    builtin = lesson.builtin(d2l, name, {"lr": lr, "momentum": beta})
    if builtin is None:
        print(f"{d2l.name} has no {name} of its own.")
        return None
    trainer, hyperparams = builtin
    print(trainer, hyperparams)
    d2l.figure(f"built-in-{name}")
    _, concise = d2l.train_concise_ch11(trainer, hyperparams, data_iter)
    return concise


concise = train_builtin("momentum", 0.005, 0.9)
if concise:
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Nesterov: look where you roll
#
# The velocity will carry the ball on, whatever it finds. Nesterov (1983) asks
# for the slope at the place where it is about to be, and not where it is.
# Written for a gradient that is taken where the parameters are (Sutskever et
# al., 2013), it is one term more:
#
# $$\mathbf{v} \leftarrow \beta\,\mathbf{v} + \mathbf{g}, \qquad
# \mathbf{x} \leftarrow \mathbf{x} - \eta\,(\mathbf{g} + \beta\,\mathbf{v}).$$
#
# Here are both in the valley, at $\eta = 0.2$ and $\beta = 0.8$.
#
# **Look at** the heavy ball's swing from side to side, which lasts for most
# of the way.


# %%
def nesterov_2d(x1, x2, v1, v2):
    g1, g2 = 0.2 * x1, 4 * x2
    v1 = beta * v1 + g1
    v2 = beta * v2 + g2
    return x1 - eta * (g1 + beta * v1), x2 - eta * (g2 + beta * v2), v1, v2


eta, beta = 0.2, 0.8
d2l.figure("heavy-ball")
d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d, steps=30))

# %% [markdown]
# **Look at** Nesterov's: one swing, and it is on the valley floor. Along the
# floor the two are much alike, and both roll past the minimum and come back.

# %%
d2l.figure("nesterov")
d2l.show_trace_2d(f_2d, d2l.train_2d(nesterov_2d, steps=30))

# %% [markdown]
# What it pays is room above. The condition is now
# $\eta h < (2 + 2\beta)/(1 + 2\beta)$, which is 1.5 for $\beta = 0.5$, and
# less than gradient descent's 2 for any $\beta > 0$: at $\eta = 0.4$, where
# the steep direction has $\eta h = 1.6$, the heavy ball converges and
# Nesterov's diverges. Its place is at moderate rates and large $\beta$.


# %%
def nesterov(params, grads, states, hyperparams):
    beta = hyperparams["momentum"]
    for p, g, v in zip(params, grads, states):
        d2l.assign(v, beta * v + g)
        d2l.assign(p, p - hyperparams["lr"] * (g + beta * v))


# %% [markdown]
# **Look at** how little changes on the airfoil, at $\eta = 0.005$ and
# $\beta = 0.9$. No curvature of this problem is above 2.1, so that
# $\eta h \le 0.011$, and looking ahead by a hundredth shows nothing new.

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
# * Momentum steps along a leaky sum of gradients. What alternates cancels,
#   and what persists grows, up to $1/(1-\beta)$ times.
# * In a narrow valley it gets along faster, and stands rates at which
#   gradient descent diverges, up to $2 + 2\beta$ over the largest curvature.
# * Compare $\eta/(1-\beta)$. A larger $\beta$ with the same $\eta$ is a
#   larger rate.
# * Nesterov's form damps the swing, and stands smaller rates only.
#
# ## Exercises
#
# 1. For which $\beta$ do the two roots of $z^2 - (1 + \beta - \eta h)\,z +
#    \beta$ become complex? What does the trace do then?
# 2. Choose $\eta$ and $\beta$ for the valley such that both directions have
#    double roots, $\sqrt{\eta h} = 1 \pm \sqrt{\beta}$. How many steps does
#    it take now until both coordinates are within 0.01, and how many with
#    gradient descent at its best rate?
# 3. Try $\beta = 0.99$ on the airfoil, with an $\eta$ to suit it, for two
#    epochs and for ten.
# 4. Write momentum with the leaky average in the place of the sum,
#    $\mathbf{v} \leftarrow \beta\,\mathbf{v} + (1-\beta)\,\mathbf{g}$. Which
#    $\eta$ gives the same steps as before?
# 5. Put $\eta$ inside the buffer, and halve it after the first epoch. How far
#    do the two forms come apart, and for how long?
# 6. Derive Nesterov's condition as the text does for the heavy ball, and find
#    the rate at which the valley's trace begins to grow, in both forms.
