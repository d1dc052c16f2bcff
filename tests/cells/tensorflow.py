# ruff: noqa
"""Cells in the manner of the book's TensorFlow tab, in the order of its sections."""

# %% introduction
import math

import numpy as np
import tensorflow as tf
from mpl_toolkits import mplot3d

from d2lopt import tensorflow as d2l


def f(x):
    return x * tf.cos(np.pi * x)


def g(x):
    return f(x) + 0.2 * tf.cos(5 * np.pi * x)


def annotate(text, xy, xytext):
    d2l.plt.gca().annotate(text, xy=xy, xytext=xytext, arrowprops=dict(arrowstyle="->"))


x = tf.range(0.5, 1.5, 0.01)
d2l.set_figsize((4.5, 2.5))
d2l.plot(x, [f(x), g(x)], "x", "risk")
annotate("the data's", (1.0, -1.2), (0.5, -1.1))
d2l.annotate("the true one", (1.1, -1.05), (0.95, -0.5))
assert len(d2l.plt.gca().texts) == 2
# %%
x = d2l.arange(-2.0, 2.0, 0.01)
d2l.plot(x, [x**3], "x", "f(x)")
x, y = d2l.meshgrid(d2l.linspace(-1.0, 1.0, 101), d2l.linspace(-1.0, 1.0, 101))
z = x**2 - y**2
ax = d2l.plt.figure().add_subplot(111, projection="3d")
ax.plot_wireframe(x, y, z, **{"rstride": 10, "cstride": 10})
ax.plot([0], [0], [0], "rx")
ticks = [-1, 0, 1]
d2l.plt.xticks(ticks)
d2l.plt.yticks(ticks)
ax.set_zticks(ticks)
d2l.plt.xlabel("x")
d2l.plt.ylabel("y")
# %%
x = d2l.arange(-2.0, 5.0, 0.01)
d2l.plot(x, [d2l.tanh(x)], "x", "f(x)")
# %% convexity
f = lambda x: 0.5 * x**2
g = lambda x: d2l.cos(np.pi * x)
h = lambda x: d2l.exp(0.5 * x)
x, segment = d2l.arange(-2, 2, 0.01), d2l.tensor([-1.5, 1])
d2l.use_svg_display()
_, axes = d2l.plt.subplots(1, 3, figsize=(9, 3))
for ax, func in zip(axes, [f, g, h]):
    d2l.plot([x, segment], [func(x), func(segment)], axes=ax)
assert [len(ax.lines) for ax in axes] == [2, 2, 2]
# %% gradient descent
c = d2l.tensor(0.5)


def f(x):
    return d2l.cosh(c * x)


def f_grad(x):
    return c * d2l.sinh(c * x)


def f_hess(x):
    return c**2 * d2l.cosh(c * x)


def newton(eta=1):
    x = 10.0
    results = [x]
    for _ in range(10):
        x -= eta * f_grad(x) / f_hess(x)
        results.append(float(x))
    print(f"epoch 10, x: {x:f}")
    return results


def show_trace(results, f):
    n = max(abs(min(results)), abs(max(results)))
    f_line = d2l.arange(-n, n, 0.1)
    d2l.set_figsize()
    d2l.plot(
        [f_line, results],
        [[f(x) for x in f_line], [f(x) for x in results]],
        "x",
        "f(x)",
        fmts=["-", "-o"],
    )


show_trace(newton(), f)


# %%
def show_trace_2d(f, results):
    d2l.set_figsize()
    d2l.plt.plot(*zip(*results), "-o", color="#ff7f0e")
    x1, x2 = d2l.meshgrid(d2l.arange(-5.5, 1.0, 0.1), d2l.arange(-3.0, 1.0, 0.1))
    d2l.plt.contour(x1, x2, f(x1, x2), colors="#1f77b4")
    d2l.plt.xlabel("x1")


def f_2d(x1, x2):
    return x1**2 + 2 * x2**2


def f_2d_grad(x1, x2):
    return 2 * x1, 4 * x2


def gd_2d(x1, x2, s1, s2, f_grad):
    g1, g2 = f_grad(x1, x2)
    return x1 - eta * g1, x2 - eta * g2, 0, 0


eta = 0.1
show_trace_2d(f_2d, d2l.train_2d(gd_2d, f_grad=f_2d_grad))


# %% stochastic gradient descent
def sgd(x1, x2, s1, s2, f_grad):
    g1, g2 = f_grad(x1, x2)
    g1 += d2l.normal([1], 0.0, 1)
    g2 += float(tf.random.normal([1], 0.0, 1)[0])
    eta_t = eta * lr()
    return x1 - eta_t * g1, x2 - eta_t * g2, 0, 0


def polynomial_lr():
    global t
    t += 1
    return (1 + 0.1 * t) ** (-0.5)


