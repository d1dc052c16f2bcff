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
# # Gradient descent
#
# Gradient descent takes a step against the gradient, computes the gradient at
# the new point, and repeats. Every optimizer of the following chapters is a
# variation of it. It is seldom used in this plain form, and this page shows
# its difficulties as well: they are what the other optimizers were made for.
#
# Close to $x$ a smooth function is almost a straight line,
#
# $$f(x + d) = f(x) + d\,f'(x) + \mathcal{O}(d^2),$$
#
# so a step $d = -\eta f'(x)$ with a small $\eta > 0$ makes $f$ smaller: it
# changes $f$ by about $-\eta f'(x)^2$. This gives the rule
#
# $$x \leftarrow x - \eta\,f'(x).$$
#
# The learning rate $\eta$ is for us to choose. Half of this page is about
# that choice.
#
# This page runs on every framework that d2lopt knows. `d2l` is the one that
# was asked for; no line below depends on which.

# %%
import numpy as np

from d2lopt import lesson

d2l = lesson.start("gradient_descent")
print(f"{d2l.name} {d2l.version}")

# %% [markdown]
# ## One dimension
#
# Take $f(x) = x^2/2$, whose derivative is $x$ itself. A step is then a
# multiplication:
#
# $$x \leftarrow x - \eta\,x = (1 - \eta)\,x.$$
#
# So we can say which rates work. Between 0 and 2 the factor is smaller than
# one in size, and $x$ goes to 0; with $\eta = 1$ it gets there in a single
# step. We start from $x = 4$ and take ten steps.


# %%
def descend(f_grad, x, eta, steps=10):
    xs = [x]
    for _ in range(steps):
        x -= eta * f_grad(x)
        xs.append(x)
    print(f"η = {eta}: x = {x:.4f} after {steps} steps")
    return xs


def show_trace(f, *traces, legend=None):
    reach = max(abs(x) for xs in traces for x in xs) * 1.1
    line = np.linspace(-reach, reach, 201)
    d2l.plot(
        [line, *traces],
        [f(line), *(f(np.array(xs)) for xs in traces)],
        xlabel="x",
        ylabel="f(x)",
        legend=legend and ["f", *legend],
        fmts=("C0-", "C1o-", "C2s--"),
    )


def f(x):
    return x**2 / 2


def f_grad(x):
    return x


# %% [markdown]
# **Look at** the points for $\eta = 0.1$. All of them lie on the side where
# they started, and each is at nine tenths of the distance of the one before.
# After ten steps a third of the distance is left.

# %%
d2l.figure("small")
show_trace(f, descend(f_grad, 4.0, 0.1))

# %% [markdown]
# **Look at** how few points can be told apart for $\eta = 0.5$: each step
# halves the distance, and after five steps what is left is too short to see
# in the picture.

# %%
d2l.figure("good")
show_trace(f, descend(f_grad, 4.0, 0.5))

# %% [markdown]
# **Look at** the two sides for $\eta = 2.1$. The factor is −1.1: each step
# crosses the minimum and ends farther from it than it began. Ten steps have
# taken $x$ from 4 to more than 10, and more steps would take it farther
# still. The slope tells the direction in which $f$ decreases; it does not
# tell for how far.

# %%
d2l.figure("large")
show_trace(f, descend(f_grad, 4.0, 2.1))

# %% [markdown]
# ## More than one valley
#
# The function $f(x) = x^4/4 - 2x^2 + x$ has two valleys: a deep one at
# $x \approx -2.11$, where $f \approx -6.06$, and a shallow one at
# $x \approx 1.86$, where $f \approx -2.07$, with a hill between them. A
# derivative describes the function near one point. It says nothing about a
# deeper valley elsewhere.
#
# **Look at** where the two runs end. Both begin at $x = 3$. With $\eta = 0.1$
# the first step ends at 1.4, and the following ones lead to the bottom of the
# shallow valley. With $\eta = 0.2$ the first step is twice as long. It ends
# just beyond the top of the hill, and from there the run goes down into the
# deep valley. That is chance: with the same rate and a start at 2.5, as the
# last printed line says, the run ends in the shallow valley again.


# %%
def g(x):
    return x**4 / 4 - 2 * x**2 + x


def g_grad(x):
    return x**3 - 4 * x + 1


d2l.figure("minima")
show_trace(
    g,
    descend(g_grad, 3.0, 0.1, 20),
    descend(g_grad, 3.0, 0.2, 20),
    legend=["η = 0.1", "η = 0.2"],
)
_ = descend(g_grad, 2.5, 0.2, 20)