t, lr = 1, polynomial_lr
d2l.show_trace_2d(f_2d, d2l.train_2d(sgd, steps=50, f_grad=f_2d_grad))
d2l.show_trace_2d(lambda x1, x2: tf.exp(0.1 * x1) + x2**2, [(-5, -2), (0, 0)])
# %% minibatch stochastic gradient descent
timer = d2l.Timer()
A = tf.Variable(d2l.zeros((8, 8)))
B = tf.Variable(d2l.normal([8, 8], 0, 1))
C = tf.Variable(d2l.normal([8, 8], 0, 1))
timer.start()
for i in range(8):
    for j in range(8):
        A[i, j].assign(tf.tensordot(B[i, :], C[:, j], axes=1))
timer.stop()
timer.start()
A.assign(tf.tensordot(B, C, axes=1))
timer.stop()
print([0.03 / i for i in timer.times], timer.avg(), timer.sum(), timer.cumsum())


def sgd(params, grads, states, hyperparams):
    for param, grad in zip(params, grads):
        param.assign_sub(hyperparams["lr"] * grad)


# %% [file]
d2l.DATA_HUB["airfoil"] = (
    d2l.DATA_URL + "airfoil_self_noise.dat",
    "76e5be1548fd8222e5074cf0faae75edff8cf93f",
)


def get_data_ch11(batch_size=10, n=1500):
    data = np.genfromtxt(d2l.download("airfoil"), dtype=np.float32, delimiter="\t")
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    rows = (data[:n, :-1], data[:n, -1])
    return d2l.load_array(rows, batch_size, is_train=True), data.shape[1] - 1


assert isinstance(get_data_ch11()[0], tf.data.Dataset)
data_iter, feature_dim = get_data_ch11()
d2l.train_ch11(sgd, None, {"lr": 0.05}, data_iter, feature_dim)
# %%
if "get_data_ch11" not in globals():
    get_data_ch11 = d2l.get_data_ch11


def train_ch11(trainer_fn, states, hyperparams, data_iter, feature_dim, num_epochs=2):
    w = tf.Variable(
        tf.random.normal(shape=(feature_dim, 1), mean=0, stddev=0.01), trainable=True
    )
    b = tf.Variable(tf.zeros(1), trainable=True)
    net, loss = lambda X: d2l.linreg(X, w, b), d2l.squared_loss
    animator = d2l.Animator(
        xlabel="epoch", ylabel="loss", xlim=[0, num_epochs], ylim=[0.22, 0.35]
    )
    n, timer = 0, d2l.Timer()
    for _ in range(num_epochs):
        for X, y in data_iter:
            with tf.GradientTape() as g:
                l = tf.math.reduce_mean(loss(net(X), y))
            dw, db = g.gradient(l, [w, b])
            trainer_fn([w, b], [dw, db], states, hyperparams)
            n += X.shape[0]
            if n % 200 == 0 or n == 1500:
                timer.stop()
                animator.add(
                    n
                    / X.shape[0]
                    / tf.data.experimental.cardinality(data_iter).numpy(),
                    (d2l.evaluate_loss(net, data_iter, loss),),
                )
                timer.start()
    print(f"loss: {animator.Y[0][-1]:.3f}, {timer.avg():.3f} sec/epoch")
    return timer.cumsum(), animator.Y[0]


def train_sgd(lr, batch_size, num_epochs=2):
    data_iter, feature_dim = get_data_ch11(batch_size)
    return train_ch11(sgd, None, {"lr": lr}, data_iter, feature_dim, num_epochs)


train_ch11(sgd, None, {"lr": 0.05}, *d2l.get_data_ch11(10))
gd_res = train_sgd(1, 1500, 10)
mini1_res = train_sgd(0.4, 100)
mini2_res = train_sgd(0.05, 10)
d2l.set_figsize([6, 3])
d2l.plot(
    *list(map(list, zip(gd_res, mini1_res, mini2_res))),
    "time (sec)",
    "loss",
    xlim=[1e-2, 10],
    legend=["gd", "batch size=100", "batch size=10"],
)
d2l.plt.gca().set_xscale("log")
assert len(d2l.plt.gca().lines) == 3


# %%
def train_concise_ch11(trainer_fn, hyperparams, data_iter, num_epochs=2):
    net = tf.keras.Sequential()
    kernel = tf.random_normal_initializer(stddev=0.01)
    net.add(tf.keras.layers.Dense(1, kernel_initializer=kernel))
    optimizer = trainer_fn(**hyperparams)
    loss = tf.keras.losses.MeanSquaredError()
    for _ in range(num_epochs):
        for X, y in data_iter:
            with tf.GradientTape() as g:
                l = loss(y, net(X))
                params = net.trainable_variables
                grads = g.gradient(l, params)
            optimizer.apply_gradients(zip(grads, params))
    print(f"loss: {d2l.evaluate_loss(net, data_iter, loss) / 2:.3f}")


data_iter, _ = get_data_ch11(10)
train_concise_ch11(tf.keras.optimizers.SGD, {"learning_rate": 0.01}, data_iter)
# %% momentum
eta, beta = 0.6, 0.5


def f_2d(x1, x2):
    return 0.1 * x1**2 + 2 * x2**2


def momentum_2d(x1, x2, v1, v2):
    v1 = beta * v1 + 0.2 * x1
    v2 = beta * v2 + 4 * x2
    return x1 - eta * v1, x2 - eta * v2, v1, v2