# %% [markdown]
# ## Let the curvature choose the rate
#
# One more term of the series tells how far to go:
#
# $$f(x + d) = f(x) + d\,f'(x) + \frac{d^2}{2} f''(x) + \mathcal{O}(d^3).$$
#
# Without the last term this is a parabola in $d$, and where $f''(x) > 0$ its
# lowest point is at $d = -f'(x)/f''(x)$. This is Newton's method,
#
# $$x \leftarrow x - \frac{f'(x)}{f''(x)},$$
#
# and it has no learning rate. On $x^2/2$ it needs one step. How well it works
# elsewhere depends on how closely the function follows its parabola. A case
# where it fails is $f(x) = \sqrt{1 + x^2}$. Its derivatives are
# $x\,(1+x^2)^{-1/2}$ and $(1+x^2)^{-3/2}$, and so a Newton step is
#
# $$x \leftarrow x - x\,(1 + x^2) = -x^3.$$
#
# **Look at** the two starts. From 0.9 the cubes shrink, and faster at each
# step: the fourth is at 0.0002. From 1.1 they grow, and the third is at −13
# already. The function is convex, and the slope always points the right way.
# But far from the minimum the function is almost straight, so its parabola is
# wide and flat, with its lowest point far beyond the minimum.


# %%
def h(x):
    return np.sqrt(1 + x**2)


def h_grad(x):
    return x / h(x)


def newton_step(x):
    ### BEGIN SOLUTION
    return x - h_grad(x) * h(x) ** 3
    ### END SOLUTION


def newton(x, steps):
    xs = [x]
    for _ in range(steps):
        x = newton_step(x)
        xs.append(x)
    print("Newton:", ", ".join(f"{x:.4f}" for x in xs))
    return xs


d2l.figure("newton")
show_trace(h, newton(0.9, 4), newton(1.1, 3), legend=["from 0.9", "from 1.1"])

# %% [markdown]
# Where $f'' < 0$, as on a hilltop, the parabola opens downwards, and Newton's
# method goes up to its top. To divide by $|f''|$ instead makes it go down,
# and to take only a part $\eta < 1$ of each step makes it overshoot less.
#
# ## Two dimensions
#
# For a vector $\mathbf{x}$ the gradient $\nabla f$ takes the place of the
# derivative. It has one number for each coordinate:
#
# $$\mathbf{x} \leftarrow \mathbf{x} - \eta\,\nabla f(\mathbf{x}).$$
#
# Now one $\eta$ has to serve for all coordinates. Take
# $f(\mathbf{x}) = 0.1\,x_1^2 + 2\,x_2^2$, a valley that is twenty times
# steeper across than along. Its gradient is $(0.2\,x_1,\ 4\,x_2)$, and a step
# multiplies $x_1$ by $1 - 0.2\,\eta$ and $x_2$ by $1 - 4\,\eta$. The steep
# direction allows no rate above 0.5, and at that rate the flat one keeps nine
# tenths of its way at every step.
#
# **Look at** the zigzag at $\eta = 0.4$. Each step crosses the valley floor
# and ends on the other side, at six tenths of the distance. Along the floor a
# step covers only a twelfth of what is left. After twenty steps $x_2$ is
# almost 0, and $x_1$ is still at −0.94.


# %%
def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def gd_2d(x1, x2, s1, s2):
    g1, g2 = 0.2 * x1, 4 * x2
    ### BEGIN SOLUTION
    return x1 - eta * g1, x2 - eta * g2, 0, 0
    ### END SOLUTION


eta = 0.4
d2l.figure("valley")
d2l.show_trace_2d(f_2d, d2l.train_2d(gd_2d))

# %% [markdown]
# In two dimensions Newton's method divides by the matrix of second
# derivatives. For a model with a million parameters that matrix has a million
# million entries; its diagonal has only a million. To divide each
# coordinate's slope by its own curvature, here 0.2 and 4, is called
# preconditioning. The learning rate is then a share of the distance, the same
# for every coordinate.
#
# **Look at** the straight line: with $\eta = 0.4$ both coordinates keep six
# tenths of their distance at each step. It is straight because this valley
# lies along the axes. In a valley that is turned against the axes, the
# diagonal holds only a part of the curvature.


# %%
def preconditioned_2d(x1, x2, s1, s2):
    g1, g2 = 0.2 * x1, 4 * x2
    return x1 - eta * g1 / 0.2, x2 - eta * g2 / 4, 0, 0


d2l.figure("preconditioned")
d2l.show_trace_2d(f_2d, d2l.train_2d(preconditioned_2d))

# %% [markdown]
# The optimizers from Adagrad to Adam divide each coordinate by a size that
# they measure as they go. They are cheap preconditioners.
#
# ## From scratch
#
# A rule for a model changes the parameters in place, with `d2l.assign`. This
# one keeps nothing from step to step, so it needs no `states`.


# %%
def gd(params, grads, states, hyperparams):
    ### BEGIN SOLUTION
    for p, g in zip(params, grads):
        d2l.assign(p, p - hyperparams["lr"] * g)
    ### END SOLUTION