d2l.show_trace_2d(f_2d, d2l.train_2d(momentum_2d))
d2l.set_figsize()
for beta in [0.95, 0.9, 0.6, 0]:
    x = d2l.numpy(tf.range(40, dtype=tf.float32))
    d2l.plt.plot(x, beta**x, label=f"beta = {beta:.2f}")
d2l.plt.xlabel("time")
d2l.plt.legend()
assert len(d2l.plt.gca().lines) == 4


def init_momentum_states(feature_dim):
    return tf.Variable(tf.zeros((feature_dim, 1))), tf.Variable(tf.zeros(1))


def sgd_momentum(params, grads, states, hyperparams):
    for p, v, g in zip(params, states, grads):
        v[:].assign(hyperparams["momentum"] * v + g)
        p[:].assign(p - hyperparams["lr"] * v)


data_iter, feature_dim = d2l.get_data_ch11(batch_size=10)
d2l.train_ch11(
    sgd_momentum,
    init_momentum_states(feature_dim),
    {"lr": 0.01, "momentum": 0.9},
    data_iter,
    feature_dim,
    2,
)
d2l.train_concise_ch11(
    tf.keras.optimizers.SGD, {"learning_rate": 0.005, "momentum": 0.9}, data_iter
)


# %% adagrad, rmsprop
def one_state(feature_dim):
    return tf.Variable(d2l.zeros((feature_dim, 1))), tf.Variable(d2l.zeros(1))


def adagrad(params, grads, states, hyperparams):
    for p, s, g in zip(params, states, grads):
        s[:].assign(s + tf.square(g))
        p[:].assign(p - hyperparams["lr"] * g / tf.sqrt(s + 1e-6))


def rmsprop(params, grads, states, hyperparams):
    gamma, eps = hyperparams["gamma"], 1e-6
    for p, s, g in zip(params, states, grads):
        s[:].assign(gamma * s + (1 - gamma) * tf.square(g))
        p[:].assign(p - hyperparams["lr"] * g / tf.sqrt(s + eps))


states = one_state(feature_dim)
d2l.train_ch11(adagrad, states, {"lr": 0.1}, data_iter, feature_dim)
d2l.train_concise_ch11(tf.keras.optimizers.Adagrad, {"learning_rate": 0.1}, data_iter)
states = one_state(feature_dim)
d2l.train_ch11(rmsprop, states, {"lr": 0.01, "gamma": 0.9}, data_iter, feature_dim)
d2l.train_concise_ch11(
    tf.keras.optimizers.RMSprop, {"learning_rate": 0.01, "rho": 0.9}, data_iter
)


# %% adadelta
def two_states(feature_dim):
    zeros = lambda: (
        tf.Variable(d2l.zeros((feature_dim, 1))),
        tf.Variable(d2l.zeros(1)),
    )
    return tuple(zip(zeros(), zeros()))


def adadelta(params, grads, states, hyperparams):
    rho, eps = hyperparams["rho"], 1e-5
    for p, (s, delta), g in zip(params, states, grads):
        s[:].assign(rho * s + (1 - rho) * tf.square(g))
        d = tf.math.sqrt(delta + eps) / tf.math.sqrt(s + eps) * g
        p[:].assign(p - d)
        delta[:].assign(rho * delta + (1 - rho) * d * d)


states = two_states(feature_dim)
d2l.train_ch11(adadelta, states, {"rho": 0.9}, data_iter, feature_dim)
d2l.train_concise_ch11(
    tf.keras.optimizers.Adadelta, {"learning_rate": 5.0, "rho": 0.9}, data_iter
)


# %% adam
def adam(params, grads, states, hyperparams):
    beta1, beta2, eps = 0.9, 0.999, 1e-6
    for p, (v, s), g in zip(params, states, grads):
        v[:].assign(beta1 * v + (1 - beta1) * g)
        s[:].assign(beta2 * s + (1 - beta2) * tf.square(g))
        v_hat = v / (1 - beta1 ** hyperparams["t"])
        s_hat = s / (1 - beta2 ** hyperparams["t"])
        p[:].assign(p - hyperparams["lr"] * v_hat / (tf.sqrt(s_hat) + eps))
    hyperparams["t"] += 1


states = two_states(feature_dim)
d2l.train_ch11(adam, states, {"lr": 0.01, "t": 1}, data_iter, feature_dim)
d2l.train_concise_ch11(tf.keras.optimizers.Adam, {"learning_rate": 0.01}, data_iter)
# %% learning-rate scheduling
device = d2l.try_gpu()
scheduler = tf.keras.optimizers.schedules.PiecewiseConstantDecay(
    [15, 30], [0.5, 0.25, 0.1]
)
d2l.plot(tf.range(40), [scheduler(t) for t in range(40)])
animator = d2l.Animator(
    xlabel="epoch", xlim=[0, 2], legend=["train loss", "train acc", "test acc"]
)
metric = d2l.Accumulator(3)
metric.add(tf.Variable(2.0), 3, 4)
animator.add(1, (metric[0] / metric[2], metric[1] / metric[2], None))
animator.add(2, (None, None, tf.constant(0.5)))
assert animator.Y == [[0.5], [0.75], [0.5]]