# %% [markdown]
# The data are NASA's measurements of the noise of an airfoil: five features
# and the sound pressure, 1500 rows, each column with mean 0 and variance 1.
# The model is linear and the loss is half the mean squared error. So the loss
# is a valley like the one above, in six dimensions: five weights and a bias.
# Its curvatures are the eigenvalues of $\mathbf{A}^\top\mathbf{A}/n$, where
# $\mathbf{A}$ has the $n$ rows with a 1 at the end of each. If $\lambda$ is
# the largest of them, rates below $2/\lambda$ converge.

# %%
data_iter, feature_dim = d2l.get_data_ch11(batch_size=1500)
X, y = (d2l.numpy(array) for array in next(iter(data_iter)))
A = np.hstack([X, np.ones((1500, 1))])
curvatures = np.linalg.eigvalsh(A.T @ A / 1500)
print("curvatures:", ", ".join(f"{c:.2f}" for c in curvatures))
print(f"rates below {2 / curvatures.max():.3f} converge")
_, residuals, *_ = np.linalg.lstsq(A, y, rcond=None)
print(f"the least loss: {residuals.item() / 1500 / 2:.4f}")

# %% [markdown]
# A batch of 1500 rows is all of them: each epoch is one step, and the
# gradient is the exact one. `train_ch11` evaluates the loss every 20 steps;
# the points in the picture are these values, and the lines only connect them.
#
# **Look at** the flat part. With the exact gradient the loss does not go up
# and down: it falls to its least value and stays there. The cost is that
# every one of the 100 steps has read all the data.

# %%
d2l.figure("scratch")
times, losses = d2l.train_ch11(
    gd, None, {"lr": 0.5}, data_iter, feature_dim, num_epochs=100
)

# %% [markdown]
# **Look at** what a rate of 1 does, which is a little too large. After 20
# steps the loss is down by half, and after 40 it is twice what it was at the
# start. Five of the six directions converge quickly. In the sixth, the
# steepest, the distance has grown by a tenth with every step; for the first
# 20 steps it was still too small to be seen in the loss.

# %%
d2l.figure("too-large")
_, rising = d2l.train_ch11(
    gd, None, {"lr": 1.0}, data_iter, feature_dim, num_epochs=40
)
print("every 20 steps:", ", ".join(f"{loss:.3f}" for loss in rising))

# %% [markdown]
# ## The framework's own
#
# Every framework but NumPy has this rule. They all call it SGD, whatever the
# gradient is taken of; the next chapter explains the S. The start is the same
# as above.
#
# **Look at** the difference that is printed. This rule has no $\epsilon$ and
# no other setting on which frameworks could disagree, so all that is left is
# rounding.

# %%
builtin = lesson.builtin(d2l, "sgd", {"lr": 0.5})
if builtin is None:
    print(f"{d2l.name} has no gradient descent of its own.")
else:
    trainer, hyperparams = builtin
    print(lesson.title(trainer), hyperparams)
    d2l.figure("built-in")
    _, concise = d2l.train_concise_ch11(
        trainer, hyperparams, data_iter, num_epochs=100
    )
    print(f"built-in − from scratch: {concise[-1] - losses[-1]:+.1e}")

# %% [markdown]
# ## Summary
#
# * Gradient descent steps against the gradient. The gradient gives the
#   direction, and the learning rate has to give the length.
# * Too small a rate is slow. A rate above 2 over the largest curvature
#   diverges, and may still lower the loss during the first steps.
# * It finds a valley, which need not be the deepest one.
# * Where curvatures differ, the steepest direction limits the rate, and the
#   flattest one determines how many steps are needed. To divide by the
#   curvature removes this difficulty, where the curvature is known and the
#   function is close to its parabola.
#
# ## Exercises
#
# 1. Which $\eta$ makes the slower of the two coordinates of the valley above
#    as fast as it can be, so that the worse of the factors $|1 - 0.2\,\eta|$
#    and $|1 - 4\,\eta|$ is least? How many steps does it take from
#    $(-5, -2)$ until both are within 0.01?
# 2. Work out the same rate for the airfoil data from the six curvatures that
#    are printed, and count the steps to within 1 % of the least loss. Compare
#    with $\eta = 0.5$.
# 3. A line search tries $\eta$ = 1, ½, ¼, … and takes the first that lowers
#    $f$. Write it in one dimension, and run it on $x^2/2$, on the function
#    with two valleys, and on $\sqrt{1 + x^2}$ from 100. How often does a step
#    evaluate $f$ now?
# 4. Halve an interval instead: if $f$ is convex and $f'(a) < 0 < f'(b)$,
#    evaluate $f'$ in the middle and keep the half with the minimum in it. How
#    many halvings does it take until the interval is $10^{-6}$ long? Why does
#    this not carry over to a million dimensions?
# 5. Run Newton's method on $x^4/4 - 2x^2 + x$ from $x$ = 3, 0.9 and 0.2.
#    Where does each end, and which of the ends is a minimum? Then divide by
#    $|f''|$.
